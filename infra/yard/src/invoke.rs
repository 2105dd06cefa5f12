//! `yard invoke`: one deployed function, called with one event from a file.

use anyhow::{Context, Result};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::{Cloud, Consumer, Stack};

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Outcome {
    pub function: String,
    /// The kind of failure, when the function itself failed.
    pub function_error: Option<String>,
    /// What the function returned, spelled as it spelled it.
    pub response: Box<RawValue>,
    /// The last 4 KiB that it logged.
    pub log: Option<String>,
}

impl Outcome {
    /// Whether the function ran and reported no record as failed.
    pub fn is_success(&self) -> bool {
        let response: Value = serde_json::from_str(self.response.get()).unwrap_or_default();
        let failures = response.get("batchItemFailures").and_then(Value::as_array).map_or(0, Vec::len);
        self.function_error.is_none() && failures == 0
    }

    /// For people.
    pub fn render(&self) -> String {
        let response: Value = serde_json::from_str(self.response.get()).unwrap_or_default();
        let pretty = serde_json::to_string_pretty(&response).unwrap_or_default();
        let failed = self.function_error.as_ref().map(|kind| format!("failed: {kind}\n")).unwrap_or_default();
        let log = self.log.as_ref().map(|log| format!("\n{}", log.trim_end())).unwrap_or_default();
        format!("{}\n{failed}{pretty}{log}", self.function)
    }
}

/// Invokes a function, named with or without its stack, with the text of an event file.
pub async fn invoke(cloud: &Cloud, stack: &Stack, function: &str, event: &str) -> Result<Outcome> {
    let event: &RawValue = serde_json::from_str(event).context("the event file is no JSON")?;
    let function = resolve(stack, function)?;
    let consumer = stack.consumers.iter().find(|consumer| consumer.function == function);
    let payload = match consumer {
        Some(consumer) => wrap(event, consumer, cloud.region())?,
        None => event.get().to_owned(),
    };
    let answer = cloud
        .lambda
        .invoke()
        .function_name(&function)
        .log_type(LogType::Tail)
        .payload(Blob::new(payload))
        .send()
        .await
        .with_context(|| format!("{function} cannot be invoked"))?;
    let response =
        answer.payload.map(Blob::into_inner).filter(|bytes| !bytes.is_empty()).unwrap_or_else(|| b"null".to_vec());
    let response = String::from_utf8(response).context("the function's response is no text")?;
    Ok(Outcome {
        function,
        function_error: answer.function_error,
        response: RawValue::from_string(response).context("the function's response is no JSON")?,
        log: answer.log_result.as_deref().and_then(decode),
    })
}

fn resolve(stack: &Stack, name: &str) -> Result<String> {
    let full = format!("{}-{name}", stack.name);
    let known = [full.as_str(), name].into_iter().find(|name| stack.functions.contains(*name));
    known.map(str::to_owned).with_context(|| {
        let names: Vec<&str> = stack.functions.iter().map(String::as_str).collect();
        format!("there is no function {name}; there are {}", names.join(", "))
    })
}

/// A bare envelope becomes what its consumer would receive: an SQS record whose body is an EventBridge event.
/// Anything else is sent as it is. Either way no number of the event is spelled anew.
pub fn wrap(event: &RawValue, consumer: &Consumer, region: &str) -> Result<String> {
    let Ok(Envelope { metadata, .. }) = serde_json::from_str(event.get()) else {
        return Ok(event.get().to_owned());
    };
    let text = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or_default();
    let on_the_bus = OnTheBus {
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
    let body = serde_json::to_string(&on_the_bus).context("the event cannot be wrapped")?;
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

#[derive(Deserialize)]
struct Envelope<'a> {
    metadata: Value,
    /// Required, though it travels inside the whole.
    #[serde(borrow, rename = "data")]
    _data: &'a RawValue,
}

/// <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>, 2026-11-21.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct OnTheBus<'a> {
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

fn decode(base64: &str) -> Option<String> {
    let bytes = aws_smithy_types::base64::decode(base64).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
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
        wrap(serde_json::from_str(event).unwrap(), &consumer(), "us-east-1").unwrap()
    }

    #[test]
    fn a_bare_envelope_arrives_as_it_would_from_the_queue() {
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
    fn anything_else_is_sent_as_it_is() {
        let request = r#"{ "rawPath": "/checkout", "data": 1.50 }"#;
        assert_eq!(wrapped(request), request);
    }

    #[test]
    fn a_reported_record_is_a_failure() {
        let outcome = |response: &str, error: Option<&str>| Outcome {
            function: "switchyard-tax".into(),
            function_error: error.map(str::to_owned),
            response: RawValue::from_string(response.to_owned()).unwrap(),
            log: None,
        };
        assert!(outcome(r#"{"batchItemFailures":[]}"#, None).is_success());
        assert!(!outcome(r#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#, None).is_success());
        assert!(!outcome("null", Some("Unhandled")).is_success());
    }
}
