//! One consumer: a function with its queue, its dead letters and its table.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result, bail};
use aws_sdk_lambda::types::EventSourceMappingConfiguration;
use aws_sdk_sqs::types::QueueAttributeName;
use serde::Deserialize;

use crate::aws::clients::Cloud;
use crate::stack::subscription;

/// A function that an SQS queue is mapped to, and everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// The queue's name without the stack's name: `tax`.
    pub name: String,
    pub function: String,
    pub queue_url: String,
    pub queue_arn: String,
    pub dlq_url: String,
    pub table: String,
    /// The types of the events that reach its queue. Empty if it gets every event.
    pub event_types: BTreeSet<String>,
    /// The UUID of the mapping from the queue to the function.
    pub mapping: String,
    /// When the stack was read: `Enabled`, `Disabled`, or on the way from one to the other.
    pub mapping_state: String,
    /// The address that mails are sent from, if the consumer sends mail.
    pub sender: Option<String>,
}

impl Consumer {
    /// Whether all events of this type reach its queue.
    pub fn subscribes_to(&self, event_type: &str) -> bool {
        self.event_types.is_empty() || self.event_types.contains(event_type)
    }
}

/// Reads everything that belongs to a mapping's function.
pub(crate) async fn read(cloud: &Cloud, bus: &str, mapping: &EventSourceMappingConfiguration) -> Result<Consumer> {
    let queue_arn = mapping.event_source_arn().unwrap_or_default().to_owned();
    let function = mapping.function_arn().and_then(function_name).unwrap_or_default().to_owned();
    let (queue_url, environment, event_types) = tokio::try_join!(
        read_queue_url(cloud, &queue_arn),
        read_environment(cloud, &function),
        subscription::read(cloud, bus, &queue_arn)
    )?;
    let dlq_url = read_dlq_url(cloud, &queue_url).await?;
    let Some(table) = environment.get("TABLE_NAME").cloned() else {
        bail!("the function {function} has no TABLE_NAME in its environment: deploy infra/template.yaml again");
    };
    Ok(Consumer {
        name: short_name(&cloud.stack, &queue_arn).to_owned(),
        function,
        queue_url,
        queue_arn,
        dlq_url,
        table,
        event_types,
        mapping: mapping.uuid().unwrap_or_default().to_owned(),
        mapping_state: mapping.state().unwrap_or_default().to_owned(),
        sender: environment.get("SENDER_ADDRESS").cloned(),
    })
}

async fn read_environment(cloud: &Cloud, function: &str) -> Result<HashMap<String, String>> {
    let answer = cloud
        .lambda
        .get_function_configuration()
        .function_name(function)
        .send()
        .await
        .with_context(|| format!("the configuration of {function} cannot be read"))?;
    Ok(answer.environment.and_then(|environment| environment.variables).unwrap_or_default())
}

async fn read_queue_url(cloud: &Cloud, arn: &str) -> Result<String> {
    let name = last_part(arn);
    let answer = cloud.sqs.get_queue_url().queue_name(name).send().await;
    answer.with_context(|| format!("the queue {name} cannot be found"))?.queue_url.context("a queue without an address")
}

async fn read_dlq_url(cloud: &Cloud, queue_url: &str) -> Result<String> {
    let name = QueueAttributeName::RedrivePolicy;
    let answer = cloud.sqs.get_queue_attributes().queue_url(queue_url).attribute_names(name.clone()).send().await;
    let attributes =
        answer.with_context(|| format!("the queue {queue_url} cannot be read"))?.attributes.unwrap_or_default();
    let policy = attributes.get(&name).with_context(|| format!("the queue {queue_url} has no dead-letter queue"))?;
    read_queue_url(cloud, &parse_dead_letter_arn(policy)?).await
}

fn parse_dead_letter_arn(redrive_policy: &str) -> Result<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct RedrivePolicy {
        dead_letter_target_arn: String,
    }
    let policy: RedrivePolicy = serde_json::from_str(redrive_policy).context("a redrive policy cannot be read")?;
    Ok(policy.dead_letter_target_arn)
}

/// The function's name in an ARN: `arn:aws:lambda:us-east-1:123456789012:function:NAME[:ALIAS]`.
pub(crate) fn function_name(arn: &str) -> Option<&str> {
    arn.split(':').nth(6)
}

fn last_part(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

fn short_name<'a>(stack: &str, queue_arn: &'a str) -> &'a str {
    let queue = last_part(queue_arn);
    queue.strip_prefix(stack).and_then(|rest| rest.strip_prefix('-')).unwrap_or(queue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_give_function_and_queue_names() {
        assert_eq!(function_name("arn:aws:lambda:us-east-1:1:function:switchyard-tax:live"), Some("switchyard-tax"));
        assert_eq!(short_name("switchyard", "arn:aws:sqs:us-east-1:1:switchyard-tax"), "tax");
        assert_eq!(short_name("switch", "arn:aws:sqs:us-east-1:1:switchyard-tax"), "switchyard-tax");
        let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:1:switchyard-tax-dlq","maxReceiveCount":5}"#;
        assert_eq!(parse_dead_letter_arn(policy).unwrap(), "arn:aws:sqs:us-east-1:1:switchyard-tax-dlq");
    }
}
