//! The keys of this consumer's rows; the crate's documentation lists the rows.

use switchyard_chassis::Key;
use switchyard_events::OrderId;

use crate::wave::Wave;

/// The pick of an order.
pub(crate) fn pick_key(order_id: &OrderId) -> Key {
    Key::new(format!("ORDER#{order_id}"), "PICK")
}

/// The hold of an order.
pub(crate) fn hold_key(order_id: &OrderId) -> Key {
    Key::new(format!("ORDER#{order_id}"), "HOLD")
}

/// The rows that name the orders of a wave. The sort key of a shard is this one plus `#<shard>`.
pub(crate) fn wave_orders_key(wave: Wave) -> Key {
    Key::new(wave_partition(wave), "ORDERS")
}

/// One shard of [`wave_orders_key`].
pub(crate) fn wave_shard_key(wave: Wave, shard: u32) -> Key {
    let Key { pk, sk } = wave_orders_key(wave);
    Key::new(pk, format!("{sk}#{shard}"))
}

/// The row that exists if the wave is closed.
pub(crate) fn closed_key(wave: Wave) -> Key {
    Key::new(wave_partition(wave), "CLOSED")
}

/// A page of a wave's pick list; pages are numbered from 1.
pub fn page_key(wave: Wave, page: u32) -> Key {
    Key::new(wave_partition(wave), format!("PAGE#{page:05}"))
}

/// The row that exists if all pages of the wave are written.
pub(crate) fn released_key(wave: Wave) -> Key {
    Key::new(wave_partition(wave), "RELEASED")
}

/// The row that stores how far the job has come.
pub(crate) fn cursor_key() -> Key {
    Key::new("WAVES", "CURSOR")
}

fn wave_partition(wave: Wave) -> String {
    format!("WAVE#{wave}")
}
