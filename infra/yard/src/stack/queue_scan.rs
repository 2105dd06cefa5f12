//! Reads a queue message by message. What is not deleted is visible to others again afterwards.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName,
};

use crate::aws::clients::Cloud;

/// How long a received message stays invisible to others if the scan breaks off. Usually it is released sooner.
const VISIBILITY_TIMEOUT_SECS: i32 = 60;

/// SQS's limit for one receive, one deletion and one change of visibility.
const BATCH_SIZE: usize = 10;

/// A scan of one queue. Call [`QueueScan::release`] at its end.
#[derive(Debug)]
pub(crate) struct QueueScan<'a> {
    cloud: &'a Cloud,
    queue_url: &'a str,
    /// For each message that was received, its last receipt handle; none if it was deleted.
    received: HashMap<String, Option<String>>,
}

impl<'a> QueueScan<'a> {
    pub(crate) fn new(cloud: &'a Cloud, queue_url: &'a str) -> Self {
        Self { cloud, queue_url, received: HashMap::new() }
    }

    /// At most ten messages that this scan has not received before; none at the end of the queue.
    pub(crate) async fn next_batch(&mut self) -> Result<Vec<Message>> {
        let request = self.cloud.sqs.receive_message().queue_url(self.queue_url).max_number_of_messages(10);
        let answer = request
            .visibility_timeout(VISIBILITY_TIMEOUT_SECS)
            // Long polling asks all of SQS's servers; short polling may find nothing although there are messages
            // (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html,
            // 2026-11-21).
            .wait_time_seconds(1)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .with_context(|| format!("the messages in {} cannot be read", self.queue_url))?;
        let mut batch = answer.messages.unwrap_or_default();
        batch.retain(|message| {
            let id = message.message_id.clone().unwrap_or_default();
            self.received.insert(id, message.receipt_handle.clone()).is_none()
        });
        Ok(batch)
    }

    /// Deletes messages of this scan. Returns the ids of those that are still in the queue.
    pub(crate) async fn delete(&mut self, message_ids: &[String]) -> Result<Vec<String>> {
        let mut left = Vec::new();
        for ids in message_ids.chunks(BATCH_SIZE) {
            let entries = self.handles(ids).map(|(index, handle)| {
                DeleteMessageBatchRequestEntry::builder().id(index.to_string()).receipt_handle(handle).build()
            });
            let entries = entries.collect::<Result<Vec<_>, _>>().context("a message cannot be deleted")?;
            let request = self.cloud.sqs.delete_message_batch().queue_url(self.queue_url).set_entries(Some(entries));
            let answer =
                request.send().await.with_context(|| format!("no message can be deleted from {}", self.queue_url))?;
            for (index, id) in ids.iter().enumerate() {
                if answer.successful().iter().any(|deleted| deleted.id() == index.to_string()) {
                    self.received.insert(id.clone(), None);
                } else {
                    left.push(id.clone());
                }
            }
        }
        Ok(left)
    }

    /// Makes every message that was received and not deleted visible to others again.
    pub(crate) async fn release(self) -> Result<()> {
        let ids: Vec<String> = self.received.keys().cloned().collect();
        for ids in ids.chunks(BATCH_SIZE) {
            let entries = self.handles(ids).map(|(index, handle)| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string());
                entry.receipt_handle(handle).visibility_timeout(0).build()
            });
            let entries = entries.collect::<Result<Vec<_>, _>>().context("a message cannot be given back")?;
            if entries.is_empty() {
                continue;
            }
            let request = self.cloud.sqs.change_message_visibility_batch().queue_url(self.queue_url);
            // The result per message is not needed: a message that stays invisible becomes visible after a minute.
            let answer = request.set_entries(Some(entries)).send().await;
            answer.with_context(|| format!("the messages of {} cannot be given back", self.queue_url))?;
        }
        Ok(())
    }

    /// The receipt handles of those of these messages that were not deleted, each with the message's index.
    fn handles(&self, ids: &[String]) -> impl Iterator<Item = (usize, String)> {
        let handle = |(index, id)| Some((index, self.received.get(id)?.clone()?));
        ids.iter().enumerate().filter_map(handle).collect::<Vec<_>>().into_iter()
    }
}
