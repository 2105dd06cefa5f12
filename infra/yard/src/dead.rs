//! A look into a dead-letter queue that takes nothing out of it.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName};
use serde_json::Value;

use crate::Cloud;
use crate::queue::depth;

/// Seconds that a message seen stays hidden from others, should the look break off. Usually it is given back at once.
const HIDDEN_SECONDS: i32 = 5;

/// The most batches of ten that one look receives.
const MOST_BATCHES: usize = 100;

/// A message that a consumer could not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub message_id: String,
    /// From the message's attribute, else from the event inside: SQS's own redrive adds no attributes.
    pub event_id: Option<String>,
    /// What the consumer said about it: `error_code`, `error`, `receive_count`, …; empty after SQS's own redrive.
    pub attributes: HashMap<String, String>,
    pub body: String,
}

/// The messages of a dead-letter queue. They stay in it, and others see them again at once.
pub async fn peek_dead_letters(cloud: &Cloud, queue_url: &str) -> Result<Vec<DeadLetter>> {
    let mut seen = Vec::new();
    let mut handles = Vec::new();
    if depth(cloud, queue_url).await?.visible == 0 {
        return Ok(seen);
    }
    let looked = receive_all(cloud, queue_url, &mut seen, &mut handles).await;
    for batch in handles.chunks(10) {
        give_back(cloud, queue_url, batch).await?;
    }
    looked.map(|()| seen)
}

async fn receive_all(
    cloud: &Cloud,
    queue_url: &str,
    seen: &mut Vec<DeadLetter>,
    handles: &mut Vec<String>,
) -> Result<()> {
    for _ in 0..MOST_BATCHES {
        let answer = cloud
            .sqs
            .receive_message()
            .queue_url(queue_url)
            .max_number_of_messages(10)
            .visibility_timeout(HIDDEN_SECONDS)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .with_context(|| format!("the dead letters in {queue_url} cannot be read"))?;
        let messages = answer.messages.unwrap_or_default();
        if messages.is_empty() {
            break;
        }
        for message in messages {
            handles.extend(message.receipt_handle.clone());
            seen.push(dead_letter(message));
        }
    }
    Ok(())
}

async fn give_back(cloud: &Cloud, queue_url: &str, handles: &[String]) -> Result<()> {
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
    // What cannot be given back reappears by itself in a few seconds.
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

fn dead_letter(message: Message) -> DeadLetter {
    let attributes: HashMap<String, String> = message
        .message_attributes
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.string_value?)))
        .collect();
    let body = message.body.unwrap_or_default();
    let event_id = attributes.get("event_id").cloned().or_else(|| event_id_inside(&body));
    DeadLetter { message_id: message.message_id.unwrap_or_default(), event_id, attributes, body }
}

fn event_id_inside(body: &str) -> Option<String> {
    let event: Value = serde_json::from_str(body).ok()?;
    event.pointer("/detail/metadata/event_id")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::MessageAttributeValue;

    use super::*;

    #[test]
    fn the_event_is_known_by_attribute_or_by_body() {
        let body = r#"{"detail":{"metadata":{"event_id":"evt_inside"}}}"#;
        let redriven = Message::builder().body(body).build();
        assert_eq!(dead_letter(redriven).event_id.as_deref(), Some("evt_inside"));

        let value = MessageAttributeValue::builder().data_type("String").string_value("evt_said").build().unwrap();
        let rejected = Message::builder().body(body).message_attributes("event_id", value).build();
        assert_eq!(dead_letter(rejected).event_id.as_deref(), Some("evt_said"));

        assert_eq!(dead_letter(Message::builder().body("no JSON").build()).event_id, None);
    }
}
