//! Keeps the sales-tax ledger, and watches each state's economic-nexus threshold.
//!
//! Rows: `ORDER#<id>` / `LEDGER#<jurisdiction>` (the line, which is also the marker),
//! `JURISDICTION#<jurisdiction>` / `YEAR#<year>#<month>#<shard>` (the sums) and
//! `JURISDICTION#<jurisdiction>` / `CROSSED#<year>` (a threshold was passed, and the world told of it).
//!
//! * [`Tax`], [`LedgerEntry`]: the consumer, and what it makes of an order
//! * [`Sums`], [`MonthlySums`]: what was sold into a jurisdiction, month by month
//! * [`Thresholds`]: the states' thresholds, from `data/nexus_thresholds.json`
//! * [`NexusProgress`]: how near a state's threshold is
//! * [`NexusJob`]: announces what has been crossed

mod entry;
mod job;
mod nexus;
mod sums;
mod thresholds;

use switchyard_chassis::{Consumer, Effects, Env, Failure, Key, Received, Row};
use switchyard_events::OrderPlaced;

pub use entry::LedgerEntry;
pub use job::NexusJob;
pub use nexus::{NexusProgress, Window};
pub use sums::{Month, MonthlySums, Sums};
pub use thresholds::{Limit, Period, State, Threshold, Thresholds, TransactionRule};

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
        let entry = LedgerEntry::from_order(order);
        let jurisdiction = entry.jurisdiction.as_str();
        let key = Key::new(format!("ORDER#{}", order.order_id), format!("LEDGER#{jurisdiction}"));
        let line = Row::new(key)
            .set("jurisdiction", jurisdiction)
            .set("year", entry.month.year())
            .set("placed_at", order.placed_at)
            .set("taxable_usd", entry.taxable)
            .set("exempt_usd", entry.exempt);
        effects.record(line);
        effects.add_sharded(month_key(jurisdiction, entry.month), SHARDS, entry.sums().to_update());
        Ok(())
    }
}

/// Where the sums of a jurisdiction and year lie: all rows whose sort key begins like this.
///
/// They are kept by month, which costs no more writes, since some states measure twelve months that are no calendar year.
pub fn rollup_key(jurisdiction: &str, year: i16) -> Key {
    Key::new(format!("JURISDICTION#{jurisdiction}"), format!("YEAR#{year}"))
}

/// Where a month's part of them lies; each shard has its number behind it.
fn month_key(jurisdiction: &str, month: Month) -> Key {
    let year = rollup_key(jurisdiction, month.year());
    Key::new(year.pk, format!("{}#{:02}", year.sk, month.number()))
}

/// Where it is said that a jurisdiction's threshold was passed in a year.
pub fn crossed_key(jurisdiction: &str, year: i16) -> Key {
    Key::new(format!("JURISDICTION#{jurisdiction}"), format!("CROSSED#{year}"))
}
