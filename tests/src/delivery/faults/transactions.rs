//! Faults on the transactions of events that write several rows.

use std::time::Duration;
use switchyard_events::OrderPlaced;
use tokio::time::Instant;

use switchyard_chassis::conformance::order;
use switchyard_chassis::{Consumer, Effects, Failure, Key, Received};
use switchyard_faults::Fault;

use crate::support::{
    BATCH_TIMEOUT, FaultSetup, FnConsumer, event_id_of_order, fail_always, fail_first, is_order, message_of_order,
    order_row, text,
};

fn sum() -> Key {
    Key::new("SUM", "ALL")
}

/// Records each order and counts it in one row that all orders share.
fn counting() -> impl Consumer {
    FnConsumer(|order: &Received<OrderPlaced>, effects: &mut Effects| {
        effects.record(order_row(order));
        effects.add(sum(), "orders", 1);
        Ok(())
    })
}

async fn counted(setup: &FaultSetup) -> String {
    let row = setup.harness.table.get(&sum()).await.unwrap();
    row.map_or_else(|| "0".into(), |row| text(&row, "orders"))
}

fn bodies(count: u32) -> Vec<String> {
    (1..=count).map(order).collect()
}

fn once(count: u32) -> Vec<(String, String)> {
    (1..=count).map(|n| (n.to_string(), "1".to_owned())).collect()
}

#[tokio::test]
async fn throttled_transaction_retries_within_one_receive() {
    let setup = FaultSetup::new("throttled-transaction").await;
    setup.proxy.set_rules(fail_first(4, "dynamodb", "TransactWriteItems", Fault::Throttle));
    let messages = setup.harness.receive(&bodies(3)).await;
    assert!(setup.process(&setup.batch(counting()), &messages, BATCH_TIMEOUT).await.is_empty());
    assert_eq!((setup.applied().await, counted(&setup).await.as_str()), (once(3), "3"));
    assert_eq!(setup.injected("dynamodb TransactWriteItems", "throttle"), 4);
}

#[tokio::test]
async fn throttled_read_retries_within_one_receive() {
    let setup = FaultSetup::new("throttled-read").await;
    setup.proxy.set_rules(fail_first(2, "dynamodb", "BatchGetItem", Fault::Partial { entry: None, code: None }));
    let reading = ReadingConsumer;
    let messages = setup.harness.receive(&bodies(3)).await;
    assert!(setup.process(&setup.batch(reading), &messages, BATCH_TIMEOUT).await.is_empty());
    assert_eq!(setup.applied().await, once(3));
}

/// Reads another row before it records an order.
struct ReadingConsumer;

impl Consumer for ReadingConsumer {
    const NAME: &'static str = "probe";
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        effects.read(Key::new(format!("USER#{}", order.order_id), "PROFILE")).await?;
        effects.record(order_row(order));
        Ok(())
    }
}

#[tokio::test]
async fn conflicts_on_one_item_fail_only_its_writers() {
    let setup = FaultSetup::new("conflicts").await;
    let probe = || {
        FnConsumer(|order: &Received<OrderPlaced>, effects: &mut Effects| {
            effects.record(order_row(order));
            let sort_key = if is_order(order, 2) { "HOT".to_owned() } else { format!("COLD {}", order.order_id) };
            effects.add(Key::new("SHELF", sort_key), "orders", 1);
            Ok(())
        })
    };
    let conflict = Fault::Conflict { item: Some("\"HOT\"".into()), code: None };
    setup.proxy.set_rules(fail_always("dynamodb", "TransactWriteItems", conflict));
    let messages = setup.harness.receive(&bodies(5)).await;
    let began = Instant::now();
    let back = setup.process(&setup.batch(probe()), &messages, Duration::from_secs(3)).await;
    assert!(began.elapsed() >= Duration::from_secs(2), "the batch used its time for retries");
    assert_eq!(back, message_of_order(2, &messages));
    assert_eq!(setup.applied().await.len(), 4);
    setup.proxy.set_rules(Vec::new());
    let again = setup.harness.receive_again(1).await;
    assert!(setup.process(&setup.batch(probe()), &again, BATCH_TIMEOUT).await.is_empty());
    let receives: Vec<_> = setup.applied().await.into_iter().map(|(_, receives)| receives).collect();
    assert_eq!(receives, ["1", "2", "1", "1", "1"]);
}

