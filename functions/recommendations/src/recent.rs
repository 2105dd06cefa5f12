//! What a user bought, newest first.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use switchyard_chassis::{Failure, Item, Key, Row, Table, Value, text_of};
use switchyard_events::{OrderPlaced, Sku, UserId};

/// How many of a user's products are remembered as recent.
pub const MAX_RECENT_PRODUCTS: usize = 50;

/// How long a purchase is kept: well past the time in which its event can come back. What was bought before may be offered again.
pub(crate) const PURCHASE_RETENTION: SignedDuration = SignedDuration::from_hours(24 * 400);

/// What begins the sort key of a purchase.
const PURCHASE: &str = "PURCHASE#";

/// The products of one order, in its own order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// Sorts purchases by the time when they were placed; two of one millisecond by their order's id.
    pub sort_key: String,
    /// What was bought.
    pub skus: Vec<Sku>,
}

/// The row of an order. Its key begins with the time of the order, so that the newest come last however late an event is.
pub(crate) fn row(order: &OrderPlaced, skus: &[Sku], now: Timestamp) -> Row {
    let sk = format!("{PURCHASE}{:.3}#{}", order.placed_at, order.order_id);
    let skus: Vec<Value> = skus.iter().map(|sku| sku.as_str().into()).collect();
    Row::new(Key::new(partition(&order.user_id), sk))
        .set("skus", skus)
        .set("expires_at", (now + PURCHASE_RETENTION).as_second())
}

/// Where all rows about a user lie.
pub(crate) fn partition(user: &UserId) -> String {
    format!("USER#{user}")
}

/// The products that a user bought last, newest first, each once, at most [`MAX_RECENT_PRODUCTS`].
pub async fn read_recent_products(table: &Table, user: &UserId) -> Result<Vec<Sku>, Failure> {
    Ok(newest_products(&read_purchases(table, user).await?))
}

/// All that a user is known to have bought, newest first.
pub async fn read_purchases(table: &Table, user: &UserId) -> Result<Vec<Purchase>, Failure> {
    let rows = table.query(&partition(user), PURCHASE).await?;
    Ok(rows.iter().rev().filter_map(purchase).collect())
}

fn purchase(row: &Item) -> Option<Purchase> {
    let skus = row.get("skus")?.as_l().ok()?.iter();
    let skus = skus.filter_map(|sku| Sku::parse(sku.as_s().ok()?.as_str()).ok()).collect();
    Some(Purchase { sort_key: text_of(row, "sk")?.strip_prefix(PURCHASE)?.to_owned(), skus })
}

/// The first [`MAX_RECENT_PRODUCTS`] products of purchases that are sorted newest first, each once: where it was bought last.
pub fn newest_products(purchases: &[Purchase]) -> Vec<Sku> {
    let mut seen = HashSet::new();
    let skus = purchases.iter().flat_map(|purchase| &purchase.skus);
    skus.filter(|sku| seen.insert(*sku)).take(MAX_RECENT_PRODUCTS).cloned().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One by one from the oldest on: a product that is bought again moves to the front.
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
        fn the_newest_are_what_a_list_kept_purchase_by_purchase_holds(
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
