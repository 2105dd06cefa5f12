//! The products that a user bought, newest first.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use switchyard_chassis::{Failure, Item, Key, Row, Table, Value, text_of};
use switchyard_events::{OrderPlaced, Sku, UserId};

use crate::keys::{PURCHASE_PREFIX, user_partition};

/// The maximum number of products that count as a user's recent ones.
pub const MAX_RECENT_PRODUCTS: usize = 50;

/// How long a purchase is kept: much longer than its event can be redelivered. Products bought earlier may be recommended again.
pub(crate) const PURCHASE_RETENTION: SignedDuration = SignedDuration::from_hours(24 * 400);

/// The products of one order, in the sequence of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// `<placed_at>#<order>`: sorts purchases by time, and those of one millisecond by order id.
    pub sort_key: String,
    /// The products.
    pub skus: Vec<Sku>,
}

/// The row of an order. Its sort key begins with the time of the order, so that rows sort by that time even if an event is late.
pub(crate) fn row(order: &OrderPlaced, skus: &[Sku], now: Timestamp) -> Row {
    let sk = format!("{PURCHASE_PREFIX}{:.3}#{}", order.placed_at, order.order_id);
    let skus: Vec<Value> = skus.iter().map(|sku| sku.as_str().into()).collect();
    Row::new(Key::new(user_partition(&order.user_id), sk))
        .set("skus", skus)
        .set("expires_at", (now + PURCHASE_RETENTION).as_second())
}

/// The products that a user bought most recently: newest first, each once, at most [`MAX_RECENT_PRODUCTS`].
pub async fn read_recent_products(table: &Table, user: &UserId) -> Result<Vec<Sku>, Failure> {
    Ok(newest_products(&read_purchases(table, user).await?))
}

/// All stored purchases of a user, newest first. Rows that cannot be parsed are ignored.
pub async fn read_purchases(table: &Table, user: &UserId) -> Result<Vec<Purchase>, Failure> {
    let rows = table.query(&user_partition(user), PURCHASE_PREFIX).await?;
    Ok(rows.iter().rev().filter_map(purchase).collect())
}

fn purchase(row: &Item) -> Option<Purchase> {
    let skus = row.get("skus")?.as_l().ok()?.iter();
    let skus = skus.filter_map(|sku| Sku::parse(sku.as_s().ok()?.as_str()).ok()).collect();
    Some(Purchase { sort_key: text_of(row, "sk")?.strip_prefix(PURCHASE_PREFIX)?.to_owned(), skus })
}

/// The first [`MAX_RECENT_PRODUCTS`] products of purchases that are sorted newest first. Each product is listed once, at its
/// latest purchase.
pub fn newest_products(purchases: &[Purchase]) -> Vec<Sku> {
    let mut seen = HashSet::new();
    let skus = purchases.iter().flat_map(|purchase| &purchase.skus);
    skus.filter(|sku| seen.insert(*sku)).take(MAX_RECENT_PRODUCTS).cloned().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Processes purchases from the oldest on: each product moves to the front of the list.
    fn naive(purchases: &[Purchase]) -> Vec<Sku> {
        let mut list: Vec<Sku> = Vec::new();
        for purchase in purchases.iter().rev() {
            for sku in purchase.skus.iter().rev() {
                list.retain(|other| other != sku);
                list.insert(0, sku.clone());
            }
        }
        list.truncate(MAX_RECENT_PRODUCTS);
        list
    }

    proptest! {
        #[test]
        fn newest_products_equal_a_move_to_front_list(
            carts in prop::collection::vec(prop::collection::vec(0..80_u8, 1..12), 0..20)
        ) {
            let purchase = |(at, cart): (usize, &Vec<u8>)| Purchase {
                sort_key: format!("{:02}", 99 - at),
                skus: cart.iter().map(|n| Sku::parse(format!("SKU-{n}")).unwrap()).collect(),
            };
            let purchases: Vec<_> = carts.iter().enumerate().map(purchase).collect();
            let newest = newest_products(&purchases);
            prop_assert!(newest.len() <= MAX_RECENT_PRODUCTS);
            prop_assert_eq!(newest, naive(&purchases));
        }
    }
}
