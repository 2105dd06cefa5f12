//! Events that tests publish in place of fraud and the warehouse.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use jiff::Timestamp;
use switchyard_events::{
    CancellationReason, CancellationRequested, Cause, CorrelationId, Envelope, Fact, FlagReason, OrderCancelled,
    OrderConfirmed, OrderFlagged, OrderId, OrderPlaced, OrderRejected, Pick, PickWaveReleased, PickWithdrawalRefused,
    RejectionCause, Sku, UserId, WaveId,
};

use super::TestStack;

/// Fraud's confirmation of an order: `sequence` 2 for the first decision, 3 after a review.
pub fn order_confirmed(order_id: &str, sequence: u64, at: Timestamp) -> Envelope<OrderConfirmed> {
    let event = OrderConfirmed { order_id: parse_id(order_id), user_id: user_id(), score: 12, confirmed_at: at };
    envelope(event, sequence, "fraud", at)
}

/// Fraud's flag on a suspicious order.
pub fn order_flagged(order_id: &str, at: Timestamp) -> Envelope<OrderFlagged> {
    let reasons = vec![FlagReason { code: "quantity".into(), points: 85 }];
    let event = OrderFlagged { order_id: parse_id(order_id), user_id: user_id(), score: 85, reasons, flagged_at: at };
    envelope(event, 2, "fraud", at)
}

/// A reviewer's rejection of a flagged order.
pub fn order_rejected(order_id: &str, at: Timestamp) -> Envelope<OrderRejected> {
    let (order_id, user_id) = (parse_id(order_id), user_id());
    let event = OrderRejected { order_id, user_id, score: 85, cause: RejectionCause::Review, rejected_at: at };
    envelope(event, 3, "fraud", at)
}

/// The owner's request to cancel an order.
pub fn cancellation_requested(order_id: &str, at: Timestamp) -> Envelope<CancellationRequested> {
    let event = CancellationRequested { order_id: parse_id(order_id), user_id: user_id(), requested_at: at };
    envelope(event, 4, "checkout", at)
}

/// The warehouse's refusal to cancel an order that is on a list of this wave.
pub fn pick_withdrawal_refused(order_id: &str, wave_id: &str, at: Timestamp) -> Envelope<PickWithdrawalRefused> {
    let (order_id, wave_id) = (parse_id(order_id), WaveId::parse(wave_id).unwrap());
    envelope(PickWithdrawalRefused { order_id, wave_id, refused_at: at }, 5, "warehouse", at)
}

/// Checkout's statement of an order.
pub fn order_placed(order: OrderPlaced) -> Envelope<OrderPlaced> {
    let at = order.placed_at;
    envelope(order, 1, "checkout", at)
}

/// The order service's cancellation of an order.
pub fn order_cancelled(order: OrderPlaced, reason: CancellationReason, at: Timestamp) -> Envelope<OrderCancelled> {
    envelope(OrderCancelled { order, reason, cancelled_at: at }, 6, "orders", at)
}

/// The warehouse's pick list of these orders, in one page.
pub fn wave_released(wave_id: &str, order_ids: &[&str], at: Timestamp) -> Envelope<PickWaveReleased> {
    let wave_id = WaveId::parse(wave_id).unwrap();
    let order_ids: Vec<_> = order_ids.iter().map(|id| parse_id(id)).collect();
    let quantity = u32::try_from(order_ids.len()).unwrap();
    let picks = vec![Pick { sku: Sku::parse("MUG-01").unwrap(), quantity, order_ids: order_ids.clone() }];
    let page = PickWaveReleased { wave_id, page: 1, pages: 1, released_at: at, order_ids, picks };
    envelope(page, 1, "warehouse", at)
}

/// An event as an entry for `PutEvents`.
pub fn bus_entry<F: Fact>(stack: &TestStack, envelope: &Envelope<F>) -> PutEventsRequestEntry {
    let entry = PutEventsRequestEntry::builder().event_bus_name(&stack.deployed.bus).detail_type(F::TYPE);
    let detail = serde_json::to_string(envelope).unwrap();
    entry.source(format!("switchyard.{}", envelope.metadata.producer)).detail(detail).build()
}

/// Puts entries on the bus, in this order.
pub async fn put_on_bus(stack: &TestStack, entries: Vec<PutEventsRequestEntry>) {
    for entries in entries.chunks(10) {
        let answer = stack.cloud.eventbridge.put_events().set_entries(Some(entries.to_vec())).send().await.unwrap();
        assert_eq!(answer.failed_entry_count(), 0, "{answer:?}");
    }
}

fn envelope<F: Fact>(fact: F, sequence: u64, producer: &str, at: Timestamp) -> Envelope<F> {
    let correlation_id = CorrelationId::parse(fact.aggregate_id()).unwrap();
    Envelope::new(fact, sequence, producer, at, Cause { correlation_id, causation_id: None, traceparent: None })
        .unwrap()
}

fn parse_id(order_id: &str) -> OrderId {
    OrderId::parse(order_id).unwrap()
}

fn user_id() -> UserId {
    UserId::parse("usr_91xc").unwrap()
}
