//! Reads a dead-letter queue without removing anything from it.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName};
use serde_json::Value;

use crate::aws::clients::Cloud;
use crate::stack::queue::read_depth;

/// How long a received message stays invisible to others if reading breaks off. Usually it is made visible again immediately.
const VISIBILITY_TIMEOUT_SECS: i32 = 5;

/// SQS's limit for one receive and for one change of visibility.
const BATCH_SIZE: u8 = 10;

/// The most batches that one call receives.
const MAX_BATCHES: usize = 100;

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
    let mut messages = Vec::new();
    let received = receive_all(cloud, queue_url, &mut messages).await;
    // Also after an error: what was received until then is made visible again.
    let handles: Vec<String> = messages.iter().filter_map(|message| message.receipt_handle.clone()).collect();
    for batch in handles.chunks(usize::from(BATCH_SIZE)) {
        make_visible(cloud, queue_url, batch).await?;
    }
    received?;
    Ok(messages.into_iter().map(DeadLetter::from_message).collect())
}

impl DeadLetter {
    fn from_message(message: Message) -> Self {
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

async fn receive_all(cloud: &Cloud, queue_url: &str, messages: &mut Vec<Message>) -> Result<()> {
    for _ in 0..MAX_BATCHES {
        let answer = cloud
            .sqs
            .receive_message()
            .queue_url(queue_url)
            .max_number_of_messages(i32::from(BATCH_SIZE))
            .visibility_timeout(VISIBILITY_TIMEOUT_SECS)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .with_context(|| format!("the dead letters in {queue_url} cannot be read"))?;
        let batch = answer.messages.unwrap_or_default();
        if batch.is_empty() {
            break;
        }
        messages.extend(batch);
    }
    Ok(())
}

async fn make_visible(cloud: &Cloud, queue_url: &str, handles: &[String]) -> Result<()> {
    let entries = handles
        .iter()
        .enumerate()
        .map(|(index, handle)| {
            let entry =
                ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string()).receipt_handle(handle);
            entry.visibility_timeout(0).build()
        })
        .collect::<Result<Vec<_>, _>>()
        .context("a message cannot be given back")?;
    // The result per message is not needed: a message that stays invisible becomes visible after a few seconds.
    cloud
        .sqs
        .change_message_visibility_batch()
        .queue_url(queue_url)
        .set_entries(Some(entries))
        .send()
        .await
        .with_context(|| format!("the messages of {queue_url} cannot be given back"))?;
    Ok(())
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
