//! The publisher's dead-letter queue: entries that cannot be published, with the reason.

use aws_sdk_sqs::Client;
use switchyard_chassis::{DeadLetter, describe};
use switchyard_events::Metadata;

use crate::entry::Entry;

/// A message for the dead-letter queue.
#[derive(Debug)]
pub(crate) struct RejectedEntry {
    /// An entry as JSON, which a redrive can publish once its cause is repaired; or the keys and the outbox of a row
    /// whose outbox cannot be parsed.
    pub(crate) body: String,
    /// A short, stable name of the cause.
    pub(crate) code: &'static str,
    pub(crate) reason: String,
    /// How often the entry was sent to the bus; 1 for an outbox that cannot be parsed.
    pub(crate) attempts: u32,
    /// When the row was created, in milliseconds since 1970.
    pub(crate) created_at_ms: Option<String>,
    pub(crate) metadata: Option<Metadata>,
}

impl RejectedEntry {
    pub(crate) fn new(entry: Entry, code: &'static str, reason: String) -> Self {
        Self {
            // Cannot fail: the entry consists of two strings and a valid JSON text.
            body: serde_json::to_string(&entry.event).unwrap_or_default(),
            code,
            reason,
            attempts: entry.attempts,
            created_at_ms: entry.created_at_ms,
            metadata: entry.metadata,
        }
    }
}

pub(crate) struct DeadLetterQueue {
    client: Client,
    url: String,
}

impl DeadLetterQueue {
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends an entry to the queue and logs the result. Returns whether the queue accepted it.
    pub(crate) async fn dead_letter(&self, rejected: &RejectedEntry) -> bool {
        let event_id = rejected.metadata.as_ref().map(|metadata| metadata.event_id.as_str());
        let (error_code, reason) = (rejected.code, rejected.reason.as_str());
        match self.send(rejected).await {
            Ok(()) => {
                tracing::warn!(function = "publisher", outcome = "dead", event_id, error_code, error = reason);
                true
            }
            Err(error) => {
                tracing::error!(function = "publisher", outcome = "dead_letter_failed", event_id, error_code, error);
                false
            }
        }
    }

    async fn send(&self, rejected: &RejectedEntry) -> Result<(), String> {
        let attributes = DeadLetter {
            consumer: "publisher",
            code: rejected.code,
            reason: &rejected.reason,
            receive_count: rejected.attempts,
            first_received_at: rejected.created_at_ms.as_deref(),
            metadata: rejected.metadata.as_ref(),
        }
        .attributes();
        let request = self.client.send_message().queue_url(&self.url).message_body(&rejected.body);
        let request = request.set_message_attributes(Some(attributes.map_err(|error| error.to_string())?));
        let response = request.send().await;
        response.map(drop).map_err(|error| format!("SQS SendMessage: {}", describe(&error)))
    }
}
