//! The configuration of AWS clients, built once per process from the environment that Lambda sets.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use std::time::Duration;

use crate::Env;

const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

/// The configuration that every AWS client of a function shares: one HTTP connector, one set of credentials.
///
/// Lambda sets the credentials as environment variables, valid for the life of the process. The provider chain of `aws-config`
/// would look in six places and more than double the start-up time for the same result.
#[derive(Debug, Clone)]
pub struct Clients {
    sdk: SdkConfig,
    /// Whether the configuration is from elsewhere, its HTTP client included.
    is_foreign: bool,
}

impl Clients {
    /// Reads `AWS_REGION`, the three credential variables, and `AWS_ENDPOINT_URL` (set for a local cloud only).
    pub fn from_env(env: &mut Env) -> Self {
        let credentials = Credentials::new(
            env.required::<String>("AWS_ACCESS_KEY_ID"),
            env.required::<String>("AWS_SECRET_ACCESS_KEY"),
            env.optional::<String>("AWS_SESSION_TOKEN"),
            None,
            "lambda environment",
        );
        let mut sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(env.required::<String>("AWS_REGION")))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(Builder::new().tls_provider(TLS).build_https())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(SharedTimeSource::new(SystemTimeSource::new()))
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(2))
                    .operation_attempt_timeout(Duration::from_secs(5))
                    .build(),
            );
        if let Some(url) = env.optional::<String>("AWS_ENDPOINT_URL") {
            sdk = sdk.endpoint_url(url);
        }
        Self { sdk: sdk.build(), is_foreign: false }
    }

    /// Wraps a configuration from elsewhere, for tests.
    pub fn from_sdk(sdk: SdkConfig) -> Self {
        Self { sdk, is_foreign: true }
    }

    /// The same configuration, but each request opens its own connection.
    ///
    /// Lambda freezes a function between invocations, and the other side may close a connection meanwhile. The SDK retries a call
    /// that fails because of it. A client whose calls must not be retried cannot use such a connection at all.
    pub fn sdk_without_idle_connections(&self) -> SdkConfig {
        if self.is_foreign {
            return self.sdk.clone();
        }
        let http_client = Builder::new().tls_provider(TLS).pool_max_idle_per_host(0).build_https();
        self.sdk.to_builder().http_client(http_client).build()
    }

    /// The argument of `Client::new` of any AWS SDK crate.
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }
}
