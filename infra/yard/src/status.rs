//! `yard status`: how far behind each consumer is, and what it could not apply.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Datapoint, Dimension, Statistic};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::queue::depth;
use crate::{Cloud, Consumer, Stack, fetch, table};

/// A stack's queues at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub stack: String,
    pub consumers: Vec<Line>,
    pub publisher: Publisher,
}

/// One consumer's queues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub name: String,
    /// Messages that wait.
    pub visible: u64,
    /// Messages handed out, or put back until later.
    pub in_flight: u64,
    /// Messages among its dead letters.
    pub dead: u64,
    /// How long the oldest message has been in the queue; null when there is none or nobody knows.
    pub oldest_age_s: Option<u64>,
    /// `enabled`, `disabled`, or on the way from one to the other: whether messages reach the function.
    pub mapping: String,
}

/// Facts that the bus did not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Publisher {
    pub dead: u64,
}

impl Status {
    /// Reads all queues.
    pub async fn read(cloud: &Cloud, stack: &Stack) -> Result<Self> {
        let lines = try_join_all(stack.consumers.iter().map(|consumer| line(cloud, consumer)));
        let (consumers, publisher) = tokio::try_join!(lines, depth(cloud, &stack.publisher_dlq))?;
        let publisher = Publisher { dead: publisher.visible + publisher.in_flight };
        Ok(Self { stack: stack.name.clone(), consumers, publisher })
    }

    /// For people.
    pub fn render(&self) -> String {
        let mut rows: Vec<Vec<String>> = self.consumers.iter().map(Line::row).collect();
        let dash = || "-".to_owned();
        rows.push(vec!["(publisher)".to_owned(), dash(), dash(), self.publisher.dead.to_string(), dash(), dash()]);
        let headings = ["consumer", "visible", "in flight", "dead", "oldest", "mapping"];
        table::paint(&table::render(&headings, &[1, 2, 3, 4], &rows), &["enabled"], &["disabled"], &[])
    }
}

impl Line {
    fn row(&self) -> Vec<String> {
        let counts = [self.visible, self.in_flight, self.dead].map(|count| count.to_string());
        let age = self.oldest_age_s.map_or_else(|| "-".to_owned(), |age| format!("{age} s"));
        [vec![self.name.clone()], counts.to_vec(), vec![age, self.mapping.clone()]].concat()
    }
}

async fn line(cloud: &Cloud, consumer: &Consumer) -> Result<Line> {
    let (queue, dead) = tokio::try_join!(depth(cloud, &consumer.queue_url), depth(cloud, &consumer.dlq_url))?;
    let empty = queue.visible + queue.in_flight == 0;
    let oldest_age_s = if empty { None } else { oldest_age(cloud, consumer).await? };
    Ok(Line {
        name: consumer.name.clone(),
        visible: queue.visible,
        in_flight: queue.in_flight,
        dead: dead.visible + dead.in_flight,
        oldest_age_s,
        mapping: consumer.mapping_state.to_lowercase(),
    })
}

/// Never by receiving: that would count as a try and hide the message from the consumer.
async fn oldest_age(cloud: &Cloud, consumer: &Consumer) -> Result<Option<u64>> {
    match &cloud.endpoint {
        Some(endpoint) => oldest_by_page(endpoint, &consumer.queue_url).await,
        None => oldest_by_metric(cloud, &consumer.queue_arn).await,
    }
}

/// The local cloud shows a queue's messages on a page of its own. Another emulator may not: then the age is unknown.
async fn oldest_by_page(endpoint: &str, queue_url: &str) -> Result<Option<u64>> {
    let reply = fetch(&format!("{endpoint}/_ministack/sqs/messages?QueueUrl={queue_url}")).await?;
    Ok(oldest_sent(&reply.json()).map(|sent| since(sent, Timestamp::now().as_second())))
}

fn since(sent: i64, now: i64) -> u64 {
    u64::try_from(now - sent).unwrap_or(0)
}

/// The earliest `SentTimestamp` (seconds) at any depth of the page, which nests messages by account, region and queue.
fn oldest_sent(page: &Value) -> Option<i64> {
    match page {
        Value::Object(fields) => match fields.get("SentTimestamp") {
            Some(sent) => sent.as_i64(),
            None => fields.values().filter_map(oldest_sent).min(),
        },
        Value::Array(values) => values.iter().filter_map(oldest_sent).min(),
        _ => None,
    }
}

async fn oldest_by_metric(cloud: &Cloud, queue_arn: &str) -> Result<Option<u64>> {
    let queue = queue_arn.rsplit(':').next().unwrap_or(queue_arn);
    let now = Timestamp::now().as_second();
    let window = Duration::from_mins(10).as_secs().cast_signed();
    let answer = cloud
        .cloudwatch
        .get_metric_statistics()
        .namespace("AWS/SQS")
        .metric_name("ApproximateAgeOfOldestMessage")
        .dimensions(Dimension::builder().name("QueueName").value(queue).build())
        .start_time(DateTime::from_secs(now - window))
        .end_time(DateTime::from_secs(now))
        .period(60)
        .statistics(Statistic::Maximum)
        .send()
        .await
        .with_context(|| format!("CloudWatch cannot be asked about the queue {queue}"))?;
    let latest = answer.datapoints().iter().max_by_key(|point| point.timestamp().map(DateTime::secs));
    Ok(latest.and_then(Datapoint::maximum).map(whole_seconds))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an age in seconds, and such a cast saturates"
)]
fn whole_seconds(seconds: f64) -> u64 {
    seconds.round() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_oldest_message_is_found_wherever_the_page_nests_it() {
        let page = json!({"messages": {"000000000000": {"us-east-1": {"http://q": [
            {"MessageId": "a", "SentTimestamp": 1_700_000_100, "Attributes": {}},
            {"MessageId": "b", "SentTimestamp": 1_700_000_050, "Attributes": {"SentTimestamp": "1"}},
        ]}}}});
        assert_eq!(oldest_sent(&page), Some(1_700_000_050));
        assert_eq!(oldest_sent(&json!({"messages": {}})), None);
        assert_eq!(since(105, 100), 0);
    }
}
