//! Events that write several rows.

use std::time::Duration;

use switchyard_chassis::conformance::order;
use switchyard_chassis::{Consumer, Key};
use switchyard_faults::Fault;

use super::*;

fn sum() -> Key {
    Key::new("SUM", "ALL")
}

/// Records each order and counts it in one row that all meet on.
fn counting() -> impl Consumer {
    Probe(|order: &Received<OrderPlaced>, effects: &mut Effects| {
        effects.record(row(order));
        effects.add(sum(), "orders", 1);
        Ok(())
    })
}

async fn counted(setup: &Setup) -> String {
    let row = setup.bench.table.get(&sum()).await.unwrap();
    row.map_or_else(|| "0".into(), |row| crate::world::text(&row, "orders"))
}

fn bodies(count: u32) -> Vec<String> {
    (1..=count).map(order).collect()
}

fn once(count: u32) -> Vec<(String, String)> {
    (1..=count).map(|n| (n.to_string(), "1".to_owned())).collect()
}

#[tokio::test]
async fn a_throttled_transaction_is_waited_for_and_costs_no_receive() {
    let setup = Setup::new("throttled-transaction").await;
    setup.proxy.set_rules(first(4, "dynamodb", "TransactWriteItems", Fault::Throttle));
    let messages = setup.bench.receive(&bodies(3)).await;
    assert!(setup.process(&setup.batch(counting()), &messages, LONG).await.is_empty());
    assert_eq!((setup.applied().await, counted(&setup).await.as_str()), (once(3), "3"));
    assert_eq!(setup.befell("dynamodb TransactWriteItems", "throttle"), 4);
}

#[tokio::test]
async fn a_throttled_read_is_tried_again() {
    let setup = Setup::new("throttled-read").await;
    setup.proxy.set_rules(first(2, "dynamodb", "BatchGetItem", Fault::Partial { entry: None, code: None }));
    let reading = Reading;
    let messages = setup.bench.receive(&bodies(3)).await;
    assert!(setup.process(&setup.batch(reading), &messages, LONG).await.is_empty());
    assert_eq!(setup.applied().await, once(3));
}

/// Reads a row of each order before it records it.
struct Reading;

impl Consumer for Reading {
    const NAME: &'static str = "probe";
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        effects.read(Key::new(format!("USER#{}", order.order_id), "PROFILE")).await?;
        effects.record(row(order));
        Ok(())
    }
}

#[tokio::test]
async fn a_storm_of_conflicts_on_one_item_costs_only_those_who_write_to_it() {
    let setup = Setup::new("storm").await;
    let probe = || {
        Probe(|order: &Received<OrderPlaced>, effects: &mut Effects| {
            effects.record(row(order));
            let shelf = if is(order, 2) { "HOT".to_owned() } else { format!("COLD {}", order.order_id) };
            effects.add(Key::new("SHELF", shelf), "orders", 1);
            Ok(())
        })
    };
    let storm = Fault::Conflict { item: Some("\"HOT\"".into()), code: None };
    setup.proxy.set_rules(always("dynamodb", "TransactWriteItems", storm));
    let messages = setup.bench.receive(&bodies(5)).await;
    let began = Instant::now();
    let back = setup.process(&setup.batch(probe()), &messages, Duration::from_secs(3)).await;
    assert!(began.elapsed() >= Duration::from_secs(2), "it was not given up early");
    assert_eq!(back, of(2, &messages));
    assert_eq!(setup.applied().await.len(), 4);
    setup.proxy.set_rules(Vec::new());
    let again = setup.bench.receive_again(1).await;
    assert!(setup.process(&setup.batch(probe()), &again, LONG).await.is_empty());
    let receives: Vec<_> = setup.applied().await.into_iter().map(|(_, receives)| receives).collect();
    assert_eq!(receives, ["1", "2", "1", "1", "1"]);
}

#[tokio::test]
async fn an_oversized_item_and_an_impossible_write_are_refused_and_their_neighbours_are_done() {
    let setup = Setup::new("poison-in-transaction").await;
    let probe = Probe(|order: &Received<OrderPlaced>, effects: &mut Effects| {
        let mut row = row(order);
        if is(order, 2) {
            row = row.set("text", "x".repeat(420_000));
        }
        effects.record(row);
        // A key can not be empty.
        let shelf = if is(order, 4) { "" } else { order.order_id.as_str() };
        effects.add(Key::new("SHELF", shelf), "orders", 1);
        Ok(())
    });
    let messages = setup.bench.receive(&bodies(5)).await;
    assert!(setup.process(&setup.batch(probe), &messages, LONG).await.is_empty());
    let applied: Vec<_> = setup.applied().await;
    assert_eq!(applied, ["1", "3", "5"].map(|n| (n.to_owned(), "1".to_owned())));
    let dead = setup.bench.dead_letters().await;
    let mut refused: Vec<_> = dead
        .iter()
        .map(|(_, attributes)| (attributes["event_id"].clone(), attributes["error_code"].as_str()))
        .collect();
    refused.sort();
    let mut expected = vec![(event(2).to_string(), "effects_refused"), (event(4).to_string(), "effects_refused")];
    expected.sort();
    assert_eq!(refused, expected, "{dead:?}");
}

#[tokio::test]
async fn a_reason_that_no_wait_helps_is_the_guilty_records_alone() {
    let setup = Setup::new("guilty").await;
    let code = |code: &str| Fault::Conflict { item: Some("ord_conformance2".into()), code: Some(code.into()) };
    for reason in ["ValidationError", "ItemCollectionSizeLimitExceeded"] {
        setup.proxy.set_rules(always("dynamodb", "TransactWriteItems", code(reason)));
        let messages = setup.bench.receive(&bodies(3)).await;
        assert!(setup.process(&setup.batch(counting()), &messages, LONG).await.is_empty());
        assert_eq!(counted(&setup).await, "2", "{reason}");
    }
    assert_eq!(setup.bench.dead_letters().await.len(), 2);
}

#[tokio::test]
async fn a_transaction_whose_outcome_is_not_known_counts_once() {
    for fault in [Fault::DropResponse, Fault::InternalError { after_effect: true }, Fault::Delay { ms: 6000 }] {
        let kind = fault.kind();
        let setup = Setup::new("unknown-outcome").await;
        // As often as the SDK tries: the function never learns that it has worked.
        setup.proxy.set_rules(first(3, "dynamodb", "TransactWriteItems", fault));
        let messages = setup.bench.receive(&bodies(3)).await;
        let back = setup.process(&setup.batch(counting()), &messages, LONG).await;
        assert_eq!((back.len(), counted(&setup).await.as_str()), (3, "3"), "{kind}");
        let again = setup.bench.receive_again(3).await;
        assert!(setup.process(&setup.batch(counting()), &again, LONG).await.is_empty(), "{kind}");
        assert_eq!((setup.applied().await, counted(&setup).await.as_str()), (once(3), "3"), "{kind}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_receive_lost() {
    let refuse = Fault::RefuseConnections { ms: 50 };
    for (times, fault) in [
        (2, Fault::CloseConnection),
        (2, Fault::ResetConnection),
        (1, refuse),
        (2, Fault::InternalError { after_effect: false }),
    ] {
        let kind = fault.kind();
        let setup = Setup::new("broken-connection").await;
        setup.proxy.set_rules(first(times, "dynamodb", "TransactWriteItems", fault));
        let messages = setup.bench.receive(&bodies(3)).await;
        assert!(setup.process(&setup.batch(counting()), &messages, LONG).await.is_empty(), "{kind}");
        assert_eq!(counted(&setup).await, "3", "{kind}");
    }
}
