//! Keeps the sales-tax ledger and announces when a state's economic-nexus threshold is crossed.
//!
//! | pk | sk | |
//! |---|---|---|
//! | `ORDER#<id>` | `LEDGER#<jurisdiction>` | the ledger line of an order; also the marker |
//! | `JURISDICTION#<jurisdiction>` | `YEAR#<year>#<month>#<shard>` | the sums of a month |
//! | `JURISDICTION#<jurisdiction>` | `CROSSED#<year>` | the threshold was crossed; contains the announcement |
//!
//! * [`Tax`]: the consumer; [`LedgerEntry`]: what an order adds to the ledger
//! * [`Sums`], [`MonthlySums`]: the sales into a jurisdiction, by [`Month`]
//! * [`Thresholds`]: the states' thresholds, from `data/nexus_thresholds.json`
//! * [`NexusProgress`]: how close the sales are to a threshold
//! * [`NexusJob`]: announces crossed thresholds

mod job;
mod keys;
mod ledger;
mod limit;
mod month;
mod period;
mod progress;
mod sums;
mod thresholds;

use switchyard_chassis::{Consumer, Effects, Env, Failure, Received};
use switchyard_events::OrderPlaced;

use crate::keys::month_key;

pub use job::NexusJob;
pub use keys::{crossed_key, rollup_key};
pub use ledger::LedgerEntry;
pub use limit::Limit;
pub use month::{Month, Window};
pub use period::Period;
pub use progress::NexusProgress;
pub use sums::{MonthlySums, Sums};
pub use thresholds::{State, Threshold, Thresholds, TransactionRule};

/// The number of rows that each sum is spread over. All orders of a state add to the state's sum; with this many rows,
/// concurrent batches rarely write to the same one.
pub const SHARD_COUNT: u32 = 8;

/// The tax consumer.
pub struct Tax;

impl Tax {
    /// Needs no environment variables of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Consumer for Tax {
    const NAME: &'static str = "tax";
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        let entry = LedgerEntry::from_order(order);
        effects.record(entry.row(order));
        let key = month_key(entry.jurisdiction.as_str(), entry.month);
        effects.add_sharded(key, SHARD_COUNT, entry.sums().to_update());
        Ok(())
    }
}
