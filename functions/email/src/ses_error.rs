//! Classifies errors of SES: retry, or reject.
//!
//! The kind of the error decides, never its text. The text may quote the customer's address, so it is not stored or logged. A
//! rejected message is not lost: it stays in the dead-letter queue until it is redriven.

use std::error::Error;
use std::io;
use std::time::Duration;

use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use switchyard_chassis::{Failure, SendError};

/// The delay after the sending rate or the daily quota is exceeded. SES advises up to ten minutes
/// (<https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html>, 2026-11-21).
const THROTTLE_DELAY: Duration = Duration::from_mins(5);

/// The delay after an error that an operator has to resolve.
const OPERATOR_DELAY: Duration = Duration::from_mins(15);

/// Classifies a failed call.
pub(crate) fn classify<R>(error: &SdkError<SendEmailError, R>) -> SendError {
    let unknown = |reason: &str| SendError::OutcomeUnknown(Failure::retry(reason));
    match error {
        SdkError::ServiceError(answer) => SendError::NotSent(classify_service_error(answer.err())),
        SdkError::TimeoutError(_) => unknown("SES did not answer in time; the mail may have been sent"),
        SdkError::ResponseError(_) => unknown("SES's answer could not be read; the mail may have been sent"),
        SdkError::DispatchFailure(failure) if is_before_the_request(failure.as_connector_error()) => {
            SendError::NotSent(Failure::retry("SES could not be reached: no connection"))
        }
        SdkError::DispatchFailure(_) => unknown("the connection to SES broke; the mail may have been sent"),
        _ => SendError::NotSent(Failure::retry("the request to SES could not be made; are there credentials?")),
    }
}

/// Whether a connection was never made, so that no request can have reached SES.
fn is_before_the_request(error: Option<&ConnectorError>) -> bool {
    let mut source = error.and_then(Error::source);
    while let Some(error) = source {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(is_no_connection) {
            return true;
        }
        source = error.source();
    }
    false
}

/// An I/O error may wrap another one, which is not its source.
fn is_no_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>());
    matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable)
        || inner.is_some_and(is_no_connection)
}

/// Classifies an error that SES returned.
fn classify_service_error(error: &SendEmailError) -> Failure {
    use SendEmailError as E;
    match error {
        // SES refuses the content or an address; outside the sandbox, the recipient's. It will refuse the same message again. An
        // unverified sender causes this error, too; then the messages stay in the dead-letter queue until it is verified.
        E::MessageRejected(_) => Failure::reject(
            "message_rejected",
            "SES refuses this message or its recipient; if it refuses all, verify the sender (in the sandbox, the recipient too), then redrive",
        ),
        // The request is invalid, and a retry would send the same request.
        E::BadRequestException(_) => Failure::reject("bad_request", "SES cannot accept such a request"),
        // The errors below affect all messages; they are not caused by this one.
        E::TooManyRequestsException(_) => {
            Failure::retry_after(THROTTLE_DELAY, "SES: the sending rate or quota is exceeded")
        }
        E::LimitExceededException(_) => Failure::retry_after(THROTTLE_DELAY, "SES: a limit of the account is exceeded"),
        E::MailFromDomainNotVerifiedException(_) => {
            Failure::retry_after(OPERATOR_DELAY, "SES: the MAIL FROM domain is not verified; check its MX record")
        }
        E::SendingPausedException(_) => {
            Failure::retry_after(OPERATOR_DELAY, "SES: sending is paused for the account or the configuration set")
        }
        E::AccountSuspendedException(_) => {
            Failure::retry_after(OPERATOR_DELAY, "SES: the account may not send; ask AWS Support")
        }
        E::NotFoundException(_) => {
            Failure::retry_after(OPERATOR_DELAY, "SES: the configuration set or identity does not exist")
        }
        // Errors that are not declared in the model of the service, but have a code. The throttling codes are documented.
        _ => match error.code() {
            Some("ThrottlingException" | "Throttling") => {
                Failure::retry_after(THROTTLE_DELAY, "SES: the sending rate or quota is exceeded")
            }
            Some(code) => Failure::retry(format!("SES: {}", safe_code(code))),
            None => Failure::retry("SES: an error without a code"),
        },
    }
}

