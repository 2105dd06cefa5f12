//! Tells orders their fate: what fraud decides and the warehouse does becomes the order's status.
//!
//! It belongs to the order service, and its table is the one that checkout writes orders to. Rows: `ORDER#<id>` /
//! `STATUS#<stage>#<status>`, one for each fact about the order (a decision's is also the marker), and for a page of a wave
//! `WAVE#<id>` / `EVENT#<event>` (the marker). Nothing is ever changed, so no order of arrival can undo anything: [`OrderStatus::from_rows`]
//! reads the highest row.

mod status;

use switchyard_chassis::{Consumer, Effects, Env, Failure, Received};
use switchyard_events::{DomainEvent, Fact, OrderConfirmed, OrderFlagged, ParseError, PickWaveReleased, RawEnvelope};

pub use status::OrderStatus;

/// The orders consumer.
pub struct Orders;

impl Orders {
    /// Needs no configuration of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

/// What can befall an order.
#[derive(Debug, Clone)]
pub enum OrderStatusEvent {
    /// It may be fulfilled: at once, or after a person has looked.
    Confirmed(OrderConfirmed),
    /// It waits for a person.
    Flagged(OrderFlagged),
    /// Its goods, and those of others, are being picked.
    Released(PickWaveReleased),
}

impl DomainEvent for OrderStatusEvent {
    fn parse(envelope: &RawEnvelope<'_>) -> Result<Self, ParseError> {
        match envelope.metadata.event_type.as_str() {
            OrderConfirmed::TYPE => OrderConfirmed::parse(envelope).map(Self::Confirmed),
            OrderFlagged::TYPE => OrderFlagged::parse(envelope).map(Self::Flagged),
            // Refuses whatever else it is.
            _ => PickWaveReleased::parse(envelope).map(Self::Released),
        }
    }
}

impl Consumer for Orders {
    const NAME: &'static str = "orders";
    type Event = OrderStatusEvent;

    async fn handle(&self, fate: &Received<OrderStatusEvent>, effects: &mut Effects) -> Result<(), Failure> {
        let sequence = fate.metadata.aggregate.sequence;
        match &fate.event {
            OrderStatusEvent::Confirmed(fact) => {
                effects.record(OrderStatus::Confirmed.decided(&fact.order_id, sequence, fact.confirmed_at)?);
            }
            OrderStatusEvent::Flagged(fact) => {
                effects.record(OrderStatus::Flagged.decided(&fact.order_id, sequence, fact.flagged_at)?);
            }
            OrderStatusEvent::Released(page) => {
                for order_id in &page.order_ids {
                    let row = OrderStatus::Picking.row(order_id, status::PICKING, page.released_at);
                    effects.put(row.set("wave_id", page.wave_id.as_str()));
                }
            }
        }
        Ok(())
    }
}
