//! One consumer: a function, and what belongs to it.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result, bail};
use aws_sdk_lambda::types::EventSourceMappingConfiguration;
use aws_sdk_sqs::types::QueueAttributeName;
use serde::Deserialize;

use crate::{Cloud, subscription};

/// A function with its queue, its dead letters and its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// The queue's name without the stack's: `tax`.
    pub name: String,
    pub function: String,
    pub queue_url: String,
    pub queue_arn: String,
    pub dlq_url: String,
    pub table: String,
    /// The types of the events that reach its queue; none if it is sent whatever there is.
    pub event_types: BTreeSet<String>,
    /// The UUID of the mapping from the queue to the function.
    pub mapping: String,
    /// `Enabled`, `Disabled`, or on the way from one to the other, when the stack was read.
    pub mapping_state: String,
    /// The address where confirmations come from, for the one that sends mail.
    pub sender: Option<String>,
}

impl Consumer {
    /// Whether events of this type reach it.
    pub fn subscribes_to(&self, event_type: &str) -> bool {
        self.event_types.is_empty() || self.event_types.contains(event_type)
    }
}

/// Follows a mapping to everything that belongs to its function.
pub(crate) async fn read(cloud: &Cloud, bus: &str, mapping: &EventSourceMappingConfiguration) -> Result<Consumer> {
    let queue_arn = mapping.event_source_arn().unwrap_or_default().to_owned();
    let function = mapping.function_arn().and_then(function_of).unwrap_or_default().to_owned();
    let (queue_url, configuration, event_types) = tokio::try_join!(
        queue_url_of(cloud, &queue_arn),
        configuration(cloud, &function),
        subscription::read(cloud, bus, &queue_arn)
    )?;
    let dlq_url = dead_letters(cloud, &queue_url).await?;
    let Some(table) = configuration.get("TABLE_NAME").cloned() else {
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
        sender: configuration.get("SENDER_ADDRESS").cloned(),
    })
}

async fn configuration(cloud: &Cloud, function: &str) -> Result<HashMap<String, String>> {
    let answer = cloud
        .lambda
        .get_function_configuration()
        .function_name(function)
        .send()
        .await
        .with_context(|| format!("the configuration of {function} cannot be read"))?;
    Ok(answer.environment.and_then(|environment| environment.variables).unwrap_or_default())
}

async fn queue_url_of(cloud: &Cloud, arn: &str) -> Result<String> {
    let name = last(arn);
    let answer = cloud.sqs.get_queue_url().queue_name(name).send().await;
    answer.with_context(|| format!("the queue {name} cannot be found"))?.queue_url.context("a queue without an address")
}

async fn dead_letters(cloud: &Cloud, queue_url: &str) -> Result<String> {
    let name = QueueAttributeName::RedrivePolicy;
    let answer = cloud.sqs.get_queue_attributes().queue_url(queue_url).attribute_names(name.clone()).send().await;
    let attributes =
        answer.with_context(|| format!("the queue {queue_url} cannot be read"))?.attributes.unwrap_or_default();
    let policy = attributes.get(&name).with_context(|| format!("the queue {queue_url} has no dead-letter queue"))?;
    queue_url_of(cloud, &dead_letter_arn(policy)?).await
}

fn dead_letter_arn(redrive_policy: &str) -> Result<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct RedrivePolicy {
        dead_letter_target_arn: String,
    }
    let policy: RedrivePolicy = serde_json::from_str(redrive_policy).context("a redrive policy cannot be read")?;
    Ok(policy.dead_letter_target_arn)
}

/// `arn:aws:lambda:us-east-1:123456789012:function:NAME[:ALIAS]`
pub(crate) fn function_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(6)
}

fn last(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

fn short_name<'a>(stack: &str, queue_arn: &'a str) -> &'a str {
    let queue = last(queue_arn);
    queue.strip_prefix(stack).and_then(|rest| rest.strip_prefix('-')).unwrap_or(queue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_out_of_arns() {
        assert_eq!(function_of("arn:aws:lambda:us-east-1:1:function:switchyard-tax:live"), Some("switchyard-tax"));
        assert_eq!(short_name("switchyard", "arn:aws:sqs:us-east-1:1:switchyard-tax"), "tax");
        assert_eq!(short_name("switch", "arn:aws:sqs:us-east-1:1:switchyard-tax"), "switchyard-tax");
        let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:1:switchyard-tax-dlq","maxReceiveCount":5}"#;
        assert_eq!(dead_letter_arn(policy).unwrap(), "arn:aws:sqs:us-east-1:1:switchyard-tax-dlq");
    }
}
