//! Counts what was sold: a row per order with its lines, and sums per day.
//!
//! Rows: `ORDER#<id>` / `SALE` (the order and its lines, which is also the marker) and `DAY#<date>` / `TOTAL#<shard>` (the sums).
//! An order that arrives late counts on the day it was placed.

use jiff::tz::TimeZone;
use switchyard_chassis::{Consumer, Effects, Env, Failure, Key, Received, Row, Update, Value};
use switchyard_events::{Line, OrderPlaced};

/// Every order of a day meets on the day's sum; spread over this many rows, concurrent batches rarely do.
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

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        let day = day(order);
        let ship_to = order.ship_to.reveal();
        // One row holds the order and its lines: a row of its own for each line would cost two write units a line.
        let sale = Row::new(Key::new(format!("ORDER#{}", order.order_id), "SALE"))
            .set("day", day.as_str())
            .set("placed_at", order.placed_at)
            .set("region", format!("{}-{}", ship_to.country, ship_to.region))
            .set("units", order.units())
            .set("revenue_usd", order.total_usd)
            .set("lines", order.items.iter().map(line).collect::<Vec<_>>());
        effects.record(sale);
        let sums = Update::new()
            .add("orders", 1)
            .add("units", order.units())
            .add("revenue_usd", order.total_usd.decimal());
        effects.add_sharded(rollup_key(&day), SHARDS, sums);
        Ok(())
    }
}

/// Where the sums of a day lie; each shard has its number behind it.
pub fn rollup_key(day: &str) -> Key {
    Key::new(format!("DAY#{day}"), "TOTAL")
}

/// The day (UTC) on which the order was placed, such as `2026-05-26`.
fn day(order: &OrderPlaced) -> String {
    order.placed_at.to_zoned(TimeZone::UTC).date().to_string()
}

fn line(line: &Line) -> Value {
    Value::from([
        ("sku", line.sku.as_str().into()),
        ("quantity", line.quantity.get().into()),
        ("amount_usd", line.amount().into()),
    ])
}
