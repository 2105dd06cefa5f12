//! An outage of one consumer does not affect the others.

use std::time::Duration;

use yard::trace::ConsumerState;

use crate::support::{TIMEOUT, TestStack, new_cart, new_user_id};

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
        crate::support::wait_until("all but email are done", async || {
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
