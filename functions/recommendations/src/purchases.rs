//! The products that a user bought, newest first.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use switchyard_chassis::{Failure, Item, Key, Row, Table, Value, text_of};
use switchyard_events::{OrderCancelled, OrderPlaced, Sku, UserId};

use crate::keys::{PURCHASE_PREFIX, user_partition};

/// The maximum number of products that count as a user's recent ones.
pub const MAX_RECENT_PRODUCTS: usize = 50;

/// How long a purchase is kept: much longer than its event can be redelivered. Products bought earlier may be recommended again.
pub(crate) const PURCHASE_RETENTION: SignedDuration = SignedDuration::from_hours(24 * 400);

/// The additional time for which a cancellation is kept, so that it outlives the order's row also if it was applied first. It exceeds the
/// time for which an event can wait in a queue and in a dead-letter queue.
const CANCELLATION_EXTRA_RETENTION: SignedDuration = SignedDuration::from_hours(24 * 100);

/// The end of the sort key of a cancellation. The row is next to the order's row, and one query reads both. No order id contains a `#`.
const CANCELLED_SUFFIX: &str = "#CANCELLED";

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
    let skus: Vec<Value> = skus.iter().map(|sku| sku.as_str().into()).collect();
    Row::new(purchase_key(order)).set("skus", skus).set("expires_at", (now + PURCHASE_RETENTION).as_second())
}

/// The row of a cancellation. It hides the row of its order, also if it is written first. The order's row is not deleted:
/// it is the marker that keeps the order from being applied again.
pub(crate) fn cancellation_row(cancelled: &OrderCancelled, now: Timestamp) -> Row {
    let Key { pk, sk } = purchase_key(&cancelled.order);
    Row::new(Key::new(pk, format!("{sk}{CANCELLED_SUFFIX}")))
        .set("cancelled_at", cancelled.cancelled_at)
        .set("reason", cancelled.reason.as_str())
        .set("expires_at", (now + PURCHASE_RETENTION + CANCELLATION_EXTRA_RETENTION).as_second())
}

fn purchase_key(order: &OrderPlaced) -> Key {
    let sk = format!("{PURCHASE_PREFIX}{:.3}#{}", order.placed_at, order.order_id);
    Key::new(user_partition(&order.user_id), sk)
}

/// The products that a user bought most recently: newest first, each once, at most [`MAX_RECENT_PRODUCTS`].
pub async fn read_recent_products(table: &Table, user: &UserId) -> Result<Vec<Sku>, Failure> {
    Ok(newest_products(&read_purchases(table, user).await?))
}

/// All stored purchases of a user that are not cancelled, newest first. Rows that cannot be parsed are ignored.
pub async fn read_purchases(table: &Table, user: &UserId) -> Result<Vec<Purchase>, Failure> {
    Ok(not_cancelled(&table.query(&user_partition(user), PURCHASE_PREFIX).await?))
}

fn not_cancelled(rows: &[Item]) -> Vec<Purchase> {
    let cancelled_key = |row| text_of(row, "sk")?.strip_prefix(PURCHASE_PREFIX)?.strip_suffix(CANCELLED_SUFFIX);
    let cancelled: HashSet<&str> = rows.iter().filter_map(cancelled_key).collect();
    let purchases = rows.iter().rev().filter_map(purchase);
    purchases.filter(|purchase| !cancelled.contains(purchase.sort_key.as_str())).collect()
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
    use switchyard_events::{CancellationReason, Envelope, OrderId};

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

    fn sample() -> OrderPlaced {
        let sample = include_str!("../../../events/samples/OrderPlaced.v1.json");
        serde_json::from_str::<Envelope<OrderPlaced>>(sample).unwrap().data
    }

    proptest! {
        #[test]
        fn cancelled_order_is_no_purchase_with_or_without_its_row(
            placed in prop::collection::btree_set(0..30_u32, 0..30), cancelled in prop::collection::btree_set(0..30_u32, 0..30)
        ) {
            let order = |n: u32| {
                // Several orders of one millisecond, and ids that begin with one another.
                let placed_at = sample().placed_at + SignedDuration::from_secs((n / 4).into());
                OrderPlaced { order_id: OrderId::parse(format!("ord_{n}")).unwrap(), placed_at, ..sample() }
            };
            let cancellation = |n| {
                let (order, reason) = (order(n), CancellationReason::Requested);
                OrderCancelled { cancelled_at: order.placed_at, order, reason }
            };
            let now = sample().placed_at;
            let rows = placed.iter().map(|&n| row(&order(n), &[], now));
            let rows = rows.chain(cancelled.iter().map(|&n| cancellation_row(&cancellation(n), now)));
            let mut rows: Vec<_> = rows.map(Row::into_item).collect();
            rows.sort_by_key(|row| text_of(row, "sk").map(str::to_owned));
            let found: Vec<String> = not_cancelled(&rows).into_iter().map(|purchase| purchase.sort_key).collect();
            let mut expected: Vec<_> = placed.difference(&cancelled).map(|&n| (order(n).placed_at, format!("ord_{n}"))).collect();
            expected.sort();
            expected.reverse();
            let expected: Vec<String> = expected.into_iter().map(|(at, id)| format!("{at:.3}#{id}")).collect();
            prop_assert_eq!(found, expected);
        }

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
