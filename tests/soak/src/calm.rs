//! After the storm: until all is applied, as an operator would see to it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use serde_json::Value;
use switchyard_chassis::Item;
use switchyard_events::OutboxEntry;
use tokio::time::{Instant, sleep};
use yard::Consumer;
use yard::email::mailbox;

use crate::audit::{Evidence, Mail};
use crate::client::Pages;
use crate::mischief;
use crate::stage::Stage;

/// Between two looks at the queues.
const PAUSE: Duration = Duration::from_secs(1);

/// What was found in dead-letter queues, and how often: by consumer and error.
pub(crate) type Dead = BTreeMap<String, u64>;

/// Waits until none of these consumers' queues holds anything, three times in a row. False if that is not so by the deadline.
pub(crate) async fn drained(
    stage: &Stage,
    consumers: impl IntoIterator<Item = &Consumer> + Clone,
    deadline: Instant,
) -> Result<bool> {
    let mut calm = 0;
    while calm < 3 {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep(PAUSE).await;
        calm = if waiting(stage, consumers.clone()).await? == 0 { calm + 1 } else { 0 };
    }
    Ok(true)
}

/// Messages in these consumers' queues, whether they can be seen or not; those of dead-letter queues not counted.
pub(crate) async fn waiting(stage: &Stage, consumers: impl IntoIterator<Item = &Consumer>) -> Result<u64> {
    let mut sum = 0;
    for consumer in consumers {
        sum += held(stage, &consumer.queue_url, true).await?;
    }
    Ok(sum)
}

/// Messages in all queues that nobody works on or waits for.
pub(crate) async fn backlog(stage: &Stage) -> Result<u64> {
    let mut sum = 0;
    for consumer in &stage.stack.consumers {
        sum += held(stage, &consumer.queue_url, false).await?;
    }
    Ok(sum)
}

async fn held(stage: &Stage, queue_url: &str, hidden: bool) -> Result<u64> {
    let mut names = vec![QueueAttributeName::ApproximateNumberOfMessages];
    if hidden {
        names.push(QueueAttributeName::ApproximateNumberOfMessagesNotVisible);
        names.push(QueueAttributeName::ApproximateNumberOfMessagesDelayed);
    }
    let asked = stage.cloud.sqs.get_queue_attributes().queue_url(queue_url).set_attribute_names(Some(names)).send();
    let counts = asked.await.with_context(|| format!("{queue_url} cannot be read"))?.attributes.unwrap_or_default();
    Ok(counts.values().filter_map(|count| count.parse::<u64>().ok()).sum())
}

/// Sends every dead letter back to where it came from: receive, send, delete. What its consumer has rejected stays, since it
/// would be rejected again. Counts all of them, and says how many went back.
pub(crate) async fn redrive(stage: &Stage, dead: &mut Dead) -> Result<u64> {
    let mut back = 0;
    for consumer in &stage.stack.consumers {
        for message in receive_all(stage, &consumer.dlq_url).await? {
            let code = attribute(&message, "error_code").unwrap_or("(none: moved by SQS)").to_owned();
            let error = attribute(&message, "error").unwrap_or_default();
            *dead.entry(format!("{} {code} {error}", consumer.name).trim_end().to_owned()).or_default() += 1;
            if code == "retries_exhausted" || code.starts_with('(') {
                let body = message.body().unwrap_or_default();
                stage.cloud.sqs.send_message().queue_url(&consumer.queue_url).message_body(body).send().await?;
                delete(stage, &consumer.dlq_url, &message).await?;
                back += 1;
            }
        }
    }
    for message in receive_all(stage, &stage.stack.publisher_dlq).await? {
        let code = attribute(&message, "error_code").unwrap_or("(none)").to_owned();
        *dead.entry(format!("(publisher) {code}")).or_default() += 1;
        if let Ok(fact) = serde_json::from_str::<OutboxEntry>(message.body().unwrap_or_default()) {
            mischief::put(stage, &fact).await?;
            delete(stage, &stage.stack.publisher_dlq, &message).await?;
            back += 1;
        }
    }
    Ok(back)
}

fn attribute<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.message_attributes()?.get(name)?.string_value()
}

pub(crate) async fn receive_all(stage: &Stage, queue_url: &str) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    loop {
        let receive = stage.cloud.sqs.receive_message().queue_url(queue_url).max_number_of_messages(10);
        let receive = receive.message_attribute_names("All").visibility_timeout(20);
        let answer = receive.message_system_attribute_names(MessageSystemAttributeName::All).send().await;
        let some = answer.with_context(|| format!("{queue_url} cannot be read"))?.messages.unwrap_or_default();
        if some.is_empty() {
            return Ok(messages);
        }
        messages.extend(some);
    }
}

pub(crate) async fn delete(stage: &Stage, queue_url: &str, message: &Message) -> Result<()> {
    let delete = stage.cloud.sqs.delete_message().queue_url(queue_url);
    delete.set_receipt_handle(message.receipt_handle.clone()).send().await?;
    Ok(())
}

/// Runs every job once, as the clock would: whatever of the stack's functions is neither consumer nor checkout nor publisher.
pub(crate) async fn run_jobs(stage: &Stage) {
    let stack = &stage.stack;
    let others = |name: &&String| {
        **name != stack.checkout
            && **name != stack.publisher
            && !stack.consumers.iter().any(|consumer| consumer.function == **name)
    };
    for job in stack.functions.iter().filter(others) {
        // A run that fails is what the next one is for.
        stage.cloud.lambda.invoke().function_name(job).payload(Blob::new("{}")).send().await.ok();
    }
}

/// Everything that the audit looks at.
pub(crate) async fn evidence(stage: &Stage, told: Pages, at_rest: bool) -> Result<Evidence> {
    let mut evidence = Evidence {
        at_rest,
        accepted: told.accepted,
        wares: stage.wares.clone(),
        orders: scan(stage, &stage.stack.orders_table).await?,
        mails: mails(stage).await?,
        journal: stage.witness.journal(),
        ..Evidence::default()
    };
    for consumer in &stage.stack.consumers {
        evidence.tables.insert(consumer.name.clone(), scan(stage, &consumer.table).await?);
        evidence.hears.insert(consumer.name.clone(), consumer.event_types.clone());
    }
    Ok(evidence)
}

async fn scan(stage: &Stage, table: &str) -> Result<Vec<Item>> {
    let scan = stage.cloud.dynamodb.scan().table_name(table).consistent_read(true).into_paginator().items().send();
    scan.collect::<Result<_, _>>().await.with_context(|| format!("{table} cannot be read"))
}

/// Every mail that the local cloud has taken.
async fn mails(stage: &Stage) -> Result<Vec<Mail>> {
    let mail = |mail: &Value| Mail {
        to: mail["To"][0].as_str().unwrap_or_default().to_owned(),
        text: mail["BodyText"].as_str().unwrap_or_default().to_owned(),
    };
    Ok(mailbox(&stage.cloud).await?.iter().map(mail).collect())
}
