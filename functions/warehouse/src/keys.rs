//! The keys of this consumer's rows; the crate's documentation lists the rows.

use switchyard_chassis::Key;
use switchyard_events::{OrderId, WaveId};

/// The products that an order needs.
pub(crate) fn pick_key(order_id: &OrderId) -> Key {
    Key::new(format!("ORDER#{order_id}"), "PICK")
}

/// What may be done with an order's pick.
pub(crate) fn ready_key(order_id: &OrderId) -> Key {
    Key::new(format!("ORDER#{order_id}"), "READY")
}

/// The answer to the first event that cancels an order.
pub(crate) fn withdrawal_key(order_id: &OrderId) -> Key {
    Key::new(format!("ORDER#{order_id}"), "WITHDRAWAL")
}

/// A page of a wave's pick list; pages are numbered from 1.
pub fn page_key(wave: &WaveId, page: u32) -> Key {
    Key::new(format!("WAVE#{wave}"), format!("PAGE#{page:05}"))
}
