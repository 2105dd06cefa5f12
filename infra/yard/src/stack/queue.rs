//! How many messages a queue holds, read without receiving them.

use anyhow::{Context, Result, bail};
use aws_sdk_sqs::types::QueueAttributeName;

use crate::aws::clients::Cloud;

/// SQS's approximate numbers of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueDepth {
    pub(crate) visible: u64,
    pub(crate) in_flight: u64,
}

impl QueueDepth {
    pub(crate) fn total(self) -> u64 {
        self.visible + self.in_flight
    }
}

pub(crate) async fn read_depth(cloud: &Cloud, queue_url: &str) -> Result<QueueDepth> {
    let names =
        [QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::ApproximateNumberOfMessagesNotVisible];
    let answer =
        cloud.sqs.get_queue_attributes().queue_url(queue_url).set_attribute_names(Some(names.to_vec())).send().await;
    let attributes =
        answer.with_context(|| format!("the queue {queue_url} cannot be read"))?.attributes.unwrap_or_default();
    let [visible, in_flight] = names.map(|name| attributes.get(&name).and_then(|text| text.parse().ok()));
    let (Some(visible), Some(in_flight)) = (visible, in_flight) else {
        bail!("the queue {queue_url} does not say how many messages it holds");
    };
    Ok(QueueDepth { visible, in_flight })
}