/// Limits a code from outside to 64 letters and digits.
fn safe_code(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_sesv2::error::ErrorMetadata;
    use aws_sdk_sesv2::types::error as e;

    use super::*;

    const QUOTE: &str = "Email address is not verified: ada@example.com";

    /// The declared error of this name, with a message that quotes an address as SES does.
    macro_rules! declared {
        ($name:ident) => {
            SendEmailError::$name(e::$name::builder().message(QUOTE).build())
        };
    }

    fn undeclared(code: &str) -> SendEmailError {
        SendEmailError::generic(ErrorMetadata::builder().code(code).message(QUOTE).build())
    }

    /// Every error with the expected code of the rejection or the expected delay of the retry.
    fn expected_failures() -> [(SendEmailError, Result<Option<Duration>, &'static str>); 11] {
        [
            (declared!(MessageRejected), Err("message_rejected")),
            (declared!(BadRequestException), Err("bad_request")),
            (declared!(TooManyRequestsException), Ok(Some(THROTTLE_DELAY))),
            (declared!(LimitExceededException), Ok(Some(THROTTLE_DELAY))),
            (undeclared("ThrottlingException"), Ok(Some(THROTTLE_DELAY))),
            (declared!(MailFromDomainNotVerifiedException), Ok(Some(OPERATOR_DELAY))),
            (declared!(SendingPausedException), Ok(Some(OPERATOR_DELAY))),
            (declared!(AccountSuspendedException), Ok(Some(OPERATOR_DELAY))),
            (declared!(NotFoundException), Ok(Some(OPERATOR_DELAY))),
            (undeclared("AccessDeniedException"), Ok(None)),
            (SendEmailError::unhandled(QUOTE), Ok(None)),
        ]
    }

    #[test]
    fn only_errors_caused_by_the_message_are_rejected() {
        for (error, expected) in expected_failures() {
            match (classify_service_error(&error), expected) {
                (Failure::Reject { code, .. }, Err(expected)) => assert_eq!(code, expected),
                (Failure::Retry { after, .. }, Ok(expected)) => assert_eq!(after, expected, "{error:?}"),
                (failure, _) => panic!("{error:?} became {failure:?}"),
            }
        }
    }

    #[test]
    fn failure_does_not_quote_the_ses_error_text() {
        for (error, _) in expected_failures() {
            let text = classify_service_error(&error).to_string();
            assert!(!text.contains("ada@example.com") && !text.contains(QUOTE), "{text}");
        }
    }

    #[test]
    fn timeout_without_an_answer_is_retried() {
        let lost: SdkError<SendEmailError, ()> = SdkError::timeout_error("ada@example.com");
        let failure = Failure::retry("SES did not answer in time; the mail may have been sent");
        assert_eq!(classify(&lost), SendError::OutcomeUnknown(failure));
    }

    #[test]
    fn only_a_refused_connection_certainly_sent_nothing() {
        use io::ErrorKind as Kind;
        let cases = [(Kind::ConnectionRefused, true), (Kind::ConnectionReset, false), (Kind::UnexpectedEof, false)];
        for (kind, is_not_sent) in cases {
            let connector = ConnectorError::io(Box::new(io::Error::other(io::Error::from(kind))));
            let nested = ConnectorError::io(Box::new(io::Error::from(kind)));
            for error in [connector, nested] {
                let error: SdkError<SendEmailError, ()> = SdkError::dispatch_failure(error);
                assert_eq!(matches!(classify(&error), SendError::NotSent(_)), is_not_sent, "{error:?}");
            }
        }
    }
}
