//! Faults on calls to the queue, and a batch that runs out of time.

use std::time::Duration;
use switchyard_events::OrderPlaced;
use tokio::time::Instant;

use switchyard_chassis::conformance::order;
use switchyard_chassis::{Consumer, Effects, Failure, Received};
use switchyard_faults::Fault;

use crate::support::{
    BATCH_TIMEOUT, FaultSetup, FnConsumer, fail_always, fail_first, is_order, message_of_order, order_row,
};

/// Fails for order 2: with a retry, or permanently.
fn failing(permanently: bool) -> impl Consumer {
    FnConsumer(move |order: &Received<OrderPlaced>, effects: &mut Effects| {
        effects.record(order_row(order));
        match (is_order(order, 2), permanently) {
            (false, _) => Ok(()),
            (true, false) => Err(Failure::retry("not now")),
            (true, true) => Err(Failure::reject("on_purpose", "never")),
        }
    })
}

fn bodies() -> Vec<String> {
    (1..=3).map(order).collect()
}

#[tokio::test]
async fn failed_visibility_or_dlq_call_keeps_message_in_queue() {
    for (operation, permanently) in [("ChangeMessageVisibility", false), ("SendMessage", true)] {
        let setup = FaultSetup::new("no-dead-letter").await;
        setup.proxy.set_rules(fail_always("sqs", operation, Fault::Throttle));
        let messages = setup.harness.receive(&bodies()).await;
        let back = setup.process(&setup.batch(failing(permanently)), &messages, BATCH_TIMEOUT).await;
        assert_eq!(back, message_of_order(2, &messages), "{operation}");
        assert_eq!(setup.applied().await.len(), 2, "{operation}");
        assert_eq!(setup.injected(&format!("sqs {operation}"), "throttle"), 3, "attempts of the SDK for {operation}");
        assert!(setup.harness.dead_letters().await.is_empty());
        assert_eq!(setup.stack.message_count(&setup.queue.url).await, 1, "{operation}");
    }
}

#[tokio::test]
async fn lost_dlq_answer_leaves_message_in_dlq_at_least_once() {
    let setup = FaultSetup::new("dead-letter-twice").await;
    setup.proxy.set_rules(fail_first(1, "sqs", "SendMessage", Fault::DropResponse));
    let messages = setup.harness.receive(&bodies()).await;
    assert!(setup.process(&setup.batch(failing(true)), &messages, BATCH_TIMEOUT).await.is_empty());
    let dead = setup.harness.dead_letters().await;
    assert!((1..=2).contains(&dead.len()), "{dead:?}");
    assert!(dead.iter().all(|(body, attributes)| *body == order(2) && attributes["error_code"] == "on_purpose"));
    assert_eq!(setup.stack.message_count(&setup.queue.url).await, 0);
}

#[tokio::test]
async fn messages_past_deadline_timeout_are_redelivered() {
    let setup = FaultSetup::new("returned").await;
    setup.proxy.set_rules(fail_always("dynamodb", "BatchExecuteStatement", Fault::Delay { ms: 4000 }));
    let probe = || {
        FnConsumer(|order: &Received<OrderPlaced>, effects: &mut Effects| {
            effects.record(order_row(order));
            Ok(())
        })
    };
    let messages = setup.harness.receive(&bodies()).await;
    let began = Instant::now();
    let back = setup.process(&setup.batch(probe()), &messages, Duration::from_secs(1)).await;
    assert_eq!(back.len(), 3);
    assert!(began.elapsed() < Duration::from_secs(3), "the answer took longer than the deadline permits");
    setup.proxy.set_rules(Vec::new());
    let again = setup.harness.receive_again(3).await;
    assert!(setup.process(&setup.batch(probe()), &again, BATCH_TIMEOUT).await.is_empty());
    // DynamoDB may have executed the interrupted call; then the redelivery was a duplicate.
    assert_eq!(setup.applied().await.len(), 3);
}
