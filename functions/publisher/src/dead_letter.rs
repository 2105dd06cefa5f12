//! The publisher's dead-letter queue: entries that are not published, each in full and with the reason.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{BatchResultErrorEntry, MessageAttributeValue, SendMessageBatchRequestEntry};
use futures_util::future::join_all;
use jiff::Timestamp;
use switchyard_chassis::{DeadLetter, backoff, describe};
use switchyard_events::Metadata;

use crate::chunk::{Weight, chunks};
use crate::entry::Entry;

/// The most bytes of a `SendMessageBatch` call: 1 MiB, bodies and attributes together
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api.html>, 2026-11-21).
const MAX_CALL_BYTES: usize = 1024 * 1024;

/// Attempts per entry and invocation. After them the invocation fails, and everything is sent again.
const MAX_ATTEMPTS: u32 = 4;

/// An entry for the dead-letter queue.
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
    /// When the row was created, if the stream says so.
    pub(crate) created_at: Option<Timestamp>,
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
            created_at: entry.created_at,
            metadata: entry.metadata,
        }
    }

    fn event_id(&self) -> Option<&str> {
        self.metadata.as_ref().map(|metadata| metadata.event_id.as_str())
    }
}

/// A rejected entry as SQS takes it.
struct Letter {
    rejected: RejectedEntry,
    body: String,
    attributes: HashMap<String, MessageAttributeValue>,
}

impl Letter {
    fn new(rejected: RejectedEntry) -> Self {
        let created_at_ms = rejected.created_at.map(|at| at.as_millisecond().to_string());
        let attributes = DeadLetter {
            consumer: "publisher",
            code: rejected.code,
            reason: &rejected.reason,
            receive_count: rejected.attempts,
            first_received_at: created_at_ms.as_deref(),
            metadata: rejected.metadata.as_ref(),
        };
        // Cannot fail: every attribute has a type.
        let attributes = attributes.attributes().unwrap_or_default();
        Self { body: accepted_by_sqs(&rejected.body), attributes, rejected }
    }

    /// The size by SQS's rules: the body, and the name, type and value of every attribute.
    fn weight(&self) -> Weight {
        let attribute = |(name, value): (&String, &MessageAttributeValue)| {
            name.len() + value.data_type().len() + value.string_value().unwrap_or_default().len()
        };
        Weight { bytes: self.body.len() + self.attributes.iter().map(attribute).sum::<usize>(), alone: false }
    }
}

/// JSON without the two characters that SQS does not accept although JSON may contain them
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>, 2026-11-21). They can
/// only be in a string, so their escape sequences have the same meaning.
fn accepted_by_sqs(json: &str) -> String {
    json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
}

pub(crate) struct DeadLetterQueue {
    client: Client,
    url: String,
}

