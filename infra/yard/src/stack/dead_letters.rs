//! Reads a dead-letter queue without removing anything from it.

use std::collections::HashMap;

use anyhow::Result;
use aws_sdk_sqs::types::Message;
use serde_json::Value;

use crate::aws::clients::Cloud;
use crate::stack::queue::read_depth;
use crate::stack::queue_scan::QueueScan;

/// A message that a consumer could not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub message_id: String,
    /// From the message's attribute, else from the event in its body: SQS's own redrive adds no attributes.
    pub event_id: Option<String>,
    /// What the consumer added: `error_code`, `error`, `receive_count`, …; empty after SQS's own redrive.
    pub attributes: HashMap<String, String>,
    pub body: String,
}

/// The messages of a dead-letter queue. They stay in it, visible to others.
pub async fn peek_dead_letters(cloud: &Cloud, queue_url: &str) -> Result<Vec<DeadLetter>> {
    if read_depth(cloud, queue_url).await?.visible == 0 {
        return Ok(Vec::new());
    }
    let mut scan = QueueScan::new(cloud, queue_url);
    let letters = read_all(&mut scan).await;
    // Also after an error: what was received until then is made visible again.
    scan.release().await?;
    letters
}

async fn read_all(scan: &mut QueueScan<'_>) -> Result<Vec<DeadLetter>> {
    let mut letters = Vec::new();
    loop {
        let batch = scan.next_batch().await?;
        if batch.is_empty() {
            return Ok(letters);
        }
        letters.extend(batch.into_iter().map(DeadLetter::from_message));
    }
}

impl DeadLetter {
    pub(crate) fn from_message(message: Message) -> Self {
        let attributes: HashMap<String, String> = message
            .message_attributes
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.string_value?)))
            .collect();
        let body = message.body.unwrap_or_default();
        let event_id = attributes.get("event_id").cloned().or_else(|| parse_event_id(&body));
        Self { message_id: message.message_id.unwrap_or_default(), event_id, attributes, body }
    }
}

fn parse_event_id(body: &str) -> Option<String> {
    let event: Value = serde_json::from_str(body).ok()?;
    event.pointer("/detail/metadata/event_id")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::MessageAttributeValue;

    use super::*;

    #[test]
    fn dead_letter_event_id_comes_from_attribute_or_body() {
        let body = r#"{"detail":{"metadata":{"event_id":"evt_inside"}}}"#;
        let redriven = Message::builder().body(body).build();
        assert_eq!(DeadLetter::from_message(redriven).event_id.as_deref(), Some("evt_inside"));

        let value = MessageAttributeValue::builder().data_type("String").string_value("evt_said").build().unwrap();
        let rejected = Message::builder().body(body).message_attributes("event_id", value).build();
        assert_eq!(DeadLetter::from_message(rejected).event_id.as_deref(), Some("evt_said"));

        assert_eq!(DeadLetter::from_message(Message::builder().body("no JSON").build()).event_id, None);
    }
}
