//! An outage of one consumer does not affect the others.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};
use yard::trace::ConsumerState;

use crate::support::{TIMEOUT, TestStack, new_cart, new_user_id, wait_until};

#[tokio::test]
async fn email_outage_delays_no_other_consumer() {
    let stack = TestStack::exclusive().await;
    let sku = stack.create_product("8.00", true, 50).await;
    stack.disable("email").await;
    let mut orders = Vec::new();
    for _ in 0..12 {
        let user = new_user_id();
        orders.push((stack.place_order(&new_cart(&user, &[(&sku, 1)])).await, user));
    }
    for (id, user) in &orders {
        wait_until("all but email are done", async || {
            let trace = stack.trace(id, Duration::ZERO).await;
            trace.consumers.iter().all(|line| (line.name == "email") != (line.state == ConsumerState::Done))
        })
        .await;
        assert_eq!(stack.mails_to(&format!("{user}@example.com")).await.len(), 0);
    }
    stack.enable("email").await;
    for (id, _) in &orders {
        assert!(stack.trace(id, TIMEOUT).await.is_done());
    }
    stack.wait_until_idle().await;
    for (_, user) in &orders {
        assert_eq!(stack.mails_to(&format!("{user}@example.com")).await.len(), 1);
    }
}

/// The measurement behind the retry policy: tax loses its table while orders are placed.
#[tokio::test]
async fn table_outage_retries_until_recovery_without_dlq() {
    const OUTAGE: Duration = Duration::from_secs(30);
    let stack = TestStack::exclusive().await;
    let sku = stack.create_product("8.00", true, 50).await;
    let tax = stack.deployed.consumer("tax").unwrap();
    let role = stack.role_of(&tax.function).await;
    let iam = aws_sdk_iam::Client::new(&stack.cloud.config);
    let deny = json!({"Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"}]});
    let put = iam.put_role_policy().role_name(&role).policy_name("outage").policy_document(deny.to_string());
    put.send().await.unwrap();
    let started = Instant::now();
    let mut orders = Vec::new();
    for _ in 0..10 {
        orders.push(stack.place_order(&new_cart(&new_user_id(), &[(&sku, 1)])).await);
    }
    for id in &orders {
        wait_until("all but tax are done", async || {
            let trace = stack.trace(id, Duration::ZERO).await;
            trace.consumers.iter().all(|line| line.name == "tax" || line.state == ConsumerState::Done)
        })
        .await;
    }
    sleep(OUTAGE.saturating_sub(started.elapsed())).await;
    for id in &orders {
        assert_eq!(stack.consumer_state("tax", id).await, ConsumerState::Pending);
    }
    iam.delete_role_policy().role_name(&role).policy_name("outage").send().await.unwrap();
    for id in &orders {
        assert!(stack.trace(id, 2 * TIMEOUT).await.is_done(), "not done two minutes after the recovery");
    }
    assert_eq!(stack.message_count(&tax.dlq_url).await, 0);
}
