//! The payload that a consumer's function receives from its queue.

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::stack::consumer::Consumer;

#[derive(Deserialize)]
struct Envelope<'a> {
    metadata: Value,
    /// Only its presence matters: the whole envelope is sent.
    #[serde(borrow, rename = "data")]
    _data: &'a RawValue,
}

/// The structure of an event on the bus:
/// <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>, 2026-11-21.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct EventBridgeEvent<'a> {
    version: &'a str,
    id: &'a str,
    detail_type: &'a str,
    source: String,
    account: &'a str,
    time: &'a str,
    region: &'a str,
    resources: [&'a str; 0],
    detail: &'a RawValue,
}

/// Wraps a bare envelope as its queue would: in an SQS record whose body is an EventBridge event. Anything else stays as it is.
/// Numbers keep their spelling.
pub(crate) fn wrap_envelope(event: &RawValue, consumer: &Consumer, region: &str) -> Result<String> {
    let Ok(Envelope { metadata, .. }) = serde_json::from_str(event.get()) else {
        return Ok(event.get().to_owned());
    };
    let text = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or_default();
    let bus_event = EventBridgeEvent {
        version: "0",
        id: text("event_id"),
        detail_type: text("event_type"),
        source: format!("switchyard.{}", text("producer")),
        account: consumer.queue_arn.split(':').nth(4).unwrap_or_default(),
        time: text("occurred_at"),
        region,
        resources: [],
        detail: event,
    };
    let body = serde_json::to_string(&bus_event).context("the event cannot be wrapped")?;
    let now = Timestamp::now().as_millisecond().to_string();
    let record = json!({
        "messageId": format!("invoke-{now}"),
        "receiptHandle": "none: this message never was in the queue",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": now, "ApproximateFirstReceiveTimestamp": now},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": consumer.queue_arn,
        "awsRegion": region,
    });
    Ok(json!({"Records": [record]}).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consumer() -> Consumer {
        Consumer {
            name: "tax".into(),
            function: "switchyard-tax".into(),
            queue_url: String::new(),
            queue_arn: "arn:aws:sqs:us-east-1:000000000000:switchyard-tax".into(),
            dlq_url: String::new(),
            table: String::new(),
            event_types: std::collections::BTreeSet::new(),
            mapping: String::new(),
            mapping_state: String::new(),
            sender: None,
        }
    }

    fn wrapped(event: &str) -> String {
        wrap_envelope(serde_json::from_str(event).unwrap(), &consumer(), "us-east-1").unwrap()
    }

    #[test]
    fn bare_envelope_is_wrapped_as_sqs_record() {
        let envelope = r#"{"metadata":{"event_id":"evt_1","event_type":"OrderPlaced","producer":"checkout"},"data":{"total_usd":89.50}}"#;
        let payload: Value = serde_json::from_str(&wrapped(envelope)).unwrap();
        let record = &payload["Records"][0];
        assert_eq!(record["eventSourceARN"], "arn:aws:sqs:us-east-1:000000000000:switchyard-tax");
        let body = record["body"].as_str().unwrap();
        assert!(
            body.starts_with(
                r#"{"version":"0","id":"evt_1","detail-type":"OrderPlaced","source":"switchyard.checkout""#
            ),
            "{body}"
        );
        assert!(body.ends_with(&format!(r#""detail":{envelope}}}"#)), "{body}");
    }

    #[test]
    fn event_that_is_no_envelope_is_unchanged() {
        let request = r#"{ "rawPath": "/checkout", "data": 1.50 }"#;
        assert_eq!(wrapped(request), request);
    }
}
