//! What the scenarios are made of: steps that succeed or fail, and invocations.

use std::collections::BTreeSet;

use aws_sdk_lambda::primitives::Blob;
use serde_json::Value;

use crate::support::TestStack;

/// The steps of a scenario that failed, by name.
#[derive(Debug, Default)]
pub struct Steps {
    pub failed: BTreeSet<String>,
}

impl Steps {
    /// Notes the result of a step.
    pub fn note(&mut self, step: &str, succeeded: bool) {
        if !succeeded {
            self.failed.insert(step.to_owned());
        }
    }
}

/// Invokes a function of the stack. The answer, or none if the invocation failed.
pub async fn invoke(stack: &TestStack, function: &str, payload: &Value) -> Option<Value> {
    let call = stack.cloud.lambda.invoke().function_name(function).payload(Blob::new(payload.to_string()));
    let answer = call.send().await.unwrap();
    if answer.function_error.is_some() {
        return None;
    }
    Some(serde_json::from_slice(answer.payload.unwrap_or_else(|| Blob::new("null")).as_ref()).unwrap())
}

/// The name of a function of the stack.
pub fn function_name(stack: &TestStack, name: &str) -> String {
    format!("{}-{name}", stack.deployed.name)
}

/// The id of an order that no other step has.
pub fn new_id() -> String {
    format!("ord_{:012x}", fastrand::u64(..) >> 16)
}
