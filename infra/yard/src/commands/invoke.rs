//! `yard invoke`: calls one deployed function with one event from a file.

mod wrap;

use std::path::PathBuf;

use anyhow::{Context, Result};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::aws::clients::Cloud;
use crate::commands::context::{CommandContext, Completion, JsonArgs, RegionArgs};
use crate::commands::invoke::wrap::wrap_envelope;
use crate::stack::deployed::Stack;
use crate::terminal::output::print_result;

#[derive(Debug, Args)]
pub(crate) struct InvokeArgs {
    /// Such as tax
    function: String,
    event_file: PathBuf,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    region: RegionArgs,
}

impl InvokeArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        let event = std::fs::read_to_string(&self.event_file)
            .with_context(|| format!("the event file {} cannot be read", self.event_file.display()))?;
        let (cloud, stack) = context.connect(self.region.region).await?;
        let invocation = invoke(&cloud, &stack, &self.function, &event).await?;
        print_result(&invocation, self.json.json, Invocation::render)?;
        Ok(Completion::from_success(invocation.is_success()))
    }
}

/// A function that was called, and its result.
#[derive(Debug, Serialize)]
pub(crate) struct Invocation {
    function: String,
    /// The kind of failure, if the function itself failed.
    function_error: Option<String>,
    /// What the function returned, with its own spelling of numbers.
    response: Box<RawValue>,
    /// The last 4 KiB of the function's log.
    log: Option<String>,
}

impl Invocation {
    /// Whether the function ran and reported no record as failed.
    fn is_success(&self) -> bool {
        let response: Value = serde_json::from_str(self.response.get()).unwrap_or_default();
        let failures = response.get("batchItemFailures").and_then(Value::as_array).map_or(0, Vec::len);
        self.function_error.is_none() && failures == 0
    }

    /// For people.
    fn render(&self) -> String {
        let response: Value = serde_json::from_str(self.response.get()).unwrap_or_default();
        let pretty = serde_json::to_string_pretty(&response).unwrap_or_default();
        let failed = self.function_error.as_ref().map(|kind| format!("failed: {kind}\n")).unwrap_or_default();
        let log = self.log.as_ref().map(|log| format!("\n{}", log.trim_end())).unwrap_or_default();
        format!("{}\n{failed}{pretty}{log}", self.function)
    }
}

/// Calls a function with the text of an event file. The function's name may be given with or without the stack's name.
async fn invoke(cloud: &Cloud, stack: &Stack, function: &str, event: &str) -> Result<Invocation> {
    let event: &RawValue = serde_json::from_str(event).context("the event file is no JSON")?;
    let function = find_function(stack, function)?;
    let consumer = stack.consumers.iter().find(|consumer| consumer.function == function);
    let payload = match consumer {
        Some(consumer) => wrap_envelope(event, consumer, cloud.region())?,
        None => event.get().to_owned(),
    };
    let answer = cloud
        .lambda
        .invoke()
        .function_name(&function)
        .log_type(LogType::Tail)
        .payload(Blob::new(payload))
        .send()
        .await
        .with_context(|| format!("{function} cannot be invoked"))?;
    let response =
        answer.payload.map(Blob::into_inner).filter(|bytes| !bytes.is_empty()).unwrap_or_else(|| b"null".to_vec());
    let response = String::from_utf8(response).context("the function's response is no text")?;
    Ok(Invocation {
        function,
        function_error: answer.function_error,
        response: RawValue::from_string(response).context("the function's response is no JSON")?,
        log: answer.log_result.as_deref().and_then(decode_log),
    })
}

fn find_function(stack: &Stack, name: &str) -> Result<String> {
    let full = format!("{}-{name}", stack.name);
    let known = [full.as_str(), name].into_iter().find(|name| stack.functions.contains(*name));
    known.map(str::to_owned).with_context(|| {
        let names: Vec<&str> = stack.functions.iter().map(String::as_str).collect();
        format!("there is no function {name}; there are {}", names.join(", "))
    })
}

fn decode_log(base64: &str) -> Option<String> {
    let bytes = aws_smithy_types::base64::decode(base64).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reported_batch_item_failure_is_no_success() {
        let invocation = |response: &str, error: Option<&str>| Invocation {
            function: "switchyard-tax".into(),
            function_error: error.map(str::to_owned),
            response: RawValue::from_string(response.to_owned()).unwrap(),
            log: None,
        };
        assert!(invocation(r#"{"batchItemFailures":[]}"#, None).is_success());
        assert!(!invocation(r#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#, None).is_success());
        assert!(!invocation("null", Some("Unhandled")).is_success());
    }
}
