//! Keeps the sales-tax ledger: a line per order and jurisdiction, and sums per jurisdiction and year.
//!
//! Rows: `ORDER#<id>` / `LEDGER#<jurisdiction>` (the line, which is also the marker) and
//! `JURISDICTION#<jurisdiction>` / `YEAR#<year>#<shard>` (the sums).

use jiff::tz::TimeZone;
use switchyard_chassis::{Consumer, Effects, Env, Failure, Key, Received, Row, Update};
use switchyard_events::{Address, OrderPlaced, Usd};

/// Every order of a state meets on the state's sum; spread over this many rows, concurrent batches rarely do.
pub const SHARDS: u32 = 8;

/// The tax consumer.
pub struct Tax;

impl Tax {
    /// Needs no configuration of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Consumer for Tax {
    const NAME: &'static str = "tax";
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        let jurisdiction = jurisdiction(order.ship_to.reveal());
        let year = order.placed_at.to_zoned(TimeZone::UTC).year();
        let taxable = sum(order, true);
        let exempt = sum(order, false);
        let line = Row::new(Key::new(
            format!("ORDER#{}", order.order_id),
            format!("LEDGER#{jurisdiction}"),
        ))
        .set("jurisdiction", jurisdiction.as_str())
        .set("year", i32::from(year))
        .set("placed_at", order.placed_at)
        .set("taxable_usd", taxable)
        .set("exempt_usd", exempt);
        effects.record(line);
        let sums = Update::new()
            .add("revenue_usd", order.total_usd.decimal())
            .add("taxable_usd", taxable.decimal())
            .add("exempt_usd", exempt.decimal())
            .add("transactions", 1);
        effects.add_sharded(rollup_key(&jurisdiction, year), SHARDS, sums);
        Ok(())
    }
}

/// Where the sums of a jurisdiction and year lie; each shard has its number behind it.
pub fn rollup_key(jurisdiction: &str, year: i16) -> Key {
    Key::new(format!("JURISDICTION#{jurisdiction}"), format!("YEAR#{year}"))
}

/// The ISO 3166-2 code of the place whose tax law applies, such as `US-CA`: where the goods go.
fn jurisdiction(address: &Address) -> String {
    format!("{}-{}", address.country, address.region)
}

fn sum(order: &OrderPlaced, taxable: bool) -> Usd {
    order
        .items
        .iter()
        .filter(|line| line.taxable == taxable)
        .map(switchyard_events::Line::amount)
        .sum()
}
