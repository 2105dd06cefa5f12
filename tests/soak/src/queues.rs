//! The consumers' queues: how many messages they hold, and waiting until they are empty.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use tokio::time::{Instant, sleep};
use yard::{Cloud, Consumer};

/// The pause between two reads of the queues.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Queues are complete when their counts have not changed for this time.
const STABLE_PERIOD: Duration = Duration::from_secs(4);

/// The pause between two reads while queues fill.
const STABLE_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// So many reads in a row must find the queues empty: between two of them a stream may fill one.
const EMPTY_READS: u32 = 3;

/// A message that was received is hidden from other receivers for this time.
const VISIBILITY_TIMEOUT_SECS: i32 = 20;

/// Waits until these consumers' queues are empty. Returns false if they are not by the deadline.
pub(crate) async fn wait_until_empty(
    cloud: &Cloud,
    consumers: impl IntoIterator<Item = &Consumer> + Clone,
    deadline: Instant,
) -> Result<bool> {
    let mut empty_reads = 0;
    while empty_reads < EMPTY_READS {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep(POLL_INTERVAL).await;
        empty_reads = if count_all(cloud, consumers.clone()).await? == 0 { empty_reads + 1 } else { 0 };
    }
    Ok(true)
}

/// All messages in these consumers' queues: visible, in flight and delayed. Dead-letter queues are not counted.
pub(crate) async fn count_all(cloud: &Cloud, consumers: impl IntoIterator<Item = &Consumer>) -> Result<u64> {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    count(cloud, consumers.into_iter().map(|consumer| consumer.queue_url.as_str()), &names).await
}

/// The visible messages in these consumers' queues: those that no invocation processes and no visibility timeout hides.
pub(crate) async fn count_visible(cloud: &Cloud, consumers: impl IntoIterator<Item = &Consumer>) -> Result<u64> {
    count(
        cloud,
        consumers.into_iter().map(|consumer| consumer.queue_url.as_str()),
        &[QueueAttributeName::ApproximateNumberOfMessages],
    )
    .await
}

/// Whether a message of the queue could be received.
pub(crate) async fn has_messages(cloud: &Cloud, queue_url: &str) -> Result<bool> {
    Ok(count(cloud, [queue_url], &[QueueAttributeName::ApproximateNumberOfMessages]).await? > 0)
}

/// The messages of a queue that a receiver has hidden from others.
pub(crate) async fn count_hidden(cloud: &Cloud, queue_url: &str) -> Result<u64> {
    count(cloud, [queue_url], &[QueueAttributeName::ApproximateNumberOfMessagesNotVisible]).await
}

/// Waits until no more messages arrive in any of these consumers' queues.
pub(crate) async fn wait_until_stable(cloud: &Cloud, consumers: &[Consumer]) -> Result<()> {
    let mut since = Instant::now();
    let mut last = count_all(cloud, consumers).await?;
    while since.elapsed() < STABLE_PERIOD {
        sleep(STABLE_POLL_INTERVAL).await;
        let now = count_all(cloud, consumers).await?;
        if now != last {
            (since, last) = (Instant::now(), now);
        }
    }
    Ok(())
}

async fn count(cloud: &Cloud, queue_urls: impl IntoIterator<Item = &str>, names: &[QueueAttributeName]) -> Result<u64> {
    let mut sum = 0;
    for queue_url in queue_urls {
        let read = cloud.sqs.get_queue_attributes().queue_url(queue_url);
        let response = read.set_attribute_names(Some(names.to_vec())).send().await;
        let counts = response.with_context(|| format!("{queue_url} cannot be read"))?.attributes.unwrap_or_default();
        sum += counts.values().filter_map(|count| count.parse::<u64>().ok()).sum::<u64>();
    }
    Ok(sum)
}

/// Receives until the queue returns nothing more. The messages stay in the queue.
pub(crate) async fn receive_all(cloud: &Cloud, queue_url: &str) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    loop {
        let batch = receive_batch(cloud, queue_url).await?;
        if batch.is_empty() {
            return Ok(messages);
        }
        messages.extend(batch);
    }
}

/// Receives at most ten messages. They stay in the queue.
pub(crate) async fn receive_batch(cloud: &Cloud, queue_url: &str) -> Result<Vec<Message>> {
    let receive = cloud.sqs.receive_message().queue_url(queue_url).max_number_of_messages(10);
    let receive = receive.message_attribute_names("All").visibility_timeout(VISIBILITY_TIMEOUT_SECS);
    let response = receive.message_system_attribute_names(MessageSystemAttributeName::All).send().await;
    Ok(response.with_context(|| format!("{queue_url} cannot be read"))?.messages.unwrap_or_default())
}

/// Deletes a message that was received.
pub(crate) async fn delete(cloud: &Cloud, queue_url: &str, message: &Message) -> Result<()> {
    let delete = cloud.sqs.delete_message().queue_url(queue_url);
    let deleted = delete.set_receipt_handle(message.receipt_handle.clone()).send().await;
    deleted.with_context(|| format!("a message of {queue_url} cannot be deleted"))?;
    Ok(())
}
