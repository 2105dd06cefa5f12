//! The age of a queue's oldest message.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Datapoint, Dimension, Statistic};
use jiff::Timestamp;
use serde_json::Value;

use crate::aws::clients::Cloud;
use crate::aws::http::fetch;
use crate::stack::consumer::Consumer;

/// How old CloudWatch's latest figure may be.
const METRIC_WINDOW: Duration = Duration::from_mins(10);

/// How long the oldest message has been in the queue, in seconds; none if it is not known. Read without receiving the message: that
/// would count as a receive and make it invisible to the consumer.
pub(crate) async fn read_oldest_age(cloud: &Cloud, consumer: &Consumer) -> Result<Option<u64>> {
    match &cloud.endpoint {
        Some(endpoint) => read_from_page(endpoint, &consumer.queue_url).await,
        None => read_from_metric(cloud, &consumer.queue_arn).await,
    }
}

/// The local cloud shows a queue's messages on a page. Another emulator may not: then the age is unknown.
async fn read_from_page(endpoint: &str, queue_url: &str) -> Result<Option<u64>> {
    let page = fetch(&format!("{endpoint}/_ministack/sqs/messages?QueueUrl={queue_url}")).await?;
    Ok(oldest_sent(&page.json()).map(|sent| seconds_between(sent, Timestamp::now().as_second())))
}

fn seconds_between(sent: i64, now: i64) -> u64 {
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

async fn read_from_metric(cloud: &Cloud, queue_arn: &str) -> Result<Option<u64>> {
    let queue = queue_arn.rsplit(':').next().unwrap_or(queue_arn);
    let now = Timestamp::now().as_second();
    let answer = cloud
        .cloudwatch
        .get_metric_statistics()
        .namespace("AWS/SQS")
        .metric_name("ApproximateAgeOfOldestMessage")
        .dimensions(Dimension::builder().name("QueueName").value(queue).build())
        .start_time(DateTime::from_secs(now - METRIC_WINDOW.as_secs().cast_signed()))
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
    fn oldest_message_is_found_at_any_depth_of_page() {
        let page = json!({"messages": {"000000000000": {"us-east-1": {"http://q": [
            {"MessageId": "a", "SentTimestamp": 1_700_000_100, "Attributes": {}},
            {"MessageId": "b", "SentTimestamp": 1_700_000_050, "Attributes": {"SentTimestamp": "1"}},
        ]}}}});
        assert_eq!(oldest_sent(&page), Some(1_700_000_050));
        assert_eq!(oldest_sent(&json!({"messages": {}})), None);
        assert_eq!(seconds_between(105, 100), 0);
    }
}
