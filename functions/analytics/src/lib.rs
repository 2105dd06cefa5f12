//! Counts sales: one row per order with its lines, and sums per day, by region and by product.
//!
//! | pk | sk | |
//! |---|---|---|
//! | `ORDER#<id>` | `SALE` | the order and its lines; also the marker of `OrderPlaced` |
//! | `ORDER#<id>` | `CANCELLATION` | when and why the order was cancelled; also the marker of `OrderCancelled` |
//! | `DAY#<date>` | `REGION#<region>#<shard>` | the sums of a region |
//! | `DAY#<date>` | `SKU#<sku>#<shard>` | the sums of a product |
//!
//! An order that arrives late is added to the day on which it was placed. A cancellation takes it out of the sums of that same day,
//! and is counted there: of the orders placed on a day, so many were cancelled. Both are additions, so they may arrive in any order,
//! and neither reads anything.
//!
//! * [`Analytics`]: the consumer
//! * [`Sale`]: what one order adds to the sums, and its cancellation
//! * [`Sales`]: sums of sales; [`DailySales`]: the sums of a day, read over all shards
//! * [`rollup_key`]: where a day's sums are stored

mod daily_sales;
mod keys;
mod sale;
mod sales;

use switchyard_chassis::{Consumer, Effects, Env, Failure, Received};
use switchyard_events::PlacedOrCancelled;

pub use daily_sales::DailySales;
pub use keys::rollup_key;
pub use sale::{Sale, SaleLine};
pub use sales::Sales;

/// The number of rows that each sum is spread over. All orders of a day add to their region's sum and to the sums of
/// popular products; with this many rows, concurrent batches rarely write to the same one.
pub const SHARD_COUNT: u32 = 8;

/// The analytics consumer.
pub struct Analytics;

impl Analytics {
    /// Needs no environment variables of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Consumer for Analytics {
    const NAME: &'static str = "analytics";
    type Event = PlacedOrCancelled;

    /// Writes at most 52 rows, as an order has at most [`switchyard_events::MAX_ORDER_LINES`] lines. So every order fits into one
    /// transaction.
    async fn handle(&self, event: &Received<PlacedOrCancelled>, effects: &mut Effects) -> Result<(), Failure> {
        let sale = Sale::from_order(event.order());
        match &event.event {
            PlacedOrCancelled::Placed(order) => effects.record(sale.row(order)),
            PlacedOrCancelled::Cancelled(cancelled) => effects.record(sale.cancellation_row(cancelled)),
        }
        for (key, sales) in sale.additions_of(event) {
            effects.add_sharded(key, SHARD_COUNT, sales.to_update());
        }
        Ok(())
    }
}
