//! `yard status`: shows how far behind each consumer is, and what it could not apply.

mod oldest_message;

use anyhow::Result;
use clap::Args;
use futures_util::future::try_join_all;
use serde::Serialize;

use crate::aws::clients::Cloud;
use crate::commands::context::{CommandContext, Completion, JsonArgs, RegionArgs};
use crate::commands::status::oldest_message::read_oldest_age;
use crate::stack::consumer::Consumer;
use crate::stack::deployed::Stack;
use crate::stack::queue::read_depth;
use crate::terminal::output::print_result;
use crate::terminal::table;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    pub(crate) region: RegionArgs,
}

impl StatusArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        let (cloud, stack) = context.connect(self.region.region).await?;
        print_result(&StackStatus::read(&cloud, &stack).await?, self.json.json, StackStatus::render)?;
        Ok(Completion::Done)
    }
}

/// A stack's queues at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct StackStatus {
    stack: String,
    consumers: Vec<QueueStatus>,
    publisher: PublisherStatus,
}

/// One consumer's queue and dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct QueueStatus {
    name: String,
    /// Messages that wait.
    visible: u64,
    /// Messages that a worker has received, or that were put back until later.
    in_flight: u64,
    /// Messages in the dead-letter queue.
    dead: u64,
    /// How long the oldest message has been in the queue; null if the queue is empty or the age is not known.
    oldest_age_s: Option<u64>,
    /// `enabled`, `disabled`, or on the way from one to the other: whether messages reach the function.
    mapping: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct PublisherStatus {
    /// Events that could not be put on the bus.
    dead: u64,
}

impl StackStatus {
    async fn read(cloud: &Cloud, stack: &Stack) -> Result<Self> {
        let consumers = try_join_all(stack.consumers.iter().map(|consumer| QueueStatus::read(cloud, consumer)));
        let (consumers, publisher) = tokio::try_join!(consumers, read_depth(cloud, &stack.publisher_dlq))?;
        let publisher = PublisherStatus { dead: publisher.total() };
        Ok(Self { stack: stack.name.clone(), consumers, publisher })
    }

    /// For people.
    fn render(&self) -> String {
        let mut rows: Vec<Vec<String>> = self.consumers.iter().map(QueueStatus::cells).collect();
        let dash = || "-".to_owned();
        rows.push(vec!["(publisher)".to_owned(), dash(), dash(), self.publisher.dead.to_string(), dash(), dash()]);
        let headings = ["consumer", "visible", "in flight", "dead", "oldest", "mapping"];
        table::paint(&table::render(&headings, &[1, 2, 3, 4], &rows), &["enabled"], &["disabled"], &[])
    }
}

impl QueueStatus {
    async fn read(cloud: &Cloud, consumer: &Consumer) -> Result<Self> {
        let (queue, dead) =
            tokio::try_join!(read_depth(cloud, &consumer.queue_url), read_depth(cloud, &consumer.dlq_url))?;
        let oldest_age_s = if queue.total() == 0 { None } else { read_oldest_age(cloud, consumer).await? };
        Ok(Self {
            name: consumer.name.clone(),
            visible: queue.visible,
            in_flight: queue.in_flight,
            dead: dead.total(),
            oldest_age_s,
            mapping: consumer.mapping_state.to_lowercase(),
        })
    }

    /// A row of the table for people.
    fn cells(&self) -> Vec<String> {
        let age = self.oldest_age_s.map_or_else(|| "-".to_owned(), |age| format!("{age} s"));
        let [visible, in_flight, dead] = [self.visible, self.in_flight, self.dead].map(|count| count.to_string());
        vec![self.name.clone(), visible, in_flight, dead, age, self.mapping.clone()]
    }
}
