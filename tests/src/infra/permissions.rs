//! IAM enforcement is on.

use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use serde_json::{Value, json};
use switchyard_chassis::conformance::order;
use yard::trace::ConsumerState;
use yard::{ApiRequest, peek_dead_letters};

use crate::support::{TestStack, new_cart, new_user_id, wait_until};

/// IAM returns policies URL-encoded.
fn decoded(document: &str) -> Value {
    let mut bytes = Vec::new();
    let mut rest = document.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn function_without_table_statement_is_denied() {
    let stack = TestStack::exclusive().await;
    let consumer = stack.deployed.consumer("recommendations").unwrap();
    let role = stack.role_of(&consumer.function).await;
    let iam = aws_sdk_iam::Client::new(&stack.cloud.config);
    let policy = iam.get_role_policy().role_name(&role).policy_name("consume").send().await.unwrap();
    let whole = decoded(policy.policy_document());
    let mut less = whole.clone();
    less["Statement"].as_array_mut().unwrap().retain(|statement| statement["Sid"] != "OwnTable");
    assert_ne!(whole, less);
    let put = async |document: &Value| {
        let put = iam.put_role_policy().role_name(&role).policy_name("consume").policy_document(document.to_string());
        put.send().await.unwrap();
    };

    put(&less).await;
    // A message older than 72 hours is dead-lettered, and the dead letter contains the reason.
    let record = json!({"messageId": "m1", "receiptHandle": "r1", "body": order(950), "eventSource": "aws:sqs",
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0"}, "messageAttributes": {}});
    let call = stack.cloud.lambda.invoke().function_name(&consumer.function);
    call.payload(Blob::new(json!({"Records": [record]}).to_string())).send().await.unwrap();
    let dead = peek_dead_letters(&stack.cloud, &consumer.dlq_url).await.unwrap();
    stack.cloud.sqs.purge_queue().queue_url(&consumer.dlq_url).send().await.unwrap();
    let sku = stack.create_product("4.00", true, 5).await;
    let id = stack.place_order(&new_cart(&new_user_id(), &[(&sku, 1)])).await;
    wait_until("all other consumers are done", async || {
        let trace = stack.trace(&id, Duration::ZERO).await;
        trace.consumers.iter().filter(|line| line.state == ConsumerState::Done).count() == trace.consumers.len() - 1
    })
    .await;
    let denied = stack.consumer_state("recommendations", &id).await;
    put(&whole).await;

    assert_eq!(dead.len(), 1);
    assert!(dead[0].attributes["error"].contains("AccessDenied"), "{:?}", dead[0].attributes);
    assert_eq!(denied, ConsumerState::Pending);
    stack.wait_until_applied(&id).await;
}

#[tokio::test]
async fn unsigned_call_is_rejected() {
    let stack = TestStack::shared().await;
    let cart = new_cart(&new_user_id(), &[("X", 1)]).to_string();
    let headers = [("content-type", "application/json")];
    let call =
        ApiRequest { method: "POST", path: "/checkout", headers: &headers, body: cart.as_bytes(), signed: false };
    assert_eq!(stack.api.send(&call).await.unwrap().status, 403);
}
