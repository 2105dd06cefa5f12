//! Faults on the writes of events whose whole effect is one row.

use std::time::Duration;

use switchyard_chassis::conformance::order;
use switchyard_chassis::{Consumer, Effects, Received};
use switchyard_events::{OrderConfirmed, OrderPlaced};
use switchyard_faults::{Fault, Rule};

use crate::support::{
    BATCH_TIMEOUT, FaultSetup, FnConsumer, event_id_of_order, fail_always, fail_first, is_order, message_of_order,
    order_row,
};

/// Records each order. Several rows are written in one call.
fn recording() -> impl Consumer {
    FnConsumer(|order: &Received<OrderPlaced>, effects: &mut Effects| {
        effects.record(order_row(order));
        Ok(())
    })
}

/// Records each order and emits an event. Each row is a put of its own, because its outbox must reach the stream.
fn emitting() -> impl Consumer {
    FnConsumer(|order: &Received<OrderPlaced>, effects: &mut Effects| {
        effects.record(order_row(order));
        let (order_id, user_id) = (order.order_id.clone(), order.user_id.clone());
        effects.emit(OrderConfirmed { order_id, user_id, score: 0, confirmed_at: effects.now() }, 2)
    })
}

fn bodies() -> Vec<String> {
    (1..=4).map(order).collect()
}

fn once() -> Vec<(String, String)> {
    (1..=4).map(|n| (n.to_string(), "1".to_owned())).collect()
}

/// Processes a batch of four orders under faults. All must be applied in this one batch.
async fn assert_applied_despite(name: &str, consumer: impl Consumer, operation: &str, count: u64, fault: Fault) {
    let setup = FaultSetup::new(name).await;
    let kind = fault.kind();
    setup.proxy.set_rules(fail_first(count, "dynamodb", operation, fault));
    let messages = setup.harness.receive(&bodies()).await;
    let back = setup.process(&setup.batch(consumer), &messages, BATCH_TIMEOUT).await;
    assert!(back.is_empty(), "{operation} {kind}: {back:?}");
    assert_eq!(setup.applied().await, once(), "{operation} {kind}");
    assert_eq!(setup.injected(&format!("dynamodb {operation}"), kind), count);
}

fn conflict() -> Fault {
    Fault::Conflict { item: None, code: None }
}

#[tokio::test]
async fn throttle_or_conflict_on_row_retries_within_one_receive() {
    assert_applied_despite("single-row", recording(), "BatchExecuteStatement", 4, Fault::Throttle).await;
    assert_applied_despite(
        "single-row",
        recording(),
        "BatchExecuteStatement",
        3,
        Fault::Partial { entry: None, code: None },
    )
    .await;
    let meeting = Fault::Partial { entry: Some("conformance2".into()), code: Some("TransactionConflict".into()) };
    assert_applied_despite("single-row", recording(), "BatchExecuteStatement", 6, meeting).await;
    assert_applied_despite("single-row", emitting(), "PutItem", 6, conflict()).await;
    assert_applied_despite("single-row", emitting(), "PutItem", 5, Fault::Throttle).await;
}

#[tokio::test]
async fn row_write_with_lost_answer_applies_once() {
    for fault in [Fault::DropResponse, Fault::InternalError { after_effect: true }] {
        assert_applied_despite("single-row-unknown", recording(), "BatchExecuteStatement", 1, fault.clone()).await;
        assert_applied_despite("single-row-unknown", emitting(), "PutItem", 2, fault).await;
    }
}

#[tokio::test]
async fn row_in_constant_conflict_does_not_delay_neighbours() {
    let setup = FaultSetup::new("single-row-conflict").await;
    let hot = Rule::new("dynamodb", "PutItem", conflict()).containing("ord_conformance2");
    setup.proxy.set_rules(vec![hot]);
    let messages = setup.harness.receive(&bodies()).await;
    let back = setup.process(&setup.batch(emitting()), &messages, Duration::from_secs(2)).await;
    assert_eq!(back, message_of_order(2, &messages));
    assert_eq!(setup.applied().await.len(), 3);
}

#[tokio::test]
async fn oversized_row_goes_to_dlq_and_neighbours_are_applied() {
    let setup = FaultSetup::new("single-row-poison").await;
    let probe = FnConsumer(|order: &Received<OrderPlaced>, effects: &mut Effects| {
        let size = if is_order(order, 2) { 420_000 } else { 1 };
        effects.record(order_row(order).set("text", "x".repeat(size)));
        Ok(())
    });
    let messages = setup.harness.receive(&bodies()).await;
    assert!(setup.process(&setup.batch(probe), &messages, BATCH_TIMEOUT).await.is_empty());
    assert_eq!(setup.applied().await.len(), 3);
    let dead = setup.harness.dead_letters().await;
    assert_eq!(dead.len(), 1);
    assert_eq!(
        (dead[0].1["event_id"].as_str(), dead[0].1["error_code"].as_str()),
        (event_id_of_order(2).as_str(), "effects_refused")
    );
}

#[tokio::test]
async fn rejected_batch_statement_falls_back_to_single_writes() {
    let setup = FaultSetup::new("single-row-refused").await;
    let refused = Fault::Reject { code: "ValidationException".into() };
    setup.proxy.set_rules(fail_always("dynamodb", "BatchExecuteStatement", refused));
    let messages = setup.harness.receive(&bodies()).await;
    assert!(setup.process(&setup.batch(recording()), &messages, BATCH_TIMEOUT).await.is_empty());
    assert_eq!(setup.applied().await, once());
}
