//! What each answer of SES means for the message: try again, or never again.
//!
//! The kind of the error decides, never its text; and its text, which may quote the customer's address, goes nowhere. A `Reject`
//! loses nothing: the message waits in the dead-letter queue until someone redrives it.

use std::time::Duration;

use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use switchyard_chassis::Failure;

/// The wait when mail comes too fast or the day's quota is used up. SES advises up to ten minutes
/// (<https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html>, 2026-11-21).
const TOO_FAST: Duration = Duration::from_mins(5);

/// The wait when only an operator can help. With five receives this gives them an hour before messages are dead.
const FOR_OPERATOR: Duration = Duration::from_mins(15);

/// What to do about a call that failed.
pub(crate) fn failure<R>(error: &SdkError<SendEmailError, R>) -> Failure {
    match error {
        SdkError::ServiceError(answer) => refused(answer.err()),
        // Here the mail may have left. A confirmation that comes twice does less harm than one that never comes.
        SdkError::TimeoutError(_) => Failure::retry("SES did not answer in time; the mail may have left"),
        SdkError::ResponseError(_) => Failure::retry("SES's answer could not be read; the mail may have left"),
        SdkError::DispatchFailure(_) => {
            Failure::retry("SES could not be reached, or the connection broke and the mail may have left")
        }
        _ => Failure::retry("the request to SES could not be made; are there credentials?"),
    }
}

/// What to do about a refusal.
fn refused(error: &SendEmailError) -> Failure {
    use SendEmailError as E;
    match error {
        // The content or an address: outside the sandbox the recipient's. The same message will be refused again. An unverified
        // sender gives this too; then the dead-letter queue holds the messages until it is verified.
        E::MessageRejected(_) => Failure::reject(
            "message_rejected",
            "SES refuses this message or its recipient; if it refuses all, verify the sender (in the sandbox, the recipient too), then redrive",
        ),
        // The request itself is at fault, and it will be the same next time.
        E::BadRequestException(_) => Failure::reject("bad_request", "SES cannot accept such a request"),
        // All below hit every message alike and say nothing against this one.
        E::TooManyRequestsException(_) => Failure::retry_after(TOO_FAST, "SES: the sending rate or quota is exceeded"),
        E::LimitExceededException(_) => Failure::retry_after(TOO_FAST, "SES: a limit of the account is exceeded"),
        E::MailFromDomainNotVerifiedException(_) => {
            Failure::retry_after(FOR_OPERATOR, "SES: the MAIL FROM domain is not verified; check its MX record")
        }
        E::SendingPausedException(_) => {
            Failure::retry_after(FOR_OPERATOR, "SES: sending is paused for the account or the configuration set")
        }
        E::AccountSuspendedException(_) => {
            Failure::retry_after(FOR_OPERATOR, "SES: the account may not send; ask AWS Support")
        }
        E::NotFoundException(_) => {
            Failure::retry_after(FOR_OPERATOR, "SES: the configuration set or identity does not exist")
        }
        // Errors that the service's model does not declare, though they have a code. One that says "too fast" is documented.
        _ => match error.code() {
            Some("ThrottlingException" | "Throttling") => {
                Failure::retry_after(TOO_FAST, "SES: the sending rate or quota is exceeded")
            }
            Some(code) => Failure::retry(format!("SES: {}", name(code))),
            None => Failure::retry("SES: an error without a code"),
        },
    }
}

/// A code from outside, cut to what a code may be.
fn name(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_sesv2::error::ErrorMetadata;
    use aws_sdk_sesv2::types::error as e;

    use super::*;

    const QUOTE: &str = "Email address is not verified: ada@example.com";

    /// The declared error of this name, quoting an address as SES does.
    macro_rules! declared {
        ($name:ident) => {
            SendEmailError::$name(e::$name::builder().message(QUOTE).build())
        };
    }

    fn undeclared(code: &str) -> SendEmailError {
        SendEmailError::generic(ErrorMetadata::builder().code(code).message(QUOTE).build())
    }

    /// Every error, and the code it is rejected with or the wait before the next try.
    fn all() -> [(SendEmailError, Result<Option<Duration>, &'static str>); 11] {
        [
            (declared!(MessageRejected), Err("message_rejected")),
            (declared!(BadRequestException), Err("bad_request")),
            (declared!(TooManyRequestsException), Ok(Some(TOO_FAST))),
            (declared!(LimitExceededException), Ok(Some(TOO_FAST))),
            (undeclared("ThrottlingException"), Ok(Some(TOO_FAST))),
            (declared!(MailFromDomainNotVerifiedException), Ok(Some(FOR_OPERATOR))),
            (declared!(SendingPausedException), Ok(Some(FOR_OPERATOR))),
            (declared!(AccountSuspendedException), Ok(Some(FOR_OPERATOR))),
            (declared!(NotFoundException), Ok(Some(FOR_OPERATOR))),
            (undeclared("AccessDeniedException"), Ok(None)),
            (SendEmailError::unhandled(QUOTE), Ok(None)),
        ]
    }

    #[test]
    fn only_what_this_message_is_to_blame_for_is_rejected() {
        for (error, expected) in all() {
            match (refused(&error), expected) {
                (Failure::Reject { code, .. }, Err(expected)) => assert_eq!(code, expected),
                (Failure::Retry { after, .. }, Ok(expected)) => assert_eq!(after, expected, "{error:?}"),
                (failure, _) => panic!("{error:?} became {failure:?}"),
            }
        }
    }

    #[test]
    fn no_failure_repeats_what_ses_says() {
        for (error, _) in all() {
            let text = refused(&error).to_string();
            assert!(!text.contains("ada@example.com") && !text.contains(QUOTE), "{text}");
        }
    }

    #[test]
    fn a_call_without_an_answer_is_tried_again() {
        let lost: SdkError<SendEmailError, ()> = SdkError::timeout_error("ada@example.com");
        assert_eq!(failure(&lost), Failure::retry("SES did not answer in time; the mail may have left"));
    }
}
