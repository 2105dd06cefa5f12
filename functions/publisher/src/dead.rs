//! Entries that can never go: into the dead-letter queue, with their reason.

use aws_sdk_sqs::Client;
use switchyard_chassis::{DeadLetter, describe};
use switchyard_events::Metadata;

use crate::entry::Entry;

/// What is to be kept of an entry that was given up.
#[derive(Debug)]
pub(crate) struct Dead {
    /// The entry as JSON, ready to be put on the bus once its cause is mended.
    pub(crate) body: String,
    pub(crate) code: &'static str,
    pub(crate) reason: String,
    pub(crate) tries: u32,
    pub(crate) since: Option<String>,
    pub(crate) metadata: Option<Metadata>,
}

impl Dead {
    pub(crate) fn of(entry: Entry, code: &'static str, reason: String) -> Self {
        Self {
            // Cannot fail: two strings and what is JSON already.
            body: serde_json::to_string(&entry.event).unwrap_or_default(),
            code,
            reason,
            tries: entry.tries,
            since: entry.since,
            metadata: entry.metadata,
        }
    }
}

/// The publisher's dead-letter queue.
pub(crate) struct DeadLetters {
    client: Client,
    url: String,
}

impl DeadLetters {
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Whether it lies in the queue now.
    pub(crate) async fn bury(&self, dead: &Dead) -> bool {
        let event_id = dead.metadata.as_ref().map(|metadata| metadata.event_id.as_str());
        let (error_code, reason) = (dead.code, dead.reason.as_str());
        match self.send(dead).await {
            Ok(()) => {
                tracing::warn!(function = "publisher", outcome = "dead", event_id, error_code, error = reason);
                true
            }
            Err(error) => {
                tracing::error!(function = "publisher", outcome = "unburied", event_id, error_code, error);
                false
            }
        }
    }

    async fn send(&self, dead: &Dead) -> Result<(), String> {
        let attributes = DeadLetter {
            consumer: "publisher",
            code: dead.code,
            reason: &dead.reason,
            receive_count: dead.tries,
            first_received_at: dead.since.as_deref(),
            metadata: dead.metadata.as_ref(),
        }
        .attributes();
        let request = self.client.send_message().queue_url(&self.url).message_body(&dead.body);
        let request = request.set_message_attributes(Some(attributes.map_err(|error| error.to_string())?));
        let answer = request.send().await;
        answer.map(drop).map_err(|error| format!("SQS SendMessage: {}", describe(&error)))
    }
}
