//! Maintains the status of orders from the events of fraud and of the warehouse.
//!
//! This consumer belongs to the order service: its table is the one that checkout writes orders to.
//!
//! | pk | sk | |
//! |---|---|---|
//! | `ORDER#<id>` | `STATUS#<stage>#<status>` | one fact about the order; for a decision also the marker |
//! | `WAVE#<id>` | `EVENT#<event>` | the marker of a page of a wave |
//!
//! Status rows are only added, never changed or deleted. So a late event cannot undo a newer one:
//! [`OrderStatus::from_rows`] reads the highest row.
//!
//! * [`Orders`]: the consumer
//! * [`OrderStatusEvent`]: the events that it subscribes to
//! * [`OrderStatus`]: the statuses, and their rows

mod event;
mod keys;
mod status;

use switchyard_chassis::{Consumer, Effects, Env, Failure, Received};

pub use event::OrderStatusEvent;
pub use status::OrderStatus;

/// The orders consumer.
pub struct Orders;

impl Orders {
    /// Needs no environment variables of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Consumer for Orders {
    const NAME: &'static str = "orders";
    type Event = OrderStatusEvent;

    async fn handle(&self, received: &Received<OrderStatusEvent>, effects: &mut Effects) -> Result<(), Failure> {
        let sequence = received.metadata.aggregate.sequence;
        match &received.event {
            OrderStatusEvent::Confirmed(fact) => {
                effects.record(OrderStatus::Confirmed.decision_row(&fact.order_id, sequence, fact.confirmed_at)?);
            }
            OrderStatusEvent::Flagged(fact) => {
                effects.record(OrderStatus::Flagged.decision_row(&fact.order_id, sequence, fact.flagged_at)?);
            }
            OrderStatusEvent::Released(page) => {
                for order_id in &page.order_ids {
                    let row = OrderStatus::Picking.row(order_id, status::PICKING_STAGE, page.released_at);
                    effects.put(row.set("wave_id", page.wave_id.as_str()));
                }
            }
        }
        Ok(())
    }
}
