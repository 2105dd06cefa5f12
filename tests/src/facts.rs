//! Facts that tests tell in place of fraud and the warehouse.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use jiff::Timestamp;
use switchyard_events::{
    Cause, CorrelationId, Envelope, Fact, FlagReason, OrderConfirmed, OrderFlagged, OrderId, Pick, PickWaveReleased,
    Sku, UserId, WaveId,
};

use crate::world::World;

fn envelope<F: Fact>(fact: F, sequence: u64, producer: &str, at: Timestamp) -> Envelope<F> {
    let correlation_id = CorrelationId::parse(fact.aggregate_id()).unwrap();
    Envelope::new(fact, sequence, producer, at, Cause { correlation_id, causation_id: None, traceparent: None })
        .unwrap()
}

fn ids(order_id: &str) -> (OrderId, UserId) {
    (OrderId::parse(order_id).unwrap(), UserId::parse("usr_91xc").unwrap())
}

/// Fraud says that an order may be fulfilled: at first (2), or after a review (3).
pub fn confirmed(order_id: &str, sequence: u64, at: Timestamp) -> Envelope<OrderConfirmed> {
    let (order_id, user_id) = ids(order_id);
    envelope(OrderConfirmed { order_id, user_id, score: 12, confirmed_at: at }, sequence, "fraud", at)
}

/// Fraud says that an order looks suspicious.
pub fn flagged(order_id: &str, at: Timestamp) -> Envelope<OrderFlagged> {
    let (order_id, user_id) = ids(order_id);
    let reasons = vec![FlagReason { code: "quantity".into(), points: 85 }];
    envelope(OrderFlagged { order_id, user_id, score: 85, reasons, flagged_at: at }, 2, "fraud", at)
}

/// The warehouse says that the goods of these orders are being picked.
pub fn released(wave_id: &str, order_ids: &[&str], at: Timestamp) -> Envelope<PickWaveReleased> {
    let wave_id = WaveId::parse(wave_id).unwrap();
    let order_ids: Vec<_> = order_ids.iter().map(|id| ids(id).0).collect();
    let quantity = u32::try_from(order_ids.len()).unwrap();
    let picks = vec![Pick { sku: Sku::parse("MUG-01").unwrap(), quantity, order_ids: order_ids.clone() }];
    let page = PickWaveReleased { wave_id, page: 1, pages: 1, released_at: at, order_ids, picks };
    envelope(page, 1, "warehouse", at)
}

/// A fact as the bus takes it.
pub fn entry<F: Fact>(world: &World, envelope: &Envelope<F>) -> PutEventsRequestEntry {
    let entry = PutEventsRequestEntry::builder().event_bus_name(&world.stack.bus).detail_type(F::TYPE);
    let detail = serde_json::to_string(envelope).unwrap();
    entry.source(format!("switchyard.{}", envelope.metadata.producer)).detail(detail).build()
}

/// Puts entries on the bus, in this order.
pub async fn tell(world: &World, entries: Vec<PutEventsRequestEntry>) {
    for entries in entries.chunks(10) {
        let answer = world.cloud.eventbridge.put_events().set_entries(Some(entries.to_vec())).send().await.unwrap();
        assert_eq!(answer.failed_entry_count(), 0, "{answer:?}");
    }
}
