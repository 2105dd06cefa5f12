//! Redrives dead letters as an operator would: receive, send, delete.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use aws_sdk_sqs::types::Message;
use switchyard_events::OutboxEntry;
use yard::Consumer;

use crate::events::put_on_bus;
use crate::queues::{delete, receive_all};
use crate::soak_stack::SoakStack;

/// The code of dead letters that SQS's own redrive policy has moved. Only the chassis sets an error code.
const MOVED_BY_SQS: &str = "(none: moved by SQS)";

/// Dead letters by consumer and error.
pub(crate) type DeadLetterCounts = BTreeMap<String, u64>;

/// Sends dead letters back to where they came from. Those that the consumer has rejected stay, since it would reject
/// them again. Counts all of them, and returns how many were sent back.
pub(crate) async fn redrive(stack: &SoakStack, counts: &mut DeadLetterCounts) -> Result<u64> {
    let mut redriven = 0;
    for consumer in &stack.deployed.consumers {
        redriven += redrive_consumer(stack, consumer, counts).await?;
    }
    Ok(redriven + redrive_publisher(stack, counts).await?)
}

async fn redrive_consumer(stack: &SoakStack, consumer: &Consumer, counts: &mut DeadLetterCounts) -> Result<u64> {
    let mut redriven = 0;
    for message in receive_all(&stack.cloud, &consumer.dlq_url).await? {
        let code = attribute(&message, "error_code").unwrap_or(MOVED_BY_SQS);
        let error = attribute(&message, "error").unwrap_or_default();
        *counts.entry(format!("{} {code} {error}", consumer.name).trim_end().to_owned()).or_default() += 1;
        if code == "retries_exhausted" || code == MOVED_BY_SQS {
            let body = message.body().unwrap_or_default();
            let sent = stack.cloud.sqs.send_message().queue_url(&consumer.queue_url).message_body(body).send().await;
            sent.with_context(|| format!("no dead letter of {} can be redriven", consumer.name))?;
            delete(&stack.cloud, &consumer.dlq_url, &message).await?;
            redriven += 1;
        }
    }
    Ok(redriven)
}

/// The publisher's dead letters are events that could not be put on the bus.
async fn redrive_publisher(stack: &SoakStack, counts: &mut DeadLetterCounts) -> Result<u64> {
    let mut redriven = 0;
    let queue_url = &stack.deployed.publisher_dlq;
    for message in receive_all(&stack.cloud, queue_url).await? {
        let code = attribute(&message, "error_code").unwrap_or("(none)");
        *counts.entry(format!("(publisher) {code}")).or_default() += 1;
        if let Ok(event) = serde_json::from_str::<OutboxEntry>(message.body().unwrap_or_default()) {
            put_on_bus(stack, &event).await?;
            delete(&stack.cloud, queue_url, &message).await?;
            redriven += 1;
        }
    }
    Ok(redriven)
}

fn attribute<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.message_attributes()?.get(name)?.string_value()
}
