//! What happens to a message that was not applied: back into its queue, or into the dead-letter queue with its reason.

use std::collections::HashMap;
use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::MessageAttributeValue;

use crate::{DeadLetter, Env, Failure, backoff};

/// A consumer's queue and the dead-letter queue behind it.
#[derive(Debug, Clone)]
pub struct Queue {
    /// The client for both.
    pub client: Client,
    /// The queue that the consumer is fed from.
    pub url: String,
    /// The dead-letter queue behind it.
    pub dlq_url: String,
    /// Receives after which a message that fails is dead. The queue's own `maxReceiveCount` is higher: a crash, or a lease that
    /// was another's, is a receive as well, and must not be the last straw.
    pub max_receives: u32,
}

/// Whether the message may be deleted from its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposal {
    /// It lies in the dead-letter queue with its reason.
    Dead,
    /// It comes back.
    Back,
}

impl Queue {
    /// Reads `QUEUE_URL`, `DLQ_URL` and `MAX_RECEIVES`.
    pub fn from_env(env: &mut Env, client: Client) -> Self {
        Self {
            client,
            url: env.required("QUEUE_URL"),
            dlq_url: env.required("DLQ_URL"),
            max_receives: env.or("MAX_RECEIVES", 5),
        }
    }

    /// Deals with a message whose event failed. Whatever fails here leaves the message in its queue: nothing is lost.
    pub(crate) async fn dispose(&self, consumer: &str, message: &SqsMessage, failure: &Failure) -> Disposal {
        let receives = receives(message);
        let last = receives >= self.max_receives;
        let wait = match failure {
            Failure::Reject { .. } => None,
            Failure::Retry { .. } if last => None,
            Failure::Retry { after, .. } => Some(after.unwrap_or_else(|| backoff::visibility(receives))),
        };
        match wait {
            Some(wait) => self.defer(consumer, message, wait).await,
            None => match self.bury(consumer, message, failure).await {
                Ok(()) => Disposal::Dead,
                Err(error) => stays(consumer, message, &error),
            },
        }
    }

    /// Puts a message back for this long, however often it has been received: nothing is wrong with it. Only SQS's own redrive
    /// policy ends this.
    pub(crate) async fn defer(&self, consumer: &str, message: &SqsMessage, wait: Duration) -> Disposal {
        match self.hide(message, wait).await {
            Ok(()) => Disposal::Back,
            Err(error) => stays(consumer, message, &error),
        }
    }

    /// Keeps the message invisible for this long.
    async fn hide(&self, message: &SqsMessage, wait: Duration) -> Result<(), String> {
        // Rounded up, so that a lease has ended when the message is back; SQS takes 12 hours at most.
        let seconds = i32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(i32::MAX).min(43_200);
        let request = self.client.change_message_visibility().queue_url(&self.url).visibility_timeout(seconds);
        let answer = request.set_receipt_handle(message.receipt_handle.clone()).send().await;
        answer.map(drop).map_err(|error| format!("SQS ChangeMessageVisibility: {}", crate::table::describe(&error)))
    }

    /// Sends the message, its body untouched, to the dead-letter queue with the reason.
    async fn bury(&self, consumer: &str, message: &SqsMessage, failure: &Failure) -> Result<(), String> {
        let attributes = attributes(consumer, message, failure).map_err(|error| error.to_string())?;
        let request = self.client.send_message().queue_url(&self.dlq_url).set_message_attributes(Some(attributes));
        let answer = request.message_body(message.body.clone().unwrap_or_default()).send().await;
        answer.map(drop).map_err(|error| format!("SQS SendMessage: {}", crate::table::describe(&error)))
    }
}

/// Nothing could be done with it: it comes back when its invisibility ends.
fn stays(consumer: &str, message: &SqsMessage, error: &str) -> Disposal {
    tracing::error!(consumer, message_id = message.message_id, error, "the message stays in its queue");
    Disposal::Back
}

/// How often the message has been received, this time included.
pub(crate) fn receives(message: &SqsMessage) -> u32 {
    attribute(message, "ApproximateReceiveCount").and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn attribute<'a>(message: &'a SqsMessage, name: &str) -> Option<&'a str> {
    message.attributes.get(name).map(String::as_str)
}

/// Why the message is dead, for people and for `yard`.
fn attributes(
    consumer: &str,
    message: &SqsMessage,
    failure: &Failure,
) -> Result<HashMap<String, MessageAttributeValue>, BuildError> {
    let (code, reason) = match failure {
        Failure::Reject { code, reason } => (code.as_str(), reason.as_str()),
        Failure::Retry { reason, .. } => ("retries_exhausted", reason.as_str()),
    };
    let envelope = message.body.as_deref().and_then(|body| switchyard_events::parse_body(body).ok());
    DeadLetter {
        consumer,
        code,
        reason,
        receive_count: receives(message),
        first_received_at: attribute(message, "ApproximateFirstReceiveTimestamp"),
        metadata: envelope.as_ref().map(|envelope| &envelope.metadata),
    }
    .attributes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(receives: &str) -> SqsMessage {
        let mut message = SqsMessage::default();
        message.body = Some("not json".into());
        message.attributes.insert("ApproximateReceiveCount".into(), receives.into());
        message.attributes.insert("ApproximateFirstReceiveTimestamp".into(), "1764000000000".into());
        message
    }

    #[test]
    fn a_dead_letter_says_why_even_where_the_body_cannot_be_read() {
        let failure = Failure::reject("malformed", "é".repeat(1000));
        let attributes = attributes("tax", &message("3"), &failure).unwrap();
        let text = |name: &str| attributes[name].string_value().unwrap().to_owned();
        assert_eq!(text("error_code"), "malformed");
        assert_eq!(text("error").len(), 1024);
        assert_eq!(text("receive_count"), "3");
        assert!(!attributes.contains_key("event_id"));
    }

    #[test]
    fn the_same_fault_in_another_line_has_the_same_fingerprint() {
        let of = |reason: &str| {
            let attributes = attributes("tax", &message("1"), &Failure::reject("malformed", reason)).unwrap();
            attributes["fingerprint"].string_value().unwrap().to_owned()
        };
        assert_eq!(of("items[0].sku: missing at line 1"), of("items[12].sku: missing at line 7"));
        assert_ne!(of("items[0].sku: missing"), of("items[0].name: missing"));
    }
}
