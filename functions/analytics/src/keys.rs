//! The keys of this consumer's rows; the crate's documentation lists the rows.

use switchyard_chassis::Key;
use switchyard_events::OrderId;

/// The row of one order, which is also the marker of its event.
pub(crate) fn sale_key(order_id: &OrderId) -> Key {
    Key::new(format!("ORDER#{order_id}"), "SALE")
}

/// The row of an order's cancellation, which is also the marker of its event.
pub(crate) fn cancellation_key(order_id: &OrderId) -> Key {
    Key::new(format!("ORDER#{order_id}"), "CANCELLATION")
}

/// The partition of a day's sums, and the sort-key prefix of its regions.
///
/// A day has no row for its total: each order belongs to one region, so the total is the sum of the regions.
///
/// All rows of a day share one partition key, which serves 1,000 write units a second
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>, 2026-11-21). That is
/// about 130 orders of three lines, in batches of ten orders that share no region and no product.
pub fn rollup_key(day: &str) -> Key {
    Key::new(format!("DAY#{day}"), "REGION")
}

/// The sums of a region on a day. The sort key of a shard is this one plus `#<shard>`.
pub(crate) fn region_key(day: &str, region: &str) -> Key {
    let Key { pk, sk } = rollup_key(day);
    Key::new(pk, format!("{sk}#{region}"))
}

/// The sums of a product on a day. The sort key of a shard is this one plus `#<shard>`.
pub(crate) fn sku_key(day: &str, sku: &str) -> Key {
    Key::new(rollup_key(day).pk, format!("SKU#{sku}"))
}
