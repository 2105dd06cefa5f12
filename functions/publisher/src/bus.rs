//! `PutEvents`, and the outcome of each entry.

use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::retry::RetryConfig;
use aws_sdk_eventbridge::config::timeout::TimeoutConfig;
use aws_sdk_eventbridge::config::{Builder, Config};
use aws_sdk_eventbridge::error::ProvideErrorMetadata;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use futures_util::future::join_all;
use switchyard_chassis::describe;

use crate::chunk::chunks;
use crate::entry::Entry;

/// The most bytes of a call with several entries: less than 256 KB. This was the limit of every call before 2026-01-29,
/// and some pages still name it (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html>, read
/// 2026-11-21). Larger calls would save almost nothing, since a call has at most ten entries.
const MAX_CALL_BYTES: usize = 256 * 1024 - 1;

/// How long a single attempt waits for its response. The client's own timeouts and retries can take 15 seconds for 100
/// records; while the bus does not answer, a backlog would grow faster than it could be dead-lettered.
const SINGLE_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// The outcome of sending an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// The entry is on the bus.
    Published,
    /// A retry may succeed: the bus is throttled, unavailable, or not permitted to us, which an operator can change.
    Transient(String),
    /// The call was refused as a whole because of one of its entries. Each must be sent in a call of its own.
    RetryAlone,
    /// No retry can succeed, for this reason.
    Permanent(String),
}

/// How hard one call is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// With the client's timeouts and retries.
    Full,
    /// Once, with a short timeout.
    SingleAttempt,
}

/// An event bus.
pub struct Bus {
    client: Client,
    name: String,
}

impl Bus {
    /// The bus with this name.
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Sends every entry, in as few calls as possible. Entries of a call that was refused as a whole are sent again, each
    /// alone. Returns the outcome of each entry, which is never [`PutOutcome::RetryAlone`], and the number of calls.
    pub async fn put_all(&self, entries: Vec<Entry>, effort: Effort) -> (Vec<(Entry, PutOutcome)>, usize) {
        let (mut outcomes, calls) = self.put_chunks(entries, effort).await;
        let refused: Vec<_> = outcomes.extract_if(.., |(_, outcome)| *outcome == PutOutcome::RetryAlone).collect();
        let alone = refused.into_iter().map(|(entry, _)| Entry { alone: true, ..entry }).collect();
        let (singles, single_calls) = self.put_chunks(alone, effort).await;
        outcomes.extend(singles);
        (outcomes, calls + single_calls)
    }

    async fn put_chunks(&self, entries: Vec<Entry>, effort: Effort) -> (Vec<(Entry, PutOutcome)>, usize) {
        let chunks = plan(entries);
        let calls = chunks.len();
        let outcomes = join_all(chunks.into_iter().map(|chunk| self.put(chunk, effort))).await;
        (outcomes.into_iter().flatten().collect(), calls)
    }

    /// Sends entries in one call. Returns the outcome of each.
    async fn put(&self, mut chunk: Vec<Entry>, effort: Effort) -> Vec<(Entry, PutOutcome)> {
        let entries = chunk.iter().map(|entry| self.request_entry(entry)).collect();
        let request = self.client.put_events().set_entries(Some(entries)).customize();
        let response = request.config_override(config(effort)).send().await;
        for entry in &mut chunk {
            entry.attempts += 1;
        }
        let (outcomes, error) = match &response {
            Ok(response) => (classify_results(response.entries(), chunk.len()), first_error(response.entries())),
            Err(error) => {
                let reason = describe(error);
                let outcome = classify_error(error.code(), &reason, chunk.len());
                (vec![outcome; chunk.len()], Some(reason))
            }
        };
        log(&chunk, &outcomes, error.as_deref());
        chunk.into_iter().zip(outcomes).collect()
    }

    fn request_entry(&self, entry: &Entry) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(&entry.event.source)
            .detail_type(&entry.event.detail_type)
            .detail(entry.event.detail.get())
            .build()
    }
}

/// Divides entries into calls.
pub(crate) fn plan(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    chunks(entries, MAX_CALL_BYTES, Entry::weight)
}

/// What a call changes in the client's configuration.
fn config(effort: Effort) -> Builder {
    match effort {
        Effort::Full => Config::builder(),
        Effort::SingleAttempt => {
            let timeout = TimeoutConfig::builder().operation_timeout(SINGLE_ATTEMPT_TIMEOUT).build();
            Config::builder().retry_config(RetryConfig::disabled()).timeout_config(timeout)
        }
    }
}

