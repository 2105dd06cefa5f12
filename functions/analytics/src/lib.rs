//! Counts what was sold: a row per order with its lines, and sums per day, by region and by product.
//!
//! Rows: `ORDER#<id>` / `SALE` (the order and its lines, which is also the marker), `DAY#<date>` / `REGION#<region>#<shard>` and
//! `DAY#<date>` / `SKU#<sku>#<shard>` (the sums). An order that arrives late counts on the day it was placed.
//!
//! * [`Analytics`], [`Sale`]: the consumer, and what it makes of an order
//! * [`DailySales`], [`Sales`]: what was sold on a day

mod day;
mod sale;

use switchyard_chassis::{Consumer, Effects, Env, Failure, Key, Received};
use switchyard_events::OrderPlaced;

pub use day::{DailySales, Sales};
pub use sale::Sale;

/// Every order of a day meets on the sums of its region and of what everybody buys; spread over this many rows each, concurrent
/// batches rarely do.
pub const SHARDS: u32 = 8;

/// The analytics consumer.
pub struct Analytics;

impl Analytics {
    /// Needs no configuration of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Consumer for Analytics {
    const NAME: &'static str = "analytics";
    type Event = OrderPlaced;

    /// With at most [`switchyard_events::MAX_ORDER_LINES`] lines this is at most 52 writes, so that every order fits a transaction.
    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        let sale = Sale::of(order);
        effects.record(sale.row(order));
        for (key, sales) in sale.additions() {
            effects.add_sharded(key, SHARDS, sales.to_update());
        }
        Ok(())
    }
}

/// Where the sums of a day lie: all rows whose sort key begins like this.
///
/// A day has no row for its total: each order lies in one region, so the total is what the regions come to. All of a day is one
/// partition, which takes 1,000 write units a second
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>, 2026-11-21): about 130 orders
/// of three lines, in batches of ten with nothing in common.
pub fn rollup_key(day: &str) -> Key {
    Key::new(format!("DAY#{day}"), "REGION")
}

/// Where the sums of a region lie; each shard has its number behind it.
fn region_key(day: &str, region: &str) -> Key {
    let Key { pk, sk } = rollup_key(day);
    Key::new(pk, format!("{sk}#{region}"))
}

/// Where the sums of a product lie; each shard has its number behind it.
fn sku_key(day: &str, sku: &str) -> Key {
    Key::new(rollup_key(day).pk, format!("SKU#{sku}"))
}
