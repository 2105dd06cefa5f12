//! The keys of this consumer's rows; the crate's documentation lists the rows.

use switchyard_chassis::Key;
use switchyard_events::{Sku, UserId};

/// The partition of the touched rows.
pub(crate) const TOUCHED_PARTITION: &str = "TOUCHED";

/// The sort-key prefix of purchases.
pub(crate) const PURCHASE_PREFIX: &str = "PURCHASE#";

/// The sort-key prefix of a product's partners.
pub(crate) const PARTNER_PREFIX: &str = "WITH#";

/// The partition of all rows about a user.
pub(crate) fn user_partition(user: &UserId) -> String {
    format!("USER#{user}")
}

/// The row with a user's features.
pub(crate) fn features_key(user: &UserId) -> Key {
    Key::new(user_partition(user), "FEATURES")
}

/// The partition of a product's partners.
pub(crate) fn sku_partition(sku: &Sku) -> String {
    format!("SKU#{sku}")
}

/// The counter of orders that contain both products. The sort key of a shard is this one plus `#<shard>`.
pub(crate) fn partner_key(sku: &Sku, partner: &Sku) -> Key {
    Key::new(sku_partition(sku), format!("{PARTNER_PREFIX}{partner}"))
}

/// The row that stores how far the rebuild has come.
pub(crate) fn cursor_key() -> Key {
    Key::new("REBUILD", "CURSOR")
}
