//! The SES client. It does not retry a call that may have sent the mail.

use std::time::Duration;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::retry::{ClassifyRetry, RetryAction, RetryConfig};
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::ErrorKind;
use aws_smithy_runtime_api::client::retries::classifiers::{RetryClassifierPriority, RetryReason};
use switchyard_chassis::Clients;

/// The timeout of one attempt, and of all attempts for one mail. It is as long as an invocation allows (30 seconds, less the time to
/// claim a lease before and to complete it after), because after a timeout the mail may be sent again: an answer that comes late is
/// better than none. It is less than the lease of 60 seconds.
const SEND_TIMEOUT: Duration = Duration::from_secs(24);

/// The number of attempts, including the first. Only throttled calls are repeated.
const MAX_ATTEMPTS: u32 = 8;

/// A client that retries throttled calls and leaves all other errors to the queue. Each call opens its own connection.
///
/// Waiting here, and not only in the queue, slows a backlog down to the rate that SES allows: each waiting batch occupies one of
/// the function's concurrent executions.
pub(crate) fn client(clients: &Clients) -> Client {
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(300))
        .with_max_backoff(Duration::from_secs(5));
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(SEND_TIMEOUT)
        .operation_timeout(SEND_TIMEOUT);
    let config = aws_sdk_sesv2::config::Builder::from(&clients.sdk_without_idle_connections())
        .retry_config(retries)
        .timeout_config(timeouts.build())
        .retry_classifier(OnlyThrottling);
    Client::from_conf(config.build())
}

/// Forbids the SDK to retry a call that may have succeeded. SES has no idempotency token, so a mail whose response was lost would
/// be sent again. Only a throttled call has certainly sent nothing.
#[derive(Debug)]
struct OnlyThrottling;

impl ClassifyRetry for OnlyThrottling {
    fn classify_retry(&self, _: &InterceptorContext) -> RetryAction {
        RetryAction::RetryForbidden
    }

    fn classify_retry_v2(&self, _: &InterceptorContext, decision: &RetryAction) -> RetryAction {
        match decision {
            RetryAction::RetryIndicated(RetryReason::RetryableError { kind: ErrorKind::ThrottlingError, .. }) => {
                decision.clone()
            }
            _ => RetryAction::RetryForbidden,
        }
    }

    fn name(&self) -> &'static str {
        "only throttling"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
