//! Remembers what each user bought.
//!
//! Rows: `USER#<id>` / `PURCHASE#<placed_at>#<order>` (the products of one order, which is also the marker). Sorted by the time of
//! the order, so that the newest are at the end in whatever order the events arrived.

use jiff::SignedDuration;
use switchyard_chassis::{Consumer, Effects, Env, Failure, Key, Received, Row, Value};
use switchyard_events::OrderPlaced;

/// How many of a user's products are remembered as recent.
pub const RECENT: usize = 50;

/// How long a purchase is kept: well past the time in which its event can come back.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 400);

/// The recommendations consumer.
pub struct Recommendations;

impl Recommendations {
    /// Needs no configuration of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Consumer for Recommendations {
    const NAME: &'static str = "recommendations";
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        let placed_at = format!("{:.3}", order.placed_at);
        let skus: Vec<Value> = order.items.iter().map(|line| line.sku.as_str().into()).collect();
        let purchase = Row::new(Key::new(
            user_partition(order),
            format!("PURCHASE#{placed_at}#{}", order.order_id),
        ))
        .set("skus", skus)
        .set("expires_at", (effects.now() + KEPT).as_second());
        effects.record(purchase);
        Ok(())
    }
}

fn user_partition(order: &OrderPlaced) -> String {
    format!("USER#{}", order.user_id)
}
