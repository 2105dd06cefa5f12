//! An outage of one consumer.

use std::time::Duration;

use yard::trace::ConsumerState;

use crate::world::{PATIENCE, World, cart, user};

#[tokio::test]
async fn an_email_outage_delays_nobody_else_and_afterwards_every_mail_leaves_once() {
    let world = World::alone().await;
    let sku = world.stock("8.00", true, 50).await;
    world.enable("email", false).await;
    let mut orders = Vec::new();
    for _ in 0..12 {
        let user = user();
        orders.push((world.place(&cart(&user, &[(&sku, 1)])).await, user));
    }
    for (id, user) in &orders {
        crate::world::until("all but email are done", async || {
            let trace = world.trace(id, Duration::ZERO).await;
            trace.consumers.iter().all(|line| (line.name == "email") != (line.state == ConsumerState::Done))
        })
        .await;
        assert_eq!(world.mails_to(&format!("{user}@example.com")).await.len(), 0);
    }
    world.enable("email", true).await;
    for (id, _) in &orders {
        assert!(world.trace(id, PATIENCE).await.is_done());
    }
    world.quiet().await;
    for (_, user) in &orders {
        assert_eq!(world.mails_to(&format!("{user}@example.com")).await.len(), 1);
    }
}
