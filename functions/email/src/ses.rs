//! The SES client, which never sends a mail twice on its own account.

use std::time::Duration;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::retry::{ClassifyRetry, RetryAction, RetryConfig};
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::ErrorKind;
use aws_smithy_runtime_api::client::retries::classifiers::{RetryClassifierPriority, RetryReason};
use switchyard_chassis::Clients;

/// How long SES may take over one mail. Longer than for other calls, as giving up too early means that it may be sent again.
const ATTEMPT: Duration = Duration::from_secs(10);

/// How long a mail may wait for its turn at SES: well within the function's 30 seconds and the lease's 60.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client that waits its turn when SES says that mail comes too fast, and that leaves all else to the queue.
///
/// Waiting here, and not only in the queue, is what slows a backlog down to the pace that SES allows: each waiting batch keeps
/// one of the function's places, whereas messages put back would use up their receives within minutes.
pub(crate) fn client(clients: &Clients) -> Client {
    let retries = RetryConfig::standard()
        .with_max_attempts(8)
        .with_initial_backoff(Duration::from_millis(300))
        .with_max_backoff(Duration::from_secs(5));
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(PATIENCE);
    let config = aws_sdk_sesv2::config::Builder::from(clients.sdk())
        .retry_config(retries)
        .timeout_config(timeouts.build())
        .retry_classifier(OnlyThrottling);
    Client::from_conf(config.build())
}

/// Forbids the SDK's own retry of a call that may have had its effect: SES knows no idempotency token, so a mail whose answer was
/// lost would leave again. Only a throttled call surely had none.
#[derive(Debug)]
struct OnlyThrottling;

impl ClassifyRetry for OnlyThrottling {
    fn classify_retry(&self, _: &InterceptorContext) -> RetryAction {
        RetryAction::RetryForbidden
    }

    fn classify_retry_v2(&self, _: &InterceptorContext, sofar: &RetryAction) -> RetryAction {
        match sofar {
            RetryAction::RetryIndicated(RetryReason::RetryableError { kind: ErrorKind::ThrottlingError, .. }) => {
                sofar.clone()
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
