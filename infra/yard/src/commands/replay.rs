//! `yard replay`: sends stored events of one type to one consumer's queue again.
//!
//! The events are read from the outboxes, which stay in their rows after they were published. What a consumer has applied, it recognizes
//! as a duplicate as long as its marker exists, so a replay can be repeated.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use clap::Args;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchyard_chassis::{Item, text_of};
use switchyard_events::OutboxEntry;

use crate::aws::clients::Cloud;
use crate::commands::context::{CommandContext, Completion, JsonArgs, RegionArgs};
use crate::stack::consumer::Consumer;
use crate::stack::deployed::Stack;
use crate::terminal::output::print_result;
use crate::terminal::progress::Step;

/// Messages that one `SendMessageBatch` takes
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>, 2026-11-21).
const BATCH: usize = 10;

/// The bytes that one `SendMessageBatch` takes, with a margin for what SQS counts beside the bodies: 1 MiB
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>, 2026-11-21).
const BATCH_BYTES: usize = 1_000_000;

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The consumer whose queue gets the events
    #[arg(value_name = "CONSUMER")]
    consumer: String,
    /// The type of the events, such as `OrderConfirmed`
    #[arg(long = "type", value_name = "TYPE")]
    event_type: String,
    /// Only events from this time on, such as 2026-11-21T00:00:00Z. A consumer recognizes what it has applied for `MARKER_TTL_DAYS`
    /// (90); older events could be applied again
    #[arg(long, value_name = "TIME")]
    from: Timestamp,
    /// Send them, instead of only counting them
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    region: RegionArgs,
}

impl ReplayArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        let (cloud, stack) = context.connect(self.region.region).await?;
        let step = Step::new("replay");
        let replay = replay(&cloud, &stack, &self.consumer, &self.event_type, Some(self.from), self.yes).await?;
        step.done(format!("{} rows read", replay.rows));
        print_result(&replay, self.json.json, Replay::render)?;
        Ok(Completion::Done)
    }
}

/// What was, or would be, sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// Whether nothing was sent.
    pub dry_run: bool,
    /// Rows that were read.
    pub rows: u64,
    /// Events that were sent; in a dry run, those that would be.
    pub events: u64,
}

impl Replay {
    fn render(&self) -> String {
        let done = if self.dry_run { "would be sent; --yes does it" } else { "sent" };
        format!("{} events {done}", self.events)
    }
}

/// Sends the stored events of a type to a consumer's queue. Reads every table that has events of this type as a whole.
pub async fn replay(
    cloud: &Cloud,
    stack: &Stack,
    consumer: &str,
    event_type: &str,
    from: Option<Timestamp>,
    yes: bool,
) -> Result<Replay> {
    let consumer = stack.consumer(consumer)?;
    if !consumer.subscribes_to(event_type) {
        let types: Vec<_> = consumer.event_types.iter().map(String::as_str).collect();
        bail!("{} does not subscribe to {event_type}, only to {}", consumer.name, types.join(", "));
    }
    let mut replay = Replay { dry_run: !yes, ..Replay::default() };
    let tables = stack.consumers.iter().map(|consumer| &consumer.table).chain([&stack.orders_table]);
    for table in tables.collect::<BTreeSet<_>>() {
        let mut pages = cloud.dynamodb.scan().table_name(table).filter_expression("contains(outbox, :type)");
        pages = pages.expression_attribute_values(
            ":type",
            aws_sdk_dynamodb::types::AttributeValue::S(format!("\"detail_type\":\"{event_type}\"")),
        );
        let mut pages = pages.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.with_context(|| format!("{table} cannot be read"))?;
            replay.rows += u64::try_from(page.scanned_count()).unwrap_or_default();
            let bodies: Vec<_> = page.items().iter().flat_map(|row| bodies(row, event_type, from)).collect();
            replay.events += bodies.len() as u64;
            if yes {
                send(cloud, consumer, &bodies).await?;
            }
        }
    }
    Ok(replay)
}

