//! Events whose whole effect is one row.

use std::time::Duration;

use switchyard_chassis::Consumer;
use switchyard_chassis::conformance::order;
use switchyard_events::OrderConfirmed;
use switchyard_faults::Fault;

use super::*;

/// Records each order: several go in one call.
fn recording() -> impl Consumer {
    Probe(|order: &Received<OrderPlaced>, effects: &mut Effects| {
        effects.record(row(order));
        Ok(())
    })
}

/// Records each order and says so: a put for each, since its outbox must reach the stream.
fn saying() -> impl Consumer {
    Probe(|order: &Received<OrderPlaced>, effects: &mut Effects| {
        effects.record(row(order));
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

/// One batch of four under faults, which must all be applied in it.
async fn check(name: &str, consumer: impl Consumer, operation: &str, count: u64, fault: Fault) {
    let setup = Setup::new(name).await;
    let kind = fault.kind();
    setup.proxy.set_rules(first(count, "dynamodb", operation, fault));
    let messages = setup.bench.receive(&bodies()).await;
    let back = setup.process(&setup.batch(consumer), &messages, LONG).await;
    assert!(back.is_empty(), "{operation} {kind}: {back:?}");
    assert_eq!(setup.applied().await, once(), "{operation} {kind}");
    assert_eq!(setup.befell(&format!("dynamodb {operation}"), kind), count);
}

fn conflict() -> Fault {
    Fault::Conflict { item: None, code: None }
}

#[tokio::test]
async fn throttled_and_conflicting_rows_are_waited_for_and_cost_no_receive() {
    check("lone", recording(), "BatchExecuteStatement", 4, Fault::Throttle).await;
    check("lone", recording(), "BatchExecuteStatement", 3, Fault::Partial { entry: None, code: None }).await;
    let meeting = Fault::Partial { entry: Some("conformance2".into()), code: Some("TransactionConflict".into()) };
    check("lone", recording(), "BatchExecuteStatement", 6, meeting).await;
    check("lone", saying(), "PutItem", 6, conflict()).await;
    check("lone", saying(), "PutItem", 5, Fault::Throttle).await;
}

#[tokio::test]
async fn rows_whose_outcome_is_not_known_are_written_once() {
    for fault in [Fault::DropResponse, Fault::InternalError { after_effect: true }] {
        check("lone-unknown", recording(), "BatchExecuteStatement", 1, fault.clone()).await;
        check("lone-unknown", saying(), "PutItem", 2, fault).await;
    }
}

#[tokio::test]
async fn a_row_that_others_always_write_to_costs_its_neighbours_nothing() {
    let setup = Setup::new("lone-storm").await;
    let hot = Rule::new("dynamodb", "PutItem", conflict()).containing("ord_conformance2");
    setup.proxy.set_rules(vec![hot]);
    let messages = setup.bench.receive(&bodies()).await;
    let back = setup.process(&setup.batch(saying()), &messages, Duration::from_secs(2)).await;
    assert_eq!(back, of(2, &messages));
    assert_eq!(setup.applied().await.len(), 3);
}

#[tokio::test]
async fn a_row_that_is_too_large_is_refused_and_its_neighbours_are_done() {
    let setup = Setup::new("lone-poison").await;
    let probe = Probe(|order: &Received<OrderPlaced>, effects: &mut Effects| {
        let size = if is(order, 2) { 420_000 } else { 1 };
        effects.record(row(order).set("text", "x".repeat(size)));
        Ok(())
    });
    let messages = setup.bench.receive(&bodies()).await;
    assert!(setup.process(&setup.batch(probe), &messages, LONG).await.is_empty());
    assert_eq!(setup.applied().await.len(), 3);
    let dead = setup.bench.dead_letters().await;
    assert_eq!(dead.len(), 1);
    assert_eq!(
        (dead[0].1["event_id"].as_str(), dead[0].1["error_code"].as_str()),
        (event(2).as_str(), "effects_refused")
    );
}

#[tokio::test]
async fn a_call_that_is_refused_whole_is_made_one_by_one() {
    let setup = Setup::new("lone-refused").await;
    let refused = Fault::Reject { code: "ValidationException".into() };
    setup.proxy.set_rules(always("dynamodb", "BatchExecuteStatement", refused));
    let messages = setup.bench.receive(&bodies()).await;
    assert!(setup.process(&setup.batch(recording()), &messages, LONG).await.is_empty());
    assert_eq!(setup.applied().await, once());
}
