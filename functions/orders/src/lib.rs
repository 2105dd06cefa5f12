//! The order service's stored orders, their status, and their cancellation.
//!
//! This consumer belongs to the order service: its table is the one that checkout writes orders to.
//!
//! | pk | sk | |
//! |---|---|---|
//! | `ORDER#<id>` | `ORDER` | the order, written by checkout |
//! | `USER#<caller>#<user>` | `ORDER#<placed at>#<id>` | the order in its customer's list, with its `OrderPlaced`; written by checkout |
//! | `ORDER#<id>` | `STATUS#<stage>#<status>` | one fact about the order; for a decision and a cancellation also the marker |
//! | `SKU#<sku>` | `STOCK` | a product of the catalog; a cancellation adds to its stock |
//! | `WAVE#<id>` | `EVENT#<event>` | the marker of a page of a wave |
//!
//! Status rows are only added, never changed or deleted. So a late event cannot undo a newer one:
//! [`OrderStatus::from_rows`] reads the highest row.
//!
//! * [`Orders`]: the consumer
//! * [`OrderStatusEvent`]: the events that it subscribes to
//! * [`OrderStatus`]: the statuses, and their rows
//! * `cancellation`: the status, the stock and the fact of a cancelled order, in one transaction
//! * [`StoredOrder`], [`ListedOrder`]: the order's own rows, which checkout and the orders API share

mod cancellation;
mod event;
mod keys;
mod listed_order;
mod status;
mod stored_order;

use switchyard_chassis::{Consumer, Effects, Env, Failure, Received};

pub use event::OrderStatusEvent;
pub use keys::product_key;
pub use listed_order::ListedOrder;
pub use status::OrderStatus;
pub use stored_order::{OrderRowError, StoredOrder, order_key};

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
            OrderStatusEvent::Withdrawn(fact) => cancellation::cancel(fact, effects).await?,
            OrderStatusEvent::WithdrawalRefused(fact) => {
                effects.record(OrderStatus::too_late_row(&fact.order_id, fact.refused_at));
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
