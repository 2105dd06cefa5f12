//! Picks that version 0.1.0 put into a wave of five minutes.
//!
//! Such a pick's row names its wave, and that of a pick which was held and moved names the later one in its `HOLD` row. It was listed
//! if a page of that wave has it. It may have been listed, and it becomes ready only when its confirmation is replayed; so the pages are
//! read before it is listed or withdrawn. This module can be deleted when no such order can be cancelled or replayed.

use switchyard_chassis::{Failure, Item, Key, text_of};
use switchyard_events::{OrderId, WaveId};

use crate::keys::page_key;

/// The row that such a version kept for a pick that was flagged.
pub(crate) fn hold_key(order_id: &OrderId) -> Key {
    Key::new(format!("ORDER#{order_id}"), "HOLD")
}

/// That version wrote four pages at a time, so a run that was cut off may have left gaps of three.
const MAX_MISSING_PAGES: u32 = 3;

/// The wave that listed the pick; `None` for a pick that no such wave has listed. `read` reads a row of the table.
pub(crate) async fn listed_in(
    order_id: &OrderId,
    pick: &Item,
    mut read: impl AsyncFnMut(Key) -> Result<Option<Item>, Failure>,
) -> Result<Option<WaveId>, Failure> {
    let wave_in = |row: &Item| text_of(row, "wave").and_then(|wave| WaveId::parse(wave).ok());
    let Some(first_wave) = wave_in(pick) else { return Ok(None) };
    let wave = read(hold_key(order_id)).await?.as_ref().and_then(wave_in).unwrap_or(first_wave);
    let mut missing = 0;
    for page in 1.. {
        let Some(row) = read(page_key(&wave, page)).await? else {
            missing += 1;
            if missing > MAX_MISSING_PAGES {
                break;
            }
            continue;
        };
        missing = 0;
        let ids = row.get("order_ids").and_then(|ids| ids.as_l().ok()).into_iter().flatten();
        if ids.filter_map(|id| id.as_s().ok()).any(|id| id == order_id.as_str()) {
            return Ok(Some(wave));
        }
    }
    Ok(None)
}
