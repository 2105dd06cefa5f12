//! A deployed stack, read from CloudFormation and Lambda.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result, anyhow};
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_lambda::types::EventSourceMappingConfiguration;
use futures_util::future::try_join_all;

use crate::aws::api::Api;
use crate::aws::clients::Cloud;
use crate::stack::consumer::{self, Consumer, function_name};
use crate::stack::error::StackError;

/// A deployed stack: its outputs, its functions and its consumers.
#[derive(Debug, Clone)]
pub struct Stack {
    pub name: String,
    pub api_url: String,
    pub bus: String,
    pub orders_table: String,
    pub checkout: String,
    pub orders_api: String,
    pub publisher: String,
    pub publisher_dlq: String,
    /// Every function of the stack, by its deployed name.
    pub functions: BTreeSet<String>,
    /// Every function that an SQS queue of the stack is mapped to, by name.
    pub consumers: Vec<Consumer>,
}

/// The part of a stack that every version of the template has: for a stack that an earlier version has deployed.
#[derive(Debug, Clone)]
pub struct StackCore {
    pub api_url: String,
    pub orders_table: String,
    pub publisher: String,
    pub consumers: Vec<Consumer>,
}

impl StackCore {
    /// Reads the stack that `cloud` names. Fails with [`StackError::NotDeployed`] if there is none.
    pub async fn read(cloud: &Cloud) -> Result<Self> {
        let outputs = read_outputs(cloud).await?;
        let output = |key: &str| find_output(cloud, &outputs, key);
        let functions = read_functions(cloud).await?;
        Ok(Self {
            api_url: reachable_url(&output("ApiUrl")?, cloud.endpoint.as_deref()),
            orders_table: output("OrdersTable")?,
            publisher: output("PublisherFunction")?,
            consumers: read_consumers(cloud, &output("BusName")?, &functions).await?,
        })
    }
}

impl Stack {
    /// Reads the stack that `cloud` names. Fails with [`StackError::NotDeployed`] if there is none.
    pub async fn read(cloud: &Cloud) -> Result<Self> {
        let outputs = read_outputs(cloud).await?;
        let output = |key: &str| find_output(cloud, &outputs, key);
        let bus = output("BusName")?;
        let functions = read_functions(cloud).await?;
        let consumers = read_consumers(cloud, &bus, &functions).await?;
        Ok(Self {
            name: cloud.stack.clone(),
            api_url: reachable_url(&output("ApiUrl")?, cloud.endpoint.as_deref()),
            bus,
            orders_table: output("OrdersTable")?,
            checkout: output("CheckoutFunction")?,
            orders_api: output("OrdersApiFunction")?,
            publisher: output("PublisherFunction")?,
            publisher_dlq: output("PublisherDlqUrl")?,
            functions,
            consumers,
        })
    }

    /// The stack's API, called with the credentials of `cloud`.
    pub fn api(&self, cloud: &Cloud) -> Result<Api> {
        Api::new(cloud, &self.api_url)
    }

    /// A consumer by its name, such as `tax`.
    pub fn consumer(&self, name: &str) -> Result<&Consumer> {
        self.consumers.iter().find(|consumer| consumer.name == name).with_context(|| {
            let names: Vec<&str> = self.consumers.iter().map(|consumer| consumer.name.as_str()).collect();
            format!("there is no consumer {name}; there are {}", names.join(", "))
        })
    }
}

/// CloudFormation's status of the stack, such as `CREATE_COMPLETE`; none if there is no such stack.
pub(crate) async fn read_status(cloud: &Cloud) -> Result<Option<String>> {
    Ok(describe(cloud).await?.and_then(|stack| stack.stack_status).map(|status| status.as_str().to_owned()))
}

/// Whether the stack failed before it was complete for the first time. CloudFormation refuses to update such a stack; it can only
/// be deleted (<https://github.com/rvedotrc/aws-cloudformation-stack-states>, 2026-11-21).
pub(crate) fn is_failed_create(status: &str) -> bool {
    ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"].contains(&status)
}

/// CloudFormation's status of the stack and its parameters; none if there is no such stack.
pub(crate) async fn read_status_and_parameters(cloud: &Cloud) -> Result<Option<(String, HashMap<String, String>)>> {
    let Some(stack) = describe(cloud).await? else { return Ok(None) };
    let status = stack.stack_status.map(|status| status.as_str().to_owned()).unwrap_or_default();
    let parameters = stack.parameters.unwrap_or_default().into_iter();
    let parameters = parameters.filter_map(|parameter| Some((parameter.parameter_key?, parameter.parameter_value?)));
    Ok(Some((status, parameters.collect())))
}