/// The outcome of each entry of a successful call. An entry without an event id is not on the bus, even if
/// `FailedEntryCount` is 0.
fn classify_results(results: &[PutEventsResultEntry], sent: usize) -> Vec<PutOutcome> {
    let outcome =
        |result: Option<&PutEventsResultEntry>| match result.map(|result| (result.error_code(), result.event_id())) {
            Some((None, Some(_))) => PutOutcome::Published,
            // Of the documented codes
            // (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>, 2026-11-21)
            // only these two concern the entry. The others concern load or permissions, which can change; an entry
            // cannot.
            Some((Some(code @ ("MalformedDetail" | "InvalidArgument")), _)) => {
                let message = result.and_then(PutEventsResultEntry::error_message).unwrap_or_default();
                PutOutcome::Permanent(format!("EventBridge {code}: {message}"))
            }
            Some((Some(code), _)) => {
                let message = result.and_then(PutEventsResultEntry::error_message).unwrap_or_default();
                PutOutcome::Transient(format!("EventBridge {code}: {message}"))
            }
            Some((None, None)) | None => PutOutcome::Transient("EventBridge returned no event id".into()),
        };
    (0..sent).map(|place| outcome(results.get(place))).collect()
}

/// The outcome of all entries of a call that failed as a whole.
fn classify_error(code: Option<&str>, reason: &str, sent: usize) -> PutOutcome {
    match code {
        Some("ValidationException" | "RequestEntityTooLargeException" | "SerializationException") if sent > 1 => {
            PutOutcome::RetryAlone
        }
        Some("ValidationException" | "RequestEntityTooLargeException" | "SerializationException") => {
            PutOutcome::Permanent(format!("EventBridge PutEvents: {reason}"))
        }
        _ => PutOutcome::Transient(format!("EventBridge PutEvents: {reason}")),
    }
}

fn first_error(results: &[PutEventsResultEntry]) -> Option<String> {
    let code = |result: &PutEventsResultEntry| {
        Some(format!("{}: {}", result.error_code()?, result.error_message().unwrap_or_default()))
    };
    results.iter().find_map(code)
}

/// Writes one log line per call.
fn log(chunk: &[Entry], outcomes: &[PutOutcome], error: Option<&str>) {
    let event_ids: Vec<_> = chunk.iter().filter_map(Entry::event_id).collect();
    let event_ids = event_ids.join(" ");
    let bytes: usize = chunk.iter().map(Entry::bytes).sum();
    let published = outcomes.iter().filter(|outcome| **outcome == PutOutcome::Published).count();
    let (entries, failed) = (chunk.len(), chunk.len() - published);
    match error {
        None if failed == 0 => tracing::info!(function = "publisher", outcome = "put", entries, bytes, event_ids),
        _ => tracing::warn!(function = "publisher", outcome = "put", entries, bytes, failed, error, event_ids),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(event_id: Option<&str>, code: Option<&str>) -> PutEventsResultEntry {
        let result = PutEventsResultEntry::builder().set_event_id(event_id.map(str::to_owned));
        result.set_error_code(code.map(str::to_owned)).error_message("no").build()
    }

    #[test]
    fn each_entry_is_classified_by_its_error_code() {
        let permanent = |code: &str| PutOutcome::Permanent(format!("EventBridge {code}: no"));
        let check = |event_id, code, expected: PutOutcome| {
            assert_eq!(classify_results(&[result(event_id, code)], 1), [expected], "{code:?}");
        };
        check(Some("1"), None, PutOutcome::Published);
        let no_id = PutOutcome::Transient("EventBridge returned no event id".into());
        check(None, None, no_id);
        for code in ["MalformedDetail", "InvalidArgument"] {
            check(None, Some(code), permanent(code));
        }
        for code in [
            "ThrottlingException",
            "InternalFailure",
            "InternalException",
            "AccessDeniedException",
            "RedactionFailure",
            "NotAuthorizedForSourceException",
            "ResourceNotFoundException",
            "SomethingNew",
        ] {
            check(None, Some(code), PutOutcome::Transient(format!("EventBridge {code}: no")));
        }
    }

    #[test]
    fn entry_missing_in_response_is_transient() {
        let missing = PutOutcome::Transient("EventBridge returned no event id".into());
        assert_eq!(classify_results(&[result(Some("1"), None)], 2), [PutOutcome::Published, missing]);
    }

    #[test]
    fn refused_call_is_permanent_for_a_single_entry_only() {
        assert_eq!(classify_error(Some("ValidationException"), "no", 3), PutOutcome::RetryAlone);
        assert_eq!(
            classify_error(Some("ValidationException"), "no", 1),
            PutOutcome::Permanent("EventBridge PutEvents: no".into())
        );
        for code in [Some("AccessDeniedException"), Some("ThrottlingException"), None] {
            assert_eq!(classify_error(code, "no", 1), PutOutcome::Transient("EventBridge PutEvents: no".into()));
        }
    }
}
