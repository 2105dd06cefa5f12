//! A message that was not applied: back to its queue, or to the dead-letter queue with its reason.

use std::collections::HashMap;
use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, MessageAttributeValue};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::aws_error::describe;
use crate::sqs::dead_letter::DeadLetter;
use crate::sqs::retry_policy::{RetryAction, RetryPolicy};
use crate::{Env, Failure};

/// The longest visibility timeout, in seconds
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>, 2026-11-21).
const MAX_VISIBILITY_SECS: i32 = 43_200;

/// Entries that one batch call may hold
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html>, 2026-11-21).
const MAX_BATCH_ENTRIES: usize = 10;

/// A consumer's queue and the dead-letter queue behind it.
#[derive(Debug, Clone)]
pub struct Queue {
    /// The client for both.
    pub client: Client,
    /// The queue that feeds the consumer.
    pub url: String,
    /// The dead-letter queue behind it.
    pub dlq_url: String,
    /// When a message that failed is delivered again, and when not.
    pub retry_policy: RetryPolicy,
}

/// What happens to a message after its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// Lambda deletes it: its event is applied.
    Acknowledge,
    /// Lambda deletes it: a copy with the reason is in the dead-letter queue.
    DeadLettered,
    /// It stays in its queue and is delivered again.
    Redeliver,
}

impl Queue {
    /// Reads `QUEUE_URL`, `DLQ_URL` and the variables of [`RetryPolicy`].
    pub fn from_env(env: &mut Env, client: Client) -> Self {
        Self {
            client,
            url: env.required("QUEUE_URL"),
            dlq_url: env.required("DLQ_URL"),
            retry_policy: RetryPolicy::from_env(env),
        }
    }

    /// Returns or dead-letters a message whose event failed. If the call to SQS fails, or has no answer by `answer_by`, the message
    /// stays in its queue.
    pub(crate) async fn dispose(
        &self,
        consumer: &str,
        message: &SqsMessage,
        failure: &Failure,
        now: Timestamp,
        answer_by: Instant,
    ) -> Disposition {
        match self.retry_policy.decide(failure, age(message, now), receive_count(message)) {
            RetryAction::Redeliver(wait) => self.defer(consumer, message, wait, answer_by).await,
            RetryAction::DeadLetter => match self.dead_letter(consumer, message, failure, answer_by).await {
                Ok(()) => Disposition::DeadLettered,
                Err(error) => stays_in_queue(consumer, message, &error),
            },
        }
    }

    /// Deletes messages, so that a process that ends before its answer does not bring them back. A message that cannot be deleted is
    /// delivered again, and is then a duplicate.
    pub(crate) async fn delete(&self, consumer: &str, messages: &[&SqsMessage], answer_by: Instant) {
        let entry = |(index, message): (usize, &&SqsMessage)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
            entry.receipt_handle(message.receipt_handle.clone().unwrap_or_default()).build()
        };
        for chunk in messages.chunks(MAX_BATCH_ENTRIES) {
            let error = match chunk.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>() {
                Err(error) => Some(error.to_string()),
                Ok(entries) => {
                    let request = self.client.delete_message_batch().queue_url(&self.url).set_entries(Some(entries));
                    match answer_until(answer_by, request.send()).await {
                        Err(error) => Some(error),
                        Ok(answer) => answer.failed.first().map(|failed| failed.code.clone()),
                    }
                }
            };
            if let Some(error) = error {
                tracing::warn!(consumer, error, "SQS DeleteMessageBatch: applied messages stay in their queue");
            }
        }
    }

    /// Makes a message visible again after this time, however often it has been received and however old it is. Only SQS's own redrive policy ends
    /// this.
    pub(crate) async fn defer(
        &self,
        consumer: &str,
        message: &SqsMessage,
        wait: Duration,
        answer_by: Instant,
    ) -> Disposition {
        match self.change_visibility(message, wait, answer_by).await {
            Ok(()) => Disposition::Redeliver,
            Err(error) => stays_in_queue(consumer, message, &error),
        }
    }

    /// Keeps the message invisible for this time.
    async fn change_visibility(&self, message: &SqsMessage, wait: Duration, answer_by: Instant) -> Result<(), String> {
        // Rounded up, so that a lease has ended when the message is visible again. SQS accepts at most 12 hours.
        let seconds = i32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(i32::MAX).min(MAX_VISIBILITY_SECS);
        let request = self.client.change_message_visibility().queue_url(&self.url).visibility_timeout(seconds);
        let call = request.set_receipt_handle(message.receipt_handle.clone()).send();
        let answer = answer_until(answer_by, call).await;
        answer.map(drop).map_err(|error| format!("SQS ChangeMessageVisibility: {error}"))
    }

    /// Sends the message, its body unchanged, to the dead-letter queue with the reason.
    async fn dead_letter(
        &self,
        consumer: &str,
        message: &SqsMessage,
        failure: &Failure,
        answer_by: Instant,
    ) -> Result<(), String> {
        let attributes = attributes(consumer, message, failure).map_err(|error| error.to_string())?;
        let request = self.client.send_message().queue_url(&self.dlq_url).set_message_attributes(Some(attributes));
        let call = request.message_body(message.body.clone().unwrap_or_default()).send();
        let answer = answer_until(answer_by, call).await;
        answer.map(drop).map_err(|error| format!("SQS SendMessage: {error}"))
    }
}