async fn describe(cloud: &Cloud) -> Result<Option<aws_sdk_cloudformation::types::Stack>> {
    match cloud.cloudformation.describe_stacks().stack_name(&cloud.stack).send().await {
        Ok(answer) => Ok(answer.stacks.unwrap_or_default().into_iter().next()),
        // CloudFormation's answer if there is no such stack.
        Err(error) if error.code() == Some("ValidationError") => Ok(None),
        Err(error) => Err(anyhow!(error).context(format!("CloudFormation cannot be asked about {}", cloud.describe()))),
    }
}

async fn read_outputs(cloud: &Cloud) -> Result<HashMap<String, String>> {
    let missing = || StackError::NotDeployed { stack: cloud.describe() };
    let outputs = describe(cloud).await?.ok_or_else(missing)?.outputs.unwrap_or_default();
    Ok(outputs.into_iter().filter_map(|output| Some((output.output_key?, output.output_value?))).collect())
}

fn find_output(cloud: &Cloud, outputs: &HashMap<String, String>, key: &str) -> Result<String> {
    let value = outputs.get(key).cloned();
    value.with_context(|| format!("the stack {} has no output {key}: deploy infra/template.yaml again", cloud.stack))
}

/// The functions that an SQS queue is mapped to, by name.
async fn read_consumers(cloud: &Cloud, bus: &str, functions: &BTreeSet<String>) -> Result<Vec<Consumer>> {
    let mappings = read_queue_mappings(cloud, functions).await?;
    let mut consumers = try_join_all(mappings.iter().map(|mapping| consumer::read(cloud, bus, mapping))).await?;
    consumers.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(consumers)
}

async fn read_functions(cloud: &Cloud) -> Result<BTreeSet<String>> {
    let mut pages =
        cloud.cloudformation.list_stack_resources().stack_name(&cloud.stack).into_paginator().items().send();
    let mut functions = BTreeSet::new();
    while let Some(resource) = pages.next().await {
        let resource = resource.context("the stack's resources cannot be listed")?;
        if resource.resource_type() == Some("AWS::Lambda::Function") {
            functions.extend(resource.physical_resource_id);
        }
    }
    Ok(functions)
}

async fn read_queue_mappings(
    cloud: &Cloud,
    functions: &BTreeSet<String>,
) -> Result<Vec<EventSourceMappingConfiguration>> {
    let mut pages = cloud.lambda.list_event_source_mappings().into_paginator().items().send();
    let mut mappings = Vec::new();
    while let Some(mapping) = pages.next().await {
        let mapping = mapping.context("the event source mappings cannot be listed")?;
        let is_queue = mapping.event_source_arn().is_some_and(|arn| arn.contains(":sqs:"));
        if is_queue && mapping.function_arn().and_then(function_name).is_some_and(|name| functions.contains(name)) {
            mappings.push(mapping);
        }
    }
    Ok(mappings)
}

/// The address at which the API can be reached. The stack's output names a host that is in AWS's DNS only; a local cloud serves the
/// same API under a path.
fn reachable_url(api_url: &str, endpoint: Option<&str>) -> String {
    let host_and_path = api_url.split_once("://").map_or(api_url, |(_, rest)| rest);
    match (endpoint, host_and_path.split_once(".execute-api.")) {
        (Some(endpoint), Some((id, rest))) => {
            let path = rest.split_once('/').map_or(String::new(), |(_, path)| format!("/{path}"));
            format!("{endpoint}/_aws/execute-api/{id}{path}")
        }
        _ => api_url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_api_url_uses_path_instead_of_aws_host() {
        let aws = "https://abc.execute-api.eu-west-1.amazonaws.com";
        let local = Some("http://127.0.0.1:4566");
        assert_eq!(reachable_url(aws, None), aws);
        assert_eq!(reachable_url(aws, local), "http://127.0.0.1:4566/_aws/execute-api/abc");
        assert_eq!(
            reachable_url("http://abc.execute-api.localhost:4566/prod", local),
            "http://127.0.0.1:4566/_aws/execute-api/abc/prod"
        );
        assert_eq!(
            reachable_url("http://127.0.0.1:4566/_aws/execute-api/abc", local),
            "http://127.0.0.1:4566/_aws/execute-api/abc"
        );
    }
}