/// The events of this type in a row's outbox, each as its rule delivers it to a queue.
fn bodies(row: &Item, event_type: &str, from: Option<Timestamp>) -> Vec<String> {
    #[derive(Deserialize)]
    struct Detail {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        occurred_at: Timestamp,
    }
    let outbox = text_of(row, OutboxEntry::ATTRIBUTE).and_then(|text| OutboxEntry::from_attribute(text).ok());
    let is_asked_for = |entry: &OutboxEntry| {
        let detail = serde_json::from_str::<Detail>(entry.detail.get()).ok();
        let occurred_at = detail.map(|detail| detail.metadata.occurred_at);
        entry.detail_type == event_type && occurred_at.is_some_and(|at| from.is_none_or(|from| at >= from))
    };
    outbox.into_iter().flatten().filter(is_asked_for).map(|entry| body(&entry)).collect()
}

fn body(entry: &OutboxEntry) -> String {
    let (kind, source) = (Value::from(entry.detail_type.as_str()), Value::from(entry.source.as_str()));
    format!(r#"{{"version":"0","detail-type":{kind},"source":{source},"detail":{}}}"#, entry.detail)
}

/// As many bodies as one call takes.
fn batches(bodies: &[String]) -> Vec<&[String]> {
    let mut batches = Vec::new();
    let mut rest = bodies;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest.iter().take(BATCH).take_while(|body| {
            bytes += body.len();
            bytes <= BATCH_BYTES
        });
        let (batch, others) = rest.split_at(fitting.count().max(1));
        batches.push(batch);
        rest = others;
    }
    batches
}

async fn send(cloud: &Cloud, consumer: &Consumer, bodies: &[String]) -> Result<()> {
    for batch in batches(bodies) {
        let entry = |(index, body): (usize, &String)| {
            SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body).build()
        };
        let entries = batch.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
        let send = cloud.sqs.send_message_batch().queue_url(&consumer.queue_url).set_entries(Some(entries));
        let answer = send.send().await.with_context(|| format!("the queue of {} takes no message", consumer.name))?;
        ensure!(answer.failed.is_empty(), "the queue of {} refused messages: repeat the replay", consumer.name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use switchyard_chassis::{Key, Row};

    use super::*;

    #[test]
    fn only_events_of_the_type_and_time_are_replayed() {
        let entry = |kind: &str, at: &str| {
            format!(
                r#"{{"source":"switchyard.fraud","detail_type":"{kind}","detail":{{"metadata":{{"occurred_at":"{at}"}}}}}}"#
            )
        };
        let (early, late) = ("2026-05-26T14:23:01Z", "2026-05-26T14:23:02Z");
        let outbox = [entry("OrderConfirmed", early), entry("OrderConfirmed", late), entry("OrderFlagged", late)];
        let row =
            Row::new(Key::new("a", "b")).set(OutboxEntry::ATTRIBUTE, format!("[{}]", outbox.join(","))).into_item();
        let count = |from: Option<&str>| bodies(&row, "OrderConfirmed", from.map(|from| from.parse().unwrap())).len();
        assert_eq!((count(None), count(Some(late)), count(Some("2026-05-27T00:00:00Z"))), (2, 1, 0));
        assert_eq!(bodies(&Item::new(), "OrderConfirmed", None), Vec::<String>::new());
    }

    #[test]
    fn batch_has_ten_bodies_or_a_megabyte() {
        let lengths = |bodies: Vec<String>| batches(&bodies).iter().map(|batch| batch.len()).collect::<Vec<_>>();
        assert_eq!(lengths(vec!["x".to_owned(); 23]), [10, 10, 3]);
        assert_eq!(lengths(vec!["x".repeat(300_000); 7]), [3, 3, 1]);
        assert_eq!(lengths(vec!["x".repeat(1_100_000); 2]), [1, 1]);
        assert_eq!(lengths(vec![]), [0_usize; 0]);
    }
}
