//! Collects picks into waves of five minutes, holds the picks of suspicious orders, and releases one wave after the other.
//!
//! * [`Warehouse`]: the consumer; it puts an order's pick into the open wave, and holds or frees it when fraud decides
//! * [`WarehouseEvent`]: the events that it subscribes to
//! * [`Wave`]: five minutes; `wave_orders`: the rows that name the orders of a wave
//! * [`hold`]: what a decision changes, in any order of arrival
//! * [`pick_list`]: the pick list of a wave, grouped by product, in pages
//! * [`ReleaseWaves`]: the job that closes waves and writes their pick lists
//!
//! Rows:
//!
//! | pk | sk | |
//! |---|---|---|
//! | `ORDER#<id>` | `PICK` | the products to pick, and the order's first wave; also the marker |
//! | `ORDER#<id>` | `HOLD` | the effect of the latest decision on the pick; only for orders that were flagged or reviewed |
//! | `ORDER#<id>` | `EVENT#<event>` | the marker of a decision |
//! | `WAVE#<wave>` | `ORDERS#<shard>` | the orders of the wave; `closed_at` in all shards once the wave is closed |
//! | `WAVE#<wave>` | `CLOSED` | when the wave was closed for more picks |
//! | `WAVE#<wave>` | `PAGE#<n>` | a page of the pick list, and its fact |
//! | `WAVE#<wave>` | `RELEASED` | the numbers of orders and pages, once all pages are written |
//! | `WAVES` | `CURSOR` | the first wave that may not be released yet |
//!
//! Write units of an order (a transaction takes two for each kilobyte begun): 2 for its pick, and 2 (4, 6, as the wave fills) for
//! its name in the wave, which the orders of a batch share. That is 4 for a single order and 2.2 in a full batch, in one call and
//! without a read. A decision of a flagged order costs 6. Closing a wave costs 130, and a page one for each kilobyte: half a unit
//! an order.
//!
//! A flag that arrives after the pick was listed is too late to hold it: the list is already in the warehouse. The function logs
//! a warning and stores `too_late` in the `HOLD` row. A person has to stop the parcel.

mod event;
pub mod hold;
mod job;
mod keys;
mod pick;
pub mod pick_list;
mod release;
mod wave;
mod wave_orders;

use switchyard_chassis::{Condition, Consumer, Effects, Env, Failure, Received};
use switchyard_events::OrderPlaced;

use crate::hold::{DecisionEffect, PickLocation, decide};
use crate::keys::{closed_key, hold_key, pick_key};

pub use event::WarehouseEvent;
pub use hold::{Decision, Hold};
pub use job::ReleaseWaves;
pub use keys::page_key;
pub use pick::PickOrder;
pub use wave::{WAVE_LENGTH, Wave};
pub use wave_orders::SHARD_COUNT;

/// The warehouse consumer.
pub struct Warehouse;

impl Warehouse {
    /// Needs no environment variables of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Consumer for Warehouse {
    const NAME: &'static str = "warehouse";
    type Event = WarehouseEvent;

    async fn handle(&self, received: &Received<WarehouseEvent>, effects: &mut Effects) -> Result<(), Failure> {
        match &received.event {
            WarehouseEvent::Placed(order) => add_pick(order, effects).await,
            WarehouseEvent::Decided(decision) => apply_decision(decision, effects).await,
        }
    }
}

/// Puts the order's pick into the open wave. It does not read the hold: the job does that when it lists the wave.
async fn add_pick(order: &OrderPlaced, effects: &mut Effects) -> Result<(), Failure> {
    let wave = wave_orders::find_open_wave(effects).await?;
    effects.record(pick::row(order, wave));
    wave_orders::add_order(effects, wave, &order.order_id);
    Ok(())
}

/// Applies a decision to the pick, on condition that the pick's wave has not changed or closed when the effects are written.
async fn apply_decision(decision: &Decision, effects: &mut Effects) -> Result<(), Failure> {
    let order_id = &decision.order_id;
    let first_wave = effects.read(pick_key(order_id)).await?.as_ref().map(pick::first_wave).transpose()?;
    let before = effects.read(hold_key(order_id)).await?.as_ref().and_then(Hold::from_item);
    let wave = first_wave.map(|wave| hold::current_wave(wave, before));
    let location = match wave {
        None => PickLocation::NotReceived,
        Some(wave) if effects.read(closed_key(wave)).await?.is_none() => PickLocation::OpenWave,
        Some(_) => PickLocation::ClosedWave,
    };
    let hold = match decide(decision, before, location) {
        DecisionEffect::Outdated => return Ok(()),
        DecisionEffect::UpdateHold(hold) => hold,
        DecisionEffect::MoveToOpenWave(hold) => {
            let wave = wave_orders::find_open_wave(effects).await?;
            wave_orders::add_order(effects, wave, order_id);
            Hold { moved_to: Some(wave), ..hold }
        }
    };
    match wave {
        None => effects.check(pick_key(order_id), Condition::missing("wave")),
        Some(wave) if location == PickLocation::OpenWave => {
            effects.check(closed_key(wave), Condition::missing("closed_at"));
        }
        Some(wave) if hold.too_late => tracing::warn!(%order_id, %wave, "flagged too late: its wave has been released"),
        Some(_) => {}
    }
    effects.update(hold_key(order_id), hold.update(before));
    Ok(())
}
