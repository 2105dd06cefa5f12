//! Parses the events in a batch of a table's stream.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use switchyard_events::OutboxEntry;

use crate::dead_letter::RejectedEntry;
use crate::entry::{Entry, MAX_ENTRY_BYTES};

/// A batch of a table's stream. Of each row only the outbox is parsed, so no other attribute can make the batch fail.
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    event_name: String,
    #[serde(rename = "dynamodb")]
    change: Change,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    keys: Option<Box<RawValue>>,
    new_image: Option<Image>,
    /// Seconds since 1970.
    approximate_creation_date_time: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Image {
    outbox: Option<Box<RawValue>>,
}

/// A string attribute of DynamoDB.
#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

/// The entries in a batch in their order, and those that cannot be published. Only inserted rows are read, because an
/// outbox is written once, with its row.
pub(crate) fn entries(batch: StreamEvent) -> (Vec<Entry>, Vec<RejectedEntry>) {
    let (mut entries, mut rejected) = (Vec::new(), Vec::new());
    for Record { event_name, change } in batch.records {
        let Some(outbox) = change.new_image.and_then(|image| image.outbox).filter(|_| event_name == "INSERT") else {
            continue;
        };
        let created_at = change.approximate_creation_date_time.and_then(timestamp);
        match parse_outbox(&outbox) {
            Ok(outbox) => entries.extend(outbox.into_iter().map(|entry| Entry::new(entry, created_at))),
            Err(error) => rejected.push(reject_outbox(change.keys, outbox, &error, created_at)),
        }
    }
    let (entries, too_large): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| entry.bytes() <= MAX_ENTRY_BYTES);
    rejected.extend(too_large.into_iter().map(|entry| {
        let reason = format!("{} bytes; EventBridge takes {MAX_ENTRY_BYTES}", entry.bytes());
        RejectedEntry::new(entry, "too_large", reason)
    }));
    (entries, rejected)
}

/// The time that is so many seconds after the beginning of 1970.
fn timestamp(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_duration(SignedDuration::try_from_secs_f64(seconds).ok()?).ok()
}

fn parse_outbox(attribute: &RawValue) -> Result<Vec<OutboxEntry>, serde_json::Error> {
    let attribute: Text = serde_json::from_str(attribute.get())?;
    OutboxEntry::from_attribute(&attribute.text)
}

/// The dead letter for an outbox that cannot be parsed. It contains the row's keys.
fn reject_outbox(
    keys: Option<Box<RawValue>>,
    outbox: Box<RawValue>,
    error: &serde_json::Error,
    created_at: Option<Timestamp>,
) -> RejectedEntry {
    #[derive(Serialize)]
    struct Body {
        keys: Option<Box<RawValue>>,
        outbox: Box<RawValue>,
    }
    let place = format!("line {} column {}", error.line(), error.column());
    RejectedEntry {
        // Cannot fail: both are valid JSON texts.
        body: serde_json::to_string(&Body { keys, outbox }).unwrap_or_default(),
        code: "unreadable_outbox",
        reason: format!("the attribute outbox is no list of entries: {:?} error at {place}", error.classify()),
        attempts: 1,
        created_at,
        metadata: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record(event_name: &str, image: &Value) -> Value {
        json!({
            "eventID": "1", "eventName": event_name, "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_779_805_381, "Keys": {"pk": {"S": "ORDER#1"}, "sk": {"S": "ORDER"}},
                "NewImage": image, "SequenceNumber": "1", "SizeBytes": 1, "StreamViewType": "NEW_IMAGE"
            }
        })
    }

    fn outbox(text: &str) -> Value {
        json!({"pk": {"S": "ORDER#1"}, "odd": {"M": {"x": {"NULL": true}}}, "outbox": {"S": text}})
    }

    fn entries_of(records: &[Value]) -> (Vec<Entry>, Vec<RejectedEntry>) {
        entries(serde_json::from_value(json!({"Records": records})).unwrap())
    }

    const ENTRY: &str = r#"{"source":"switchyard.checkout","detail_type":"OrderPlaced","detail":{"n":1.50}}"#;

    #[test]
    fn only_inserted_rows_with_outbox_give_entries() {
        let (entries, rejected) = entries_of(&[
            record("INSERT", &outbox(&format!("[{ENTRY},{ENTRY}]"))),
            record("MODIFY", &outbox(&format!("[{ENTRY}]"))),
            record("INSERT", &json!({"pk": {"S": "SKU#1"}})),
            json!({"eventName": "REMOVE", "dynamodb": {}}),
            record("INSERT", &outbox("[]")),
        ]);
        assert!(rejected.is_empty());
        let details: Vec<_> = entries.iter().map(|entry| entry.event.detail.get()).collect();
        // The text is unchanged: 1.50 does not become 1.5.
        assert_eq!(details, [r#"{"n":1.50}"#; 2]);
    }

    #[test]
    fn invalid_outbox_or_entry_is_rejected_alone() {
        let large = ENTRY.replace("1.50", &format!("\"{}\"", "x".repeat(MAX_ENTRY_BYTES)));
        let (entries, rejected) = entries_of(&[
            record("INSERT", &outbox("{\"source\":\"ada@example.com\"")),
            record("INSERT", &json!({"outbox": {"N": "1"}})),
            record("INSERT", &outbox(&format!("[{large},{ENTRY}]"))),
        ]);
        assert_eq!(entries.len(), 1);
        let codes: Vec<_> = rejected.iter().map(|rejected| rejected.code).collect();
        assert_eq!(codes, ["unreadable_outbox", "unreadable_outbox", "too_large"]);
        assert!(rejected[0].body.contains("ORDER#1") && rejected[0].body.contains("ada@example.com"));
        assert!(!rejected[0].reason.contains("ada@example.com"), "{}", rejected[0].reason);
        assert_eq!(rejected[0].created_at.map(Timestamp::as_second), Some(1_779_805_381));
    }
}
