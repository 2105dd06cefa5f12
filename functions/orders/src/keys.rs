//! The keys of this consumer's rows; the crate's documentation lists the rows.

use switchyard_chassis::Key;
use switchyard_events::{OrderId, Sku};

/// The sort-key prefix of status rows.
pub(crate) const STATUS_PREFIX: &str = "STATUS#";

/// The row of one fact about an order. Stages are compared as text, so they have one digit.
pub(crate) fn status_key(order_id: &OrderId, stage: u64, status: &str) -> Key {
    Key::new(format!("ORDER#{order_id}"), format!("{STATUS_PREFIX}{stage}#{status}"))
}

/// A product of the catalog, with its stock.
pub fn product_key(sku: &Sku) -> Key {
    Key::new(format!("SKU#{sku}"), "STOCK")
}
