//! The keys of this consumer's rows; the crate's documentation lists the rows.

use switchyard_chassis::Key;
use switchyard_events::{OrderId, UserId};

/// The profile of a user.
pub(crate) fn profile_key(user_id: &UserId) -> Key {
    Key::new(format!("USER#{user_id}"), "PROFILE")
}

/// The score of an order, which is also the marker of its event.
pub(crate) fn score_key(order_id: &OrderId) -> Key {
    order_key(order_id, "SCORE")
}

/// The decision about a flagged order.
pub(crate) fn review_key(order_id: &OrderId) -> Key {
    order_key(order_id, "REVIEW")
}

/// The cancellation of an order, which is also the marker of its event.
pub(crate) fn cancelled_key(order_id: &OrderId) -> Key {
    order_key(order_id, "CANCELLED")
}

/// An order that was flagged before there was a review list, and that was put on the list later.
pub(crate) fn listed_later_key(order_id: &OrderId) -> Key {
    order_key(order_id, "LISTED_LATER")
}

/// How far the search for orders that were flagged before there was a review list is.
pub(crate) fn search_key() -> Key {
    Key::new("JOB#fraud-expiry", "UNLISTED")
}

/// The order whose row this is.
pub(crate) fn order_id(key: &Key) -> Option<OrderId> {
    OrderId::parse(key.pk.strip_prefix("ORDER#")?).ok()
}

fn order_key(order_id: &OrderId, sk: &str) -> Key {
    Key::new(format!("ORDER#{order_id}"), sk)
}