/// The answer to a call, or why there is none by this time.
async fn answer_until<T, E, R>(
    answer_by: Instant,
    call: impl Future<Output = Result<T, SdkError<E, R>>>,
) -> Result<T, String>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match timeout_at(answer_by, call).await {
        Ok(answer) => answer.map_err(|error| describe(&error)),
        Err(_) => Err("no answer in the time that was left".to_owned()),
    }
}

/// The message becomes visible again when the queue's visibility timeout ends.
fn stays_in_queue(consumer: &str, message: &SqsMessage, error: &str) -> Disposition {
    tracing::error!(consumer, message_id = message.message_id, error, "the message stays in its queue");
    Disposition::Redeliver
}

/// How often the message has been received, this time included.
pub(crate) fn receive_count(message: &SqsMessage) -> u32 {
    attribute(message, "ApproximateReceiveCount").and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// The time since the message was sent to its queue. A redriven message starts at zero again.
pub(crate) fn age(message: &SqsMessage, now: Timestamp) -> Duration {
    let sent_ms = attribute(message, "SentTimestamp").and_then(|text| text.parse::<i64>().ok());
    let age_ms = sent_ms.map_or(0, |sent_ms| now.as_millisecond().saturating_sub(sent_ms));
    Duration::from_millis(u64::try_from(age_ms).unwrap_or(0))
}

fn attribute<'a>(message: &'a SqsMessage, name: &str) -> Option<&'a str> {
    message.attributes.get(name).map(String::as_str)
}

/// The attributes that show people and `yard` why the message was dead-lettered.
fn attributes(
    consumer: &str,
    message: &SqsMessage,
    failure: &Failure,
) -> Result<HashMap<String, MessageAttributeValue>, BuildError> {
    let (code, reason) = match failure {
        Failure::Reject { code, reason } => (code.as_str(), reason.as_str()),
        Failure::Retry { reason, .. } | Failure::Panic { reason } => ("retries_exhausted", reason.as_str()),
    };
    let envelope = message.body.as_deref().and_then(|body| switchyard_events::parse_body(body).ok());
    DeadLetter {
        consumer,
        code,
        reason,
        receive_count: receive_count(message),
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
    fn dlq_attributes_have_the_reason_of_an_unreadable_body() {
        let failure = Failure::reject("malformed", "é".repeat(1000));
        let attributes = attributes("tax", &message("3"), &failure).unwrap();
        let text = |name: &str| attributes[name].string_value().unwrap().to_owned();
        assert_eq!(text("error_code"), "malformed");
        assert_eq!(text("error").len(), 1024);
        assert_eq!(text("receive_count"), "3");
        assert!(!attributes.contains_key("event_id"));
    }

    #[test]
    fn fingerprint_ignores_numbers_in_the_reason() {
        let fingerprint = |reason: &str| {
            let attributes = attributes("tax", &message("1"), &Failure::reject("malformed", reason)).unwrap();
            attributes["fingerprint"].string_value().unwrap().to_owned()
        };
        assert_eq!(fingerprint("items[0].sku: missing at line 1"), fingerprint("items[12].sku: missing at line 7"));
        assert_ne!(fingerprint("items[0].sku: missing"), fingerprint("items[0].name: missing"));
    }
}
