//! What is deployed, found by reading the stack and never from a list in code.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result, anyhow, bail};
use aws_sdk_lambda::types::EventSourceMappingConfiguration;
use aws_sdk_sqs::types::QueueAttributeName;
use futures_util::future::try_join_all;
use serde::Deserialize;

use crate::exit::{self, NO_STACK};
use crate::{Api, Cloud};

/// A deployed stack.
#[derive(Debug, Clone)]
pub struct Stack {
    pub name: String,
    pub api_url: String,
    pub bus: String,
    pub orders_table: String,
    pub checkout: String,
    pub publisher: String,
    pub publisher_dlq: String,
    /// Every function of the stack, by its deployed name.
    pub functions: BTreeSet<String>,
    /// Every function that an SQS queue of the stack is mapped to, by name.
    pub consumers: Vec<Consumer>,
}

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
    /// The UUID of the mapping from the queue to the function.
    pub mapping: String,
    /// `Enabled`, `Disabled`, or on the way from one to the other, when the stack was read.
    pub mapping_state: String,
    /// The address where confirmations come from, for the one that sends mail.
    pub sender: Option<String>,
}

impl Stack {
    /// Reads the stack that `cloud` names.
    pub async fn read(cloud: &Cloud) -> Result<Self> {
        let outputs = outputs(cloud).await?;
        let output = |key: &str| {
            let value = outputs.get(key).cloned();
            value.with_context(|| {
                format!(
                    "the stack {} has no output {key}: deploy infra/template.yaml again",
                    cloud.stack
                )
            })
        };
        let functions = functions(cloud).await?;
        let mappings = queue_mappings(cloud, &functions).await?;
        let mut consumers = try_join_all(mappings.iter().map(|mapping| consumer(cloud, mapping))).await?;
        consumers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self {
            name: cloud.stack.clone(),
            api_url: reachable(&output("ApiUrl")?, cloud.endpoint.as_deref()),
            bus: output("BusName")?,
            orders_table: output("OrdersTable")?,
            checkout: output("CheckoutFunction")?,
            publisher: output("PublisherFunction")?,
            publisher_dlq: output("PublisherDlqUrl")?,
            functions,
            consumers,
        })
    }

    /// The API of this stack.
    pub fn api(&self, cloud: &Cloud) -> Result<Api> {
        Api::new(cloud, &self.api_url)
    }

    /// A consumer by its name.
    pub fn consumer(&self, name: &str) -> Result<&Consumer> {
        self.consumers
            .iter()
            .find(|consumer| consumer.name == name)
            .with_context(|| {
                let names: Vec<&str> = self.consumers.iter().map(|consumer| consumer.name.as_str()).collect();
                format!("there is no consumer {name}; there are {}", names.join(", "))
            })
    }
}

/// The state of CloudFormation's stack, such as `CREATE_COMPLETE`; none when there is no such stack.
pub(crate) async fn state(cloud: &Cloud) -> Result<Option<String>> {
    let answer = cloud
        .cloudformation
        .describe_stacks()
        .stack_name(&cloud.stack)
        .send()
        .await;
    match answer {
        Ok(answer) => Ok(answer
            .stacks()
            .first()
            .and_then(|stack| stack.stack_status())
            .map(|status| status.as_str().to_owned())),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|e| e.meta().code() == Some("ValidationError")) =>
        {
            Ok(None)
        }
        Err(error) => Err(anyhow!(error).context(format!("CloudFormation cannot be asked about {}", cloud.describe()))),
    }
}

async fn outputs(cloud: &Cloud) -> Result<HashMap<String, String>> {
    if state(cloud).await?.is_none() {
        return Err(exit::with(
            NO_STACK,
            format!("{} does not exist: deploy it first", cloud.describe()),
        ));
    }
    let answer = cloud
        .cloudformation
        .describe_stacks()
        .stack_name(&cloud.stack)
        .send()
        .await
        .with_context(|| format!("{} cannot be read", cloud.describe()))?;
    let outputs = answer
        .stacks
        .unwrap_or_default()
        .into_iter()
        .next()
        .and_then(|stack| stack.outputs)
        .unwrap_or_default();
    Ok(outputs
        .into_iter()
        .filter_map(|output| Some((output.output_key?, output.output_value?)))
        .collect())
}

async fn functions(cloud: &Cloud) -> Result<BTreeSet<String>> {
    let mut pages = cloud
        .cloudformation
        .list_stack_resources()
        .stack_name(&cloud.stack)
        .into_paginator()
        .items()
        .send();
    let mut functions = BTreeSet::new();
    while let Some(resource) = pages.next().await {
        let resource = resource.context("the stack's resources cannot be listed")?;
        if resource.resource_type() == Some("AWS::Lambda::Function") {
            functions.extend(resource.physical_resource_id);
        }
    }
    Ok(functions)
}