#[tokio::test]
async fn poison_write_goes_to_dlq_and_neighbours_are_applied() {
    let setup = FaultSetup::new("poison-in-transaction").await;
    let probe = FnConsumer(|order: &Received<OrderPlaced>, effects: &mut Effects| {
        let mut row = order_row(order);
        if is_order(order, 2) {
            row = row.set("text", "x".repeat(420_000));
        }
        effects.record(row);
        // DynamoDB rejects an empty key.
        let sort_key = if is_order(order, 4) { "" } else { order.order_id.as_str() };
        effects.add(Key::new("SHELF", sort_key), "orders", 1);
        Ok(())
    });
    let messages = setup.harness.receive(&bodies(5)).await;
    assert!(setup.process(&setup.batch(probe), &messages, BATCH_TIMEOUT).await.is_empty());
    let applied: Vec<_> = setup.applied().await;
    assert_eq!(applied, ["1", "3", "5"].map(|n| (n.to_owned(), "1".to_owned())));
    let dead = setup.harness.dead_letters().await;
    let mut refused: Vec<_> = dead
        .iter()
        .map(|(_, attributes)| (attributes["event_id"].clone(), attributes["error_code"].as_str()))
        .collect();
    refused.sort();
    let mut expected = vec![
        (event_id_of_order(2).to_string(), "effects_refused"),
        (event_id_of_order(4).to_string(), "effects_refused"),
    ];
    expected.sort();
    assert_eq!(refused, expected, "{dead:?}");
}

#[tokio::test]
async fn permanent_cancellation_rejects_only_its_own_record() {
    let setup = FaultSetup::new("permanent-cancellation").await;
    let code = |code: &str| Fault::Conflict { item: Some("ord_conformance2".into()), code: Some(code.into()) };
    for reason in ["ValidationError", "ItemCollectionSizeLimitExceeded"] {
        setup.proxy.set_rules(fail_always("dynamodb", "TransactWriteItems", code(reason)));
        let messages = setup.harness.receive(&bodies(3)).await;
        assert!(setup.process(&setup.batch(counting()), &messages, BATCH_TIMEOUT).await.is_empty());
        assert_eq!(counted(&setup).await, "2", "{reason}");
    }
    assert_eq!(setup.harness.dead_letters().await.len(), 2);
}

#[tokio::test]
async fn transaction_timeout_or_lost_answer_applies_once() {
    for fault in [Fault::DropResponse, Fault::InternalError { after_effect: true }, Fault::Delay { ms: 6000 }] {
        let kind = fault.kind();
        let setup = FaultSetup::new("unknown-outcome").await;
        // As many as the attempts of the SDK: the function does not learn that the transaction succeeded.
        setup.proxy.set_rules(fail_first(3, "dynamodb", "TransactWriteItems", fault));
        let messages = setup.harness.receive(&bodies(3)).await;
        let back = setup.process(&setup.batch(counting()), &messages, BATCH_TIMEOUT).await;
        assert_eq!((back.len(), counted(&setup).await.as_str()), (3, "3"), "{kind}");
        let again = setup.harness.receive_again(3).await;
        assert!(setup.process(&setup.batch(counting()), &again, BATCH_TIMEOUT).await.is_empty(), "{kind}");
        assert_eq!((setup.applied().await, counted(&setup).await.as_str()), (once(3), "3"), "{kind}");
    }
}

#[tokio::test]
async fn broken_connection_retries_within_one_receive() {
    let refuse = Fault::RefuseConnections { ms: 50 };
    for (times, fault) in [
        (2, Fault::CloseConnection),
        (2, Fault::ResetConnection),
        (1, refuse),
        (2, Fault::InternalError { after_effect: false }),
    ] {
        let kind = fault.kind();
        let setup = FaultSetup::new("broken-connection").await;
        setup.proxy.set_rules(fail_first(times, "dynamodb", "TransactWriteItems", fault));
        let messages = setup.harness.receive(&bodies(3)).await;
        assert!(setup.process(&setup.batch(counting()), &messages, BATCH_TIMEOUT).await.is_empty(), "{kind}");
        assert_eq!(counted(&setup).await, "3", "{kind}");
    }
}
