//! The keys of this consumer's rows; the crate's documentation lists the rows.

use switchyard_chassis::Key;
use switchyard_events::{OrderId, UserId};

/// The profile of a user.
pub(crate) fn profile_key(user_id: &UserId) -> Key {
    Key::new(format!("USER#{user_id}"), "PROFILE")
}

/// The score of an order, which is also the marker of its event.
pub(crate) fn score_key(order_id: &OrderId) -> Key {
    Key::new(format!("ORDER#{order_id}"), "SCORE")
}

/// The confirmation of a flagged order.
pub(crate) fn review_key(order_id: &OrderId) -> Key {
    Key::new(format!("ORDER#{order_id}"), "REVIEW")
}