impl DeadLetterQueue {
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends entries to the queue and logs what became of each. Adds to `accepted` how many the queue accepted, also if
    /// this future is dropped before it is done.
    pub(crate) async fn dead_letter(&self, rejected: Vec<RejectedEntry>, accepted: &mut usize) {
        let mut waiting: Vec<_> = rejected.into_iter().map(Letter::new).collect();
        for attempt in 1..=MAX_ATTEMPTS {
            let sent = waiting.len();
            waiting = self.send_all(waiting).await;
            *accepted += sent - waiting.len();
            if waiting.is_empty() {
                return;
            }
            if attempt < MAX_ATTEMPTS {
                let pause = backoff::full_jitter(Duration::from_millis(50), attempt, Duration::from_secs(1));
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Sends every letter once. Returns those that the queue did not accept.
    async fn send_all(&self, letters: Vec<Letter>) -> Vec<Letter> {
        let calls = chunks(letters, MAX_CALL_BYTES, Letter::weight).into_iter().map(|chunk| self.send(chunk));
        join_all(calls).await.into_iter().flatten().collect()
    }

    /// Sends letters in one call. Returns those that the queue did not accept.
    async fn send(&self, chunk: Vec<Letter>) -> Vec<Letter> {
        let entries = chunk.iter().enumerate().map(|(index, letter)| {
            let entry = SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(&letter.body);
            entry.set_message_attributes(Some(letter.attributes.clone())).build()
        });
        let entries = match entries.collect::<Result<Vec<_>, _>>() {
            Ok(entries) => entries,
            Err(error) => return not_accepted(chunk, &error.to_string()),
        };
        let response = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await;
        match response {
            Ok(response) => {
                let accepted: HashSet<_> = response.successful().iter().map(|entry| entry.id().to_owned()).collect();
                let (accepted, others) = partition_by_id(chunk, &accepted);
                for letter in &accepted {
                    log_accepted(&letter.rejected);
                }
                not_accepted(others, &first_error(response.failed()))
            }
            Err(error) => not_accepted(chunk, &describe(&error)),
        }
    }
}

/// The letters of a call whose ids are among these, and the others. A letter's id is its index in the call.
fn partition_by_id(chunk: Vec<Letter>, ids: &HashSet<String>) -> (Vec<Letter>, Vec<Letter>) {
    let (accepted, others): (Vec<_>, Vec<_>) =
        chunk.into_iter().enumerate().partition(|(index, _)| ids.contains(&index.to_string()));
    let letters = |indexed: Vec<(usize, Letter)>| indexed.into_iter().map(|(_, letter)| letter).collect();
    (letters(accepted), letters(others))
}

fn first_error(failed: &[BatchResultErrorEntry]) -> String {
    failed.first().map_or_else(
        || "SQS did not say why".to_owned(),
        |error| format!("{}: {}", error.code(), error.message().unwrap_or_default()),
    )
}

fn log_accepted(rejected: &RejectedEntry) {
    let (event_id, error_code, error) = (rejected.event_id(), rejected.code, &rejected.reason);
    tracing::warn!(function = "publisher", outcome = "dead", event_id, error_code, error);
}

/// Logs letters that the queue did not accept, and returns them.
fn not_accepted(letters: Vec<Letter>, error: &str) -> Vec<Letter> {
    for Letter { rejected, .. } in &letters {
        let (event_id, error_code) = (rejected.event_id(), rejected.code);
        let error = format!("SQS SendMessageBatch: {error}");
        tracing::error!(function = "publisher", outcome = "dead_letter_failed", event_id, error_code, error);
    }
    letters
}

#[cfg(test)]
mod tests {
    use switchyard_events::OutboxEntry;

    use super::*;

    fn rejected(detail: &str) -> RejectedEntry {
        let body = format!(r#"{{"source":"switchyard.checkout","detail_type":"OrderPlaced","detail":{detail}}}"#);
        let entry = Entry::new(serde_json::from_str(&body).unwrap(), Timestamp::from_second(1).ok());
        RejectedEntry::new(entry, "bus_unavailable", "no connection".into())
    }

    #[test]
    fn dead_letter_body_has_the_whole_event_in_accepted_characters() {
        let letter = Letter::new(rejected("{\"name\":\"a\u{ffff}b\u{fffe}\",\"n\":1.50}"));
        assert!(!letter.body.contains(['\u{fffe}', '\u{ffff}']));
        let event: OutboxEntry = serde_json::from_str(&letter.body).unwrap();
        assert_eq!((event.source.as_str(), event.detail_type.as_str()), ("switchyard.checkout", "OrderPlaced"));
        assert!(event.detail.get().ends_with("\"n\":1.50}"), "the text of a number is unchanged");
        let detail: serde_json::Value = serde_json::from_str(event.detail.get()).unwrap();
        assert_eq!(detail["name"], "a\u{ffff}b\u{fffe}");
        assert_eq!(letter.attributes["first_received_at"].string_value(), Some("1000"));
    }

    #[test]
    fn dlq_call_stays_within_1_mib_with_its_attributes() {
        let other_bytes = Letter::new(rejected("\"\"")).body.len();
        let large = format!("\"{}\"", "x".repeat(MAX_CALL_BYTES / 10 - other_bytes));
        assert_eq!(Letter::new(rejected(&large)).body.len(), MAX_CALL_BYTES / 10);
        let letters = (0..20).map(|_| Letter::new(rejected(&large))).collect();
        let calls: Vec<_> = chunks(letters, MAX_CALL_BYTES, Letter::weight).iter().map(Vec::len).collect();
        assert_eq!(calls, [9, 9, 2]);
    }

    #[test]
    fn only_letters_with_an_accepted_id_are_dead_lettered() {
        let chunk = ["1", "2", "3"].map(|detail| Letter::new(rejected(detail))).into();
        let (accepted, others) = partition_by_id(chunk, &HashSet::from(["0".to_owned(), "2".to_owned()]));
        assert_eq!((accepted.len(), others.len()), (2, 1));
        assert!(others[0].body.ends_with("\"detail\":2}"), "{}", others[0].body);
    }
}
