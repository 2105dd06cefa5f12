//! AWS clients for one account: that of a local instance, or one on AWS.

use anyhow::{Context, Result};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// The region of every local instance.
pub(crate) const LOCAL_REGION: &str = "us-east-1";

/// Access key id and secret of a local instance's root user.
pub(crate) const LOCAL_KEY: &str = "test";

/// Where a stack is, and clients that reach it. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// The name of the stack.
    pub stack: String,
    /// The local cloud's address; none on AWS.
    pub endpoint: Option<String>,
    /// For clients of services that are not listed here.
    pub config: SdkConfig,
    pub cloudformation: aws_sdk_cloudformation::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub eventbridge: aws_sdk_eventbridge::Client,
    pub lambda: aws_sdk_lambda::Client,
    pub ses: aws_sdk_sesv2::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub sts: aws_sdk_sts::Client,
}

impl Cloud {
    /// A stack in the local cloud at `endpoint`, as its root user.
    pub(crate) fn local(stack: String, endpoint: String) -> Self {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(LOCAL_REGION))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                LOCAL_KEY, LOCAL_KEY, None, None, "local",
            )))
            .endpoint_url(&endpoint)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self::new(stack, Some(endpoint), config)
    }

    /// A stack on AWS, with the usual chain of credentials and regions.
    pub async fn aws(stack: &str, region: Option<String>) -> Result<Self> {
        let http =
            aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        let config = loader.load().await;
        config.region().context("no AWS region is set: pass --aws-region, or set AWS_REGION (make: REGION=…)")?;
        Ok(Self::new(stack.to_owned(), None, config))
    }

    fn new(stack: String, endpoint: Option<String>, config: SdkConfig) -> Self {
        Self {
            stack,
            endpoint,
            cloudformation: aws_sdk_cloudformation::Client::new(&config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            eventbridge: aws_sdk_eventbridge::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            ses: aws_sdk_sesv2::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
            config,
        }
    }

    /// The region that calls go to.
    pub fn region(&self) -> &str {
        self.config.region().map_or(LOCAL_REGION, Region::as_ref)
    }

    /// The stack's name and place, for people.
    pub fn describe(&self) -> String {
        match &self.endpoint {
            Some(endpoint) => format!("local stack {} at {endpoint}", self.stack),
            None => format!("AWS stack {} in {}", self.stack, self.region()),
        }
    }
}
