//! How full a queue is, asked without touching its messages.

use anyhow::{Context, Result, bail};
use aws_sdk_sqs::types::QueueAttributeName;

use crate::Cloud;

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Depth {
    pub(crate) visible: u64,
    pub(crate) in_flight: u64,
}

pub(crate) async fn depth(cloud: &Cloud, queue_url: &str) -> Result<Depth> {
    let names =
        [QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::ApproximateNumberOfMessagesNotVisible];
    let answer =
        cloud.sqs.get_queue_attributes().queue_url(queue_url).set_attribute_names(Some(names.to_vec())).send().await;
    let attributes =
        answer.with_context(|| format!("the queue {queue_url} cannot be read"))?.attributes.unwrap_or_default();
    let [visible, in_flight] = names.map(|name| attributes.get(&name).and_then(|text| text.parse().ok()));
    match (visible, in_flight) {
        (Some(visible), Some(in_flight)) => Ok(Depth { visible, in_flight }),
        _ => bail!("the queue {queue_url} does not say how many messages it holds"),
    }
}
