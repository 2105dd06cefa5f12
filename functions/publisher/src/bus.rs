//! The bus, and what its answers mean.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::ProvideErrorMetadata;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use switchyard_chassis::describe;

use crate::entry::Entry;

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is on the bus.
    Taken,
    /// It may be taken later: the bus is busy, out of order, or not ours to use, which an operator can change.
    Later,
    /// A call was refused whole, because of one of its entries: each must be tried by itself.
    Alone,
    /// It will never be taken, because of what it is.
    Never(String),
}

/// An event bus.
pub(crate) struct Bus {
    client: Client,
    name: String,
}

impl Bus {
    pub(crate) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Puts entries on the bus in one call, and says what became of each.
    pub(crate) async fn put(&self, chunk: Vec<Entry>) -> Vec<(Entry, Verdict)> {
        let entries = chunk.iter().map(|entry| self.request(entry)).collect();
        let answer = self.client.put_events().set_entries(Some(entries)).send().await;
        let (verdicts, error) = match &answer {
            Ok(answer) => (of_entries(answer.entries(), chunk.len()), first_error(answer.entries())),
            Err(error) => {
                let reason = describe(error);
                let verdict = of_call(error.code(), &reason, chunk.len());
                (vec![verdict; chunk.len()], Some(reason))
            }
        };
        log(&chunk, &verdicts, error.as_deref());
        chunk.into_iter().zip(verdicts).collect()
    }

    fn request(&self, entry: &Entry) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(&entry.event.source)
            .detail_type(&entry.event.detail_type)
            .detail(entry.event.detail.get())
            .build()
    }
}

/// A verdict for each entry of a call that was answered. `FailedEntryCount` is not trusted to say it all: what has no event id is
/// not on the bus.
fn of_entries(results: &[PutEventsResultEntry], sent: usize) -> Vec<Verdict> {
    let verdict =
        |result: Option<&PutEventsResultEntry>| match result.map(|result| (result.error_code(), result.event_id())) {
            Some((None, Some(_))) => Verdict::Taken,
            // Of the codes that PutEvents knows
            // (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>, 2026-11-21) only these two
            // are about the entry. The others are about the moment or about permissions: both change, an entry does not.
            Some((Some(code @ ("MalformedDetail" | "InvalidArgument")), _)) => {
                let message = result.and_then(PutEventsResultEntry::error_message).unwrap_or_default();
                Verdict::Never(format!("EventBridge {code}: {message}"))
            }
            _ => Verdict::Later,
        };
    (0..sent).map(|place| verdict(results.get(place))).collect()
}

/// The verdict on all entries of a call that failed as a whole.
fn of_call(code: Option<&str>, reason: &str, sent: usize) -> Verdict {
    match code {
        Some("ValidationException" | "RequestEntityTooLargeException" | "SerializationException") if sent > 1 => {
            Verdict::Alone
        }
        Some("ValidationException" | "RequestEntityTooLargeException" | "SerializationException") => {
            Verdict::Never(format!("EventBridge PutEvents: {reason}"))
        }
        _ => Verdict::Later,
    }
}

fn first_error(results: &[PutEventsResultEntry]) -> Option<String> {
    let code = |result: &PutEventsResultEntry| {
        Some(format!("{}: {}", result.error_code()?, result.error_message().unwrap_or_default()))
    };
    results.iter().find_map(code)
}

/// One line per call.
fn log(chunk: &[Entry], verdicts: &[Verdict], error: Option<&str>) {
    let event_ids: Vec<_> = chunk.iter().filter_map(Entry::event_id).collect();
    let event_ids = event_ids.join(" ");
    let bytes: usize = chunk.iter().map(Entry::bytes).sum();
    let taken = verdicts.iter().filter(|verdict| **verdict == Verdict::Taken).count();
    let (entries, failed) = (chunk.len(), chunk.len() - taken);
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
    fn each_entry_is_judged_by_itself() {
        let never = |code: &str| Verdict::Never(format!("EventBridge {code}: no"));
        let check = |event_id, code, expected: Verdict| {
            assert_eq!(of_entries(&[result(event_id, code)], 1), [expected], "{code:?}");
        };
        check(Some("1"), None, Verdict::Taken);
        check(None, None, Verdict::Later);
        for code in ["MalformedDetail", "InvalidArgument"] {
            check(None, Some(code), never(code));
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
            check(None, Some(code), Verdict::Later);
        }
    }

    #[test]
    fn an_entry_that_the_answer_leaves_out_is_sent_again() {
        assert_eq!(of_entries(&[result(Some("1"), None)], 2), [Verdict::Taken, Verdict::Later]);
    }

    #[test]
    fn a_call_that_is_refused_whole_is_refused_for_good_only_if_it_has_one_entry() {
        assert_eq!(of_call(Some("ValidationException"), "no", 3), Verdict::Alone);
        assert_eq!(of_call(Some("ValidationException"), "no", 1), Verdict::Never("EventBridge PutEvents: no".into()));
        for code in [Some("AccessDeniedException"), Some("ThrottlingException"), None] {
            assert_eq!(of_call(code, "no", 1), Verdict::Later);
        }
    }
}
