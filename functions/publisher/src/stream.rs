//! What Lambda delivers from a table's stream, as much of it as matters here.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use switchyard_events::OutboxEntry;

use crate::dead::Dead;
use crate::entry::{Entry, MAX_ENTRY};

/// A batch of a table's stream. Of each row only the outbox is read: whatever else a row holds, it cannot fail its batch.
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

/// A string attribute.
#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

/// The events in a batch in their order, and what can never become one. Changes and removals of rows carry none: an outbox is
/// written once, with its row.
pub(crate) fn entries(batch: StreamEvent) -> (Vec<Entry>, Vec<Dead>) {
    let (mut entries, mut dead) = (Vec::new(), Vec::new());
    for Record { event_name, change } in batch.records {
        let Some(outbox) = change.new_image.and_then(|image| image.outbox).filter(|_| event_name == "INSERT") else {
            continue;
        };
        let since = change.approximate_creation_date_time.map(|seconds| format!("{:.0}", seconds * 1000.0));
        match read(&outbox) {
            Ok(outbox) => entries.extend(outbox.into_iter().map(|entry| Entry::new(entry, since.clone()))),
            Err(error) => dead.push(unreadable(change.keys, outbox, &error, since)),
        }
    }
    let (entries, too_large): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.bytes() <= MAX_ENTRY);
    dead.extend(too_large.into_iter().map(|entry| {
        let reason = format!("{} bytes; EventBridge takes {MAX_ENTRY}", entry.bytes());
        Dead::of(entry, "too_large", reason)
    }));
    (entries, dead)
}

fn read(attribute: &RawValue) -> Result<Vec<OutboxEntry>, serde_json::Error> {
    let attribute: Text = serde_json::from_str(attribute.get())?;
    OutboxEntry::from_attribute(&attribute.text)
}

/// A row whose outbox is none: named by its keys, for whoever has to mend it.
fn unreadable(
    keys: Option<Box<RawValue>>,
    outbox: Box<RawValue>,
    error: &serde_json::Error,
    since: Option<String>,
) -> Dead {
    #[derive(Serialize)]
    struct Body {
        keys: Option<Box<RawValue>>,
        outbox: Box<RawValue>,
    }
    let place = format!("line {} column {}", error.line(), error.column());
    Dead {
        // Cannot fail: both are JSON already.
        body: serde_json::to_string(&Body { keys, outbox }).unwrap_or_default(),
        code: "unreadable_outbox",
        reason: format!("the attribute outbox is no list of entries: {:?} error at {place}", error.classify()),
        tries: 1,
        since,
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

    fn read(records: &[Value]) -> (Vec<Entry>, Vec<Dead>) {
        entries(serde_json::from_value(json!({"Records": records})).unwrap())
    }

    const ENTRY: &str = r#"{"source":"switchyard.checkout","detail_type":"OrderPlaced","detail":{"n":1.50}}"#;

    #[test]
    fn new_rows_with_an_outbox_are_read_and_all_others_left_out() {
        let (entries, dead) = read(&[
            record("INSERT", &outbox(&format!("[{ENTRY},{ENTRY}]"))),
            record("MODIFY", &outbox(&format!("[{ENTRY}]"))),
            record("INSERT", &json!({"pk": {"S": "SKU#1"}})),
            json!({"eventName": "REMOVE", "dynamodb": {}}),
            record("INSERT", &outbox("[]")),
        ]);
        assert!(dead.is_empty());
        let details: Vec<_> = entries.iter().map(|entry| entry.event.detail.get()).collect();
        // As it was written: 1.50 is not made 1.5.
        assert_eq!(details, [r#"{"n":1.50}"#; 2]);
    }

    #[test]
    fn what_can_never_be_put_is_dead_and_its_neighbours_are_not() {
        let large = ENTRY.replace("1.50", &format!("\"{}\"", "x".repeat(MAX_ENTRY)));
        let (entries, dead) = read(&[
            record("INSERT", &outbox("{\"source\":\"ada@example.com\"")),
            record("INSERT", &json!({"outbox": {"N": "1"}})),
            record("INSERT", &outbox(&format!("[{large},{ENTRY}]"))),
        ]);
        assert_eq!(entries.len(), 1);
        let codes: Vec<_> = dead.iter().map(|dead| dead.code).collect();
        assert_eq!(codes, ["unreadable_outbox", "unreadable_outbox", "too_large"]);
        assert!(dead[0].body.contains("ORDER#1") && dead[0].body.contains("ada@example.com"));
        assert!(!dead[0].reason.contains("ada@example.com"), "{}", dead[0].reason);
        assert_eq!(dead[0].since.as_deref(), Some("1779805381000"));
    }
}
