//! Keeps the sales-tax ledger and announces when a state's economic-nexus threshold is crossed.
//!
//! | pk | sk | |
//! |---|---|---|
//! | `ORDER#<id>` | `LEDGER#<jurisdiction>` | the ledger line of an order; also the marker of `OrderPlaced` |
//! | `ORDER#<id>` | `LEDGER#<jurisdiction>#REVERSAL` | the negated line of a cancelled order; also the marker of `OrderCancelled` |
//! | `JURISDICTION#<jurisdiction>` | `YEAR#<year>#<month>#<shard>` | the sums of a month |
//! | `JURISDICTION#<jurisdiction>` | `CROSSED#<year>` | the threshold was crossed; contains the announcement |
//!
//! A cancellation takes the order out of the sums of its month, and with that out of the progress towards a threshold. Line and
//! reversal are additions, so they may arrive in any order. A threshold that was announced stays announced, even if cancellations take
//! the sums below it again: the announcement is a fact that others have acted on, and whether an obligation ends is for the state to
//! say, not for a sum. A threshold that is below its limit again before the job has seen it crossed is not announced.
//!
//! The ledger has a line for every event, whatever its region: events from before checkout's list of regions was closed may name a
//! region that does not exist. Such a line and its sums are kept under the name that the order has, and a warning is logged.
//!
//! * [`Tax`]: the consumer; [`LedgerEntry`]: what an order, or its cancellation, adds to the ledger
//! * [`SellerTimeZone`]: the time zone whose months count
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
mod time_zone;

use switchyard_chassis::{Consumer, Effects, Env, Failure, Received};
use switchyard_events::PlacedOrCancelled;

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
pub use time_zone::SellerTimeZone;

/// The number of rows that each sum is spread over. All orders of a state add to the state's sum; with this many rows,
/// concurrent batches rarely write to the same one.
pub const SHARD_COUNT: u32 = 8;

/// The tax consumer.
#[derive(Default)]
pub struct Tax {
    time_zone: SellerTimeZone,
}

impl Tax {
    /// Reads `SELLER_TIME_ZONE` (default UTC).
    pub fn from_env(env: &mut Env) -> Self {
        Self { time_zone: SellerTimeZone::from_env(env) }
    }

    /// The consumer of a seller in this time zone.
    pub fn in_time_zone(time_zone: SellerTimeZone) -> Self {
        Self { time_zone }
    }
}

impl Consumer for Tax {
    const NAME: &'static str = "tax";
    type Event = PlacedOrCancelled;

    async fn handle(&self, event: &Received<PlacedOrCancelled>, effects: &mut Effects) -> Result<(), Failure> {
        let entry = LedgerEntry::from_event(event, &self.time_zone);
        if !event.order().ship_to.reveal().is_known_region() {
            tracing::warn!(
                order_id = event.order().order_id.as_str(),
                jurisdiction = entry.jurisdiction.as_str(),
                "no such region is known: its sales are kept, and compared with no threshold"
            );
        }
        effects.record(entry.row(event));
        let key = month_key(entry.jurisdiction.as_str(), entry.month);
        effects.add_sharded(key, SHARD_COUNT, entry.sums().to_update());
        Ok(())
    }
}
