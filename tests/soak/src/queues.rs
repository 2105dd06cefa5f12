//! The consumers' queues: how many messages they hold, and waiting until they are empty.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use tokio::time::{Instant, sleep};
use yard::Consumer;

use crate::soak_stack::SoakStack;

/// The pause between two reads of the queues.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// So many reads in a row must find the queues empty: between two of them a stream may fill one.
const EMPTY_READS: u32 = 3;

/// A message that was received is hidden from other receivers for this time.
const VISIBILITY_TIMEOUT_SECS: i32 = 20;

/// Waits until these consumers' queues are empty. Returns false if they are not by the deadline.
pub(crate) async fn wait_until_empty(
    stack: &SoakStack,
    consumers: impl IntoIterator<Item = &Consumer> + Clone,
    deadline: Instant,
) -> Result<bool> {
    let mut empty_reads = 0;
    while empty_reads < EMPTY_READS {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep(POLL_INTERVAL).await;
        empty_reads = if count_all(stack, consumers.clone()).await? == 0 { empty_reads + 1 } else { 0 };
    }
    Ok(true)
}

/// All messages in these consumers' queues: visible, in flight and delayed. Dead-letter queues are not counted.
pub(crate) async fn count_all(stack: &SoakStack, consumers: impl IntoIterator<Item = &Consumer>) -> Result<u64> {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    count(stack, consumers, &names).await
}

/// The visible messages in all consumers' queues: those that no invocation processes and no visibility timeout hides.
pub(crate) async fn count_visible(stack: &SoakStack) -> Result<u64> {
    count(stack, &stack.deployed.consumers, &[QueueAttributeName::ApproximateNumberOfMessages]).await
}

async fn count(
    stack: &SoakStack,
    consumers: impl IntoIterator<Item = &Consumer>,
    names: &[QueueAttributeName],
) -> Result<u64> {
    let mut sum = 0;
    for Consumer { queue_url, .. } in consumers {
        let read = stack.cloud.sqs.get_queue_attributes().queue_url(queue_url);
        let response = read.set_attribute_names(Some(names.to_vec())).send().await;
        let counts = response.with_context(|| format!("{queue_url} cannot be read"))?.attributes.unwrap_or_default();
        sum += counts.values().filter_map(|count| count.parse::<u64>().ok()).sum::<u64>();
    }
    Ok(sum)
}

/// Receives until the queue returns nothing more. The messages stay in the queue.
pub(crate) async fn receive_all(stack: &SoakStack, queue_url: &str) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    loop {
        let receive = stack.cloud.sqs.receive_message().queue_url(queue_url).max_number_of_messages(10);
        let receive = receive.message_attribute_names("All").visibility_timeout(VISIBILITY_TIMEOUT_SECS);
        let response = receive.message_system_attribute_names(MessageSystemAttributeName::All).send().await;
        let batch = response.with_context(|| format!("{queue_url} cannot be read"))?.messages.unwrap_or_default();
        if batch.is_empty() {
            return Ok(messages);
        }
        messages.extend(batch);
    }
}

/// Deletes a message that was received.
pub(crate) async fn delete(stack: &SoakStack, queue_url: &str, message: &Message) -> Result<()> {
    let delete = stack.cloud.sqs.delete_message().queue_url(queue_url);
    let deleted = delete.set_receipt_handle(message.receipt_handle.clone()).send().await;
    deleted.with_context(|| format!("a message of {queue_url} cannot be deleted"))?;
    Ok(())
}
