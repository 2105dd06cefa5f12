//! Gathers picks into waves of five minutes, holds those of suspicious orders, and releases wave by wave.
//!
//! * [`Warehouse`]: the consumer; it puts an order's pick into the open wave, and holds it or lets it go as fraud decides
//! * [`Wave`]: five minutes, and the rows that say who is in them
//! * [`hold`]: what a decision means for a pick, whenever it comes
//! * [`pick_list`]: a wave's pick list, grouped by product, in pages
//! * [`ReleaseWaves`]: the job that closes waves and writes their lists
//!
//! Rows:
//!
//! | pk | sk | |
//! |---|---|---|
//! | `ORDER#<id>` | `PICK` | what to pick, and the wave the order came into; also the marker |
//! | `ORDER#<id>` | `HOLD` | what the latest decision means for the pick; only of orders that were flagged or reviewed |
//! | `ORDER#<id>` | `EVENT#<event>` | the marker of a decision |
//! | `WAVE#<wave>` | `ORDERS#<shard>` | the orders of the wave, and `closed_at`, in all shards at once |
//! | `WAVE#<wave>` | `CLOSED` | since when the wave takes no more picks |
//! | `WAVE#<wave>` | `PAGE#<n>` | a page of the pick list, and its fact |
//! | `WAVE#<wave>` | `RELEASED` | how many orders and pages, when all of them are written |
//! | `WAVES` | `CURSOR` | the first wave that may not be released yet |
//!
//! What an order costs, in write units (a transaction takes two for each kilobyte begun): 2 for its pick, and 2 (4, 6, as the wave
//! fills) for naming it in the wave, which the orders of a batch share. So 4 alone, 2.2 in a full batch, in one call and without a
//! read. A decision of a flagged order costs 6. Closing a wave costs 130, and a page one for each kilobyte: half a unit an order.
//!
//! A flag that comes when the pick has been listed is too late to hold it: the wave is on its way to the shelves. That is
//! logged as a warning and kept in the `HOLD` row (`too_late`); stopping the parcel is up to people.

mod event;
pub mod hold;
pub mod pick;
pub mod pick_list;
mod release;
mod wave;

use switchyard_chassis::{Condition, Consumer, Effects, Env, Failure, Received};
use switchyard_events::OrderPlaced;

pub use event::WarehouseEvent;
pub use hold::{Decision, Hold};
pub use pick_list::PickOrder;
pub use release::ReleaseWaves;
pub use wave::{SHARDS, WAVE_LENGTH, Wave};

use hold::{Place, Step, decide};

/// The warehouse consumer.
pub struct Warehouse;

impl Warehouse {
    /// Needs no configuration of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Consumer for Warehouse {
    const NAME: &'static str = "warehouse";
    type Event = WarehouseEvent;

    async fn handle(&self, heard: &Received<WarehouseEvent>, effects: &mut Effects) -> Result<(), Failure> {
        match &heard.event {
            WarehouseEvent::Placed(order) => place(order, effects).await,
            WarehouseEvent::Decided(decision) => apply(decision, effects).await,
        }
    }
}

/// Puts the order's pick into the open wave. Asks nobody whether it is held: whoever lists the wave does.
async fn place(order: &OrderPlaced, effects: &mut Effects) -> Result<(), Failure> {
    let wave = wave::open(effects).await?;
    effects.record(pick::row(order, wave));
    wave::join(effects, wave, &order.order_id);
    Ok(())
}

/// Does what a decision means where the pick is now, on condition that it is still there when that is written.
async fn apply(decision: &Decision, effects: &mut Effects) -> Result<(), Failure> {
    let order_id = &decision.order_id;
    let came_into = effects.read(pick::key(order_id)).await?.as_ref().map(pick::wave).transpose()?;
    let before = effects.read(Hold::key(order_id)).await?.as_ref().and_then(Hold::from_item);
    let wave = came_into.map(|wave| hold::current(wave, before));
    let place = match wave {
        None => Place::Nowhere,
        Some(wave) if effects.read(wave.closed_key()).await?.is_none() => Place::Open,
        Some(_) => Place::Closed,
    };
    let hold = match decide(decision, before, place) {
        Step::Overruled => return Ok(()),
        Step::Stay(hold) => hold,
        Step::Move(hold) => {
            let wave = wave::open(effects).await?;
            wave::join(effects, wave, order_id);
            Hold { moved_to: Some(wave), ..hold }
        }
    };
    match wave {
        None => effects.check(pick::key(order_id), Condition::missing("wave")),
        Some(wave) if place == Place::Open => effects.check(wave.closed_key(), Condition::missing("closed_at")),
        Some(wave) if hold.too_late => tracing::warn!(%order_id, %wave, "flagged too late: its wave has been released"),
        Some(_) => {}
    }
    effects.update(Hold::key(order_id), hold.update(before));
    Ok(())
}
