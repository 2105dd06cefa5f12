//! Lists the picks of confirmed orders every five minutes, and decides whether it is too late to cancel an order.
//!
//! * [`Warehouse`]: the consumer; [`WarehouseEvent`]: the events that it subscribes to
//! * `pick`, `ready`: the two rows of an order's pick
//! * [`pick_list`]: the pick list of a wave, grouped by product, in pages
//! * [`ReleaseWave`]: the job that lists what is ready; a run's pages are a wave
//! * `former_waves`: picks of version 0.1.0
//!
//! Rows:
//!
//! | pk | sk | |
//! |---|---|---|
//! | `ORDER#<id>` | `PICK` | the products to pick; also the marker of `OrderPlaced` |
//! | `ORDER#<id>` | `READY` | the pick waits to be listed (`pending`), is listed (`wave`), or is withdrawn (`withdrawn_at`); also the marker of `OrderConfirmed` |
//! | `ORDER#<id>` | `WITHDRAWAL` | the answer to the first request or rejection, and its fact |
//! | `WAVE#<wave>` | `PAGE#<n>` | a page of the pick list, and its fact |
//!
//! `OrderPlaced`, `OrderConfirmed` and a cancellation may arrive in any order. Each creates a row of its own, and the job lists a pick
//! that has both rows and is not withdrawn. A page and the `READY` rows of its orders are written in one transaction, so that
//! concurrent, repeated and crashed runs list no pick twice. A page is the point of no return: it is in the warehouse.
//!
//! Write units of an order: one for each of its two rows, which are lone inserts; one when it enters the index and one when it
//! leaves it; two when it is listed, and its share of the page, which takes two for each kilobyte: half a unit for two lines. That is
//! 6.5. A withdrawal takes four to six. No row is written by two orders.

mod event;
mod former_waves;
mod job;
mod keys;
mod pick;
pub mod pick_list;
mod ready;

use switchyard_chassis::{Consumer, Effects, Env, Failure, Received, Row};
use switchyard_events::{CancellationReason, OrderId, PickWithdrawalRefused, PickWithdrawn};

use crate::former_waves::listed_in;
use crate::keys::{pick_key, ready_key, withdrawal_key};
use crate::ready::PickState;

pub use event::WarehouseEvent;
pub use job::ReleaseWave;
pub use keys::page_key;
pub use pick::PickOrder;

/// The sequence number of `PickWithdrawn` and `PickWithdrawalRefused`.
const WITHDRAWAL_SEQUENCE: u64 = 5;

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
            WarehouseEvent::Placed(order) => effects.record(pick::row(order)),
            WarehouseEvent::Confirmed(order_id, at) => effects.record_once(ready::confirmed_row(order_id, *at)),
            WarehouseEvent::Cancel(order_id, reason) => cancel(order_id, *reason, effects).await?,
            // A flagged order has no confirmation, so it is not ready.
            WarehouseEvent::Flagged(_) => {}
        }
        Ok(())
    }
}

/// Withdraws the pick, unless it is listed. Only the first event that cancels the order has an effect.
async fn cancel(order_id: &OrderId, reason: CancellationReason, effects: &mut Effects) -> Result<(), Failure> {
    let now = effects.now();
    effects.record_once(Row::new(withdrawal_key(order_id)).set("reason", reason.as_str()));
    match find_pick(order_id, effects).await? {
        PickState::Listed(wave_id) => {
            let fact = PickWithdrawalRefused { order_id: order_id.clone(), wave_id, refused_at: now };
            return effects.emit(fact, WITHDRAWAL_SEQUENCE);
        }
        PickState::Ready => effects.update(ready_key(order_id), ready::withdraw(now)),
        PickState::Undecided => effects.put_new(ready::withdrawn_row(order_id, now)),
        PickState::Withdrawn => {}
    }
    effects.emit(PickWithdrawn { order_id: order_id.clone(), reason, withdrawn_at: now }, WITHDRAWAL_SEQUENCE)
}

async fn find_pick(order_id: &OrderId, effects: &mut Effects) -> Result<PickState, Failure> {
    let state = PickState::from_row(effects.read(ready_key(order_id)).await?.as_ref());
    let Some(pick) = effects.read(pick_key(order_id)).await? else { return Ok(state) };
    let former_wave = listed_in(order_id, &pick, async |key| effects.read(key).await).await?;
    Ok(former_wave.map_or(state, PickState::Listed))
}
