//! Takes actions from roles of the deployed stack, and gives them back.

use aws_sdk_iam::Client;
use serde_json::json;

use crate::support::TestStack;

/// The policy that takes one action from a role.
pub const TAKEN: &str = "taken-action";
/// The policy that makes the consumer's table unreachable.
pub const OUTAGE: &str = "table-outage";

/// The same permission on the local cloud, if it checks it by another name: it checks the names of calls that on AWS need the
/// permission of another call.
fn local_names(action: &str) -> Vec<&str> {
    let other = match action {
        "dynamodb:PartiQLInsert" => Some("dynamodb:BatchExecuteStatement"),
        "sqs:DeleteMessage" => Some("sqs:DeleteMessageBatch"),
        "sqs:SendMessage" => Some("sqs:SendMessageBatch"),
        _ => None,
    };
    [action].into_iter().chain(other).collect()
}

/// Denies actions to the role of a function.
pub async fn deny(stack: &TestStack, function: &str, policy: &str, actions: &[&str]) {
    let names: Vec<_> = actions.iter().flat_map(|action| local_names(action)).collect();
    let document = json!({"Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": names, "Resource": "*"}]});
    let put = Client::new(&stack.cloud.config).put_role_policy().role_name(stack.role_of(function).await);
    put.policy_name(policy).policy_document(document.to_string()).send().await.unwrap();
}

/// Ends a denial, also one that an earlier run left.
pub async fn allow(stack: &TestStack, function: &str, policy: &str) {
    let delete = Client::new(&stack.cloud.config).delete_role_policy().role_name(stack.role_of(function).await);
    if let Err(error) = delete.policy_name(policy).send().await {
        let error = error.into_service_error();
        assert!(error.is_no_such_entity_exception(), "{error}");
    }
}
