//! The row that decides what happens with a pick: it waits to be listed, is listed, or is withdrawn.
//!
//! The first of confirmation and withdrawal creates the row. Listing and withdrawal both take a waiting row out of the index, on
//! condition that it is there, so only one of them can succeed.

use jiff::Timestamp;
use switchyard_chassis::{Condition, Item, Key, Row, Update, is_pending, text_of};
use switchyard_events::{OrderId, WaveId};

use crate::keys::ready_key;

/// The kind of pending rows that the job looks for.
pub(crate) const READY: &str = "READY";

/// What the rows say about a pick that is to be withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PickState {
    /// Neither confirmed nor withdrawn.
    Undecided,
    /// It waits to be listed.
    Ready,
    /// It is on a list of this wave.
    Listed(WaveId),
    /// It will not be listed.
    Withdrawn,
}

impl PickState {
    pub(crate) fn from_row(row: Option<&Item>) -> Self {
        let Some(row) = row else { return Self::Undecided };
        match text_of(row, "wave").and_then(|wave| WaveId::parse(wave).ok()) {
            Some(wave) => Self::Listed(wave),
            None if is_pending(row) => Self::Ready,
            None => Self::Withdrawn,
        }
    }
}

/// The row of a pick that may be listed.
pub(crate) fn confirmed_row(order_id: &OrderId, confirmed_at: Timestamp) -> Row {
    Row::new(ready_key(order_id)).pending(READY, confirmed_at)
}

/// The row of a pick that was withdrawn before it was confirmed. A later confirmation finds the row and has no effect.
pub(crate) fn withdrawn_row(order_id: &OrderId, now: Timestamp) -> Row {
    Row::new(ready_key(order_id)).set("withdrawn_at", now)
}

/// Withdraws a pick that waits to be listed.
pub(crate) fn withdraw(now: Timestamp) -> Update {
    Update::new().set("withdrawn_at", now).no_longer_pending().when(Condition::pending())
}

/// Lists a pick that waits to be listed.
pub(crate) fn list(wave: &WaveId) -> Update {
    Update::new().set("wave", wave.as_str()).no_longer_pending().when(Condition::pending())
}

/// The order of a row's key.
pub(crate) fn order_id(key: &Key) -> Option<OrderId> {
    OrderId::parse(key.pk.strip_prefix("ORDER#")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pick_state_follows_from_the_row() {
        let id = OrderId::parse("ord_1").unwrap();
        let wave = WaveId::parse("20260526T142530.123Z").unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let state = |row: Row| PickState::from_row(Some(&row.into_item()));
        assert_eq!(PickState::from_row(None), PickState::Undecided);
        assert_eq!(state(confirmed_row(&id, now)), PickState::Ready);
        assert_eq!(state(withdrawn_row(&id, now)), PickState::Withdrawn);
        assert_eq!(state(Row::new(ready_key(&id)).set("wave", wave.as_str())), PickState::Listed(wave));
    }
}