async fn queue_mappings(cloud: &Cloud, functions: &BTreeSet<String>) -> Result<Vec<EventSourceMappingConfiguration>> {
    let mut pages = cloud
        .lambda
        .list_event_source_mappings()
        .into_paginator()
        .items()
        .send();
    let mut mappings = Vec::new();
    while let Some(mapping) = pages.next().await {
        let mapping = mapping.context("the event source mappings cannot be listed")?;
        let of_a_queue = mapping.event_source_arn().is_some_and(|arn| arn.contains(":sqs:"));
        if of_a_queue
            && mapping
                .function_arn()
                .and_then(function_of)
                .is_some_and(|name| functions.contains(name))
        {
            mappings.push(mapping);
        }
    }
    Ok(mappings)
}

async fn consumer(cloud: &Cloud, mapping: &EventSourceMappingConfiguration) -> Result<Consumer> {
    let queue_arn = mapping.event_source_arn().unwrap_or_default().to_owned();
    let function = mapping
        .function_arn()
        .and_then(function_of)
        .unwrap_or_default()
        .to_owned();
    let (queue_url, configuration) = tokio::try_join!(queue_url(cloud, &queue_arn), configuration(cloud, &function))?;
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
    Ok(answer
        .environment
        .and_then(|environment| environment.variables)
        .unwrap_or_default())
}

async fn queue_url(cloud: &Cloud, arn: &str) -> Result<String> {
    let name = last(arn);
    let answer = cloud.sqs.get_queue_url().queue_name(name).send().await;
    answer
        .with_context(|| format!("the queue {name} cannot be found"))?
        .queue_url
        .context("a queue without an address")
}

async fn dead_letters(cloud: &Cloud, queue_url: &str) -> Result<String> {
    let name = QueueAttributeName::RedrivePolicy;
    let answer = cloud
        .sqs
        .get_queue_attributes()
        .queue_url(queue_url)
        .attribute_names(name.clone())
        .send()
        .await;
    let attributes = answer
        .with_context(|| format!("the queue {queue_url} cannot be read"))?
        .attributes
        .unwrap_or_default();
    let policy = attributes
        .get(&name)
        .with_context(|| format!("the queue {queue_url} has no dead-letter queue"))?;
    self::queue_url(cloud, &dead_letter_arn(policy)?).await
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
fn function_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(6)
}

fn last(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

fn short_name<'a>(stack: &str, queue_arn: &'a str) -> &'a str {
    let queue = last(queue_arn);
    queue
        .strip_prefix(stack)
        .and_then(|rest| rest.strip_prefix('-'))
        .unwrap_or(queue)
}

/// The stack names the API by a host that only DNS on AWS knows; a local cloud serves the same API under a path.
fn reachable(api_url: &str, endpoint: Option<&str>) -> String {
    let host_and_path = api_url.split_once("://").map_or(api_url, |(_, rest)| rest);
    match (endpoint, host_and_path.split_once(".execute-api.")) {
        (Some(endpoint), Some((id, rest))) => {
            let path = rest
                .split_once('/')
                .map_or(String::new(), |(_, path)| format!("/{path}"));
            format!("{endpoint}/_aws/execute-api/{id}{path}")
        }
        _ => api_url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_out_of_arns() {
        assert_eq!(
            function_of("arn:aws:lambda:us-east-1:1:function:switchyard-tax:live"),
            Some("switchyard-tax")
        );
        assert_eq!(
            short_name("switchyard", "arn:aws:sqs:us-east-1:1:switchyard-tax"),
            "tax"
        );
        assert_eq!(
            short_name("switch", "arn:aws:sqs:us-east-1:1:switchyard-tax"),
            "switchyard-tax"
        );
        let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:1:switchyard-tax-dlq","maxReceiveCount":5}"#;
        assert_eq!(
            dead_letter_arn(policy).unwrap(),
            "arn:aws:sqs:us-east-1:1:switchyard-tax-dlq"
        );
    }

    #[test]
    fn only_a_local_api_is_called_by_path() {
        let aws = "https://abc.execute-api.eu-west-1.amazonaws.com";
        let local = Some("http://127.0.0.1:4566");
        assert_eq!(reachable(aws, None), aws);
        assert_eq!(reachable(aws, local), "http://127.0.0.1:4566/_aws/execute-api/abc");
        assert_eq!(
            reachable("http://abc.execute-api.localhost:4566/prod", local),
            "http://127.0.0.1:4566/_aws/execute-api/abc/prod"
        );
        assert_eq!(
            reachable("http://127.0.0.1:4566/_aws/execute-api/abc", local),
            "http://127.0.0.1:4566/_aws/execute-api/abc"
        );
    }
}
