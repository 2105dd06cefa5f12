//! Products that are bought together.
//!
//! Each pair is counted under both of its products, so that one query reads all partners of a product. That costs four write
//! units a pair. For that reason only [`MAX_PAIRS_PER_ORDER`] pairs of a large order are counted.

use std::collections::BTreeMap;

use rust_decimal::prelude::ToPrimitive;
use switchyard_chassis::{Effects, Failure, Item, Table, Update, number_of, text_of};
use switchyard_events::{OrderId, Sku, fingerprint};

use crate::keys::{PARTNER_PREFIX, partner_key, sku_partition};

/// The maximum number of pairs that one order counts: all pairs of six products.
///
/// Of a larger order a sample is counted, the same one whenever its event is redelivered. That bounds the cost of an order. It
/// also limits its influence: an order of fifty lines, whose pairs say little, does not outweigh a hundred orders of two lines.
pub const MAX_PAIRS_PER_ORDER: usize = 15;

/// The number of rows that each counter is spread over. Transactions that write to the same row cancel each other, and ten
/// concurrent batches nearly always have a popular pair in common. With this many rows they rarely conflict: all pairs of a batch
/// use the same shard.
const SHARD_COUNT: u32 = 8;

// The purchase and the touched row are in the same transaction.
const _: () = assert!(2 * MAX_PAIRS_PER_ORDER + 2 <= 100, "an order must fit into one transaction");

/// The pairs of an order that are counted: all of them, or a sample of [`MAX_PAIRS_PER_ORDER`]. The sample depends only on the
/// order id and the products, not on the sequence of the lines.
pub fn select_pairs(order: &OrderId, skus: &[Sku]) -> Vec<(Sku, Sku)> {
    let mut sorted = skus.to_vec();
    sorted.sort();
    sorted.dedup();
    let others = |at: usize| sorted[at + 1..].iter();
    let mut pairs: Vec<(Sku, Sku)> = (0..sorted.len())
        .flat_map(|at| others(at).map(|other| (sorted[at].clone(), other.clone())).collect::<Vec<_>>())
        .collect();
    if pairs.len() > MAX_PAIRS_PER_ORDER {
        // Pseudorandom, but the same for the same order.
        pairs.sort_by_cached_key(|(one, other)| fingerprint(&[order.as_str(), one.as_str(), other.as_str()]));
        pairs.truncate(MAX_PAIRS_PER_ORDER);
        pairs.sort();
    }
    pairs
}

/// Adds `orders` to the number of orders that contain both products, under the first of them: 1 for an order, -1 for its cancellation.
pub(crate) fn count_pair(effects: &mut Effects, sku: &Sku, partner: &Sku, orders: i64) {
    effects.add_sharded(partner_key(sku, partner), SHARD_COUNT, Update::new().add("orders", orders));
}

/// The products that were bought together with this one, and the number of orders that contain both: at least one that is not
/// cancelled. Rows that cannot be parsed are ignored.
pub async fn read_partners(table: &Table, sku: &Sku) -> Result<BTreeMap<Sku, u64>, Failure> {
    Ok(sum_partners(&table.query(&sku_partition(sku), PARTNER_PREFIX).await?))
}

/// A single row may be negative, as an order and its cancellation may be counted in different shards. The sum is negative only if a
/// cancellation was applied before its order, and only until that is applied, too.
fn sum_partners(rows: &[Item]) -> BTreeMap<Sku, u64> {
    let mut sums: BTreeMap<Sku, i64> = BTreeMap::new();
    for (partner, orders) in rows.iter().filter_map(partner_count) {
        *sums.entry(partner).or_default() += orders;
    }
    let positive = |(partner, orders)| Some((partner, u64::try_from(orders).ok().filter(|orders| *orders > 0)?));
    sums.into_iter().filter_map(positive).collect()
}

fn partner_count(row: &Item) -> Option<(Sku, i64)> {
    let (partner, _shard) = text_of(row, "sk")?.strip_prefix(PARTNER_PREFIX)?.split_once('#')?;
    Some((Sku::parse(partner).ok()?, number_of(row, "orders")?.to_i64()?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use switchyard_chassis::{Key, Row};

    use super::*;

    fn cart(products: &BTreeSet<u8>) -> Vec<Sku> {
        products.iter().map(|n| Sku::parse(format!("SKU-{n}")).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn pair_selection_is_capped_and_ignores_line_order(
            products in prop::collection::btree_set(any::<u8>(), 1..=50), id in "[a-z]{8}"
        ) {
            let (order, skus) = (OrderId::parse(id).unwrap(), cart(&products));
            let pairs = select_pairs(&order, &skus);
            let all = skus.len() * (skus.len() - 1) / 2;
            prop_assert_eq!(pairs.len(), all.min(MAX_PAIRS_PER_ORDER));
            prop_assert_eq!(pairs.iter().collect::<BTreeSet<_>>().len(), pairs.len());
            prop_assert!(pairs.iter().all(|(one, other)| one < other && skus.contains(one) && skus.contains(other)));
            let backwards: Vec<_> = skus.into_iter().rev().collect();
            prop_assert_eq!(select_pairs(&order, &backwards), pairs);
        }
    }

    #[test]
    fn partner_whose_orders_are_cancelled_is_none() {
        let row = |partner: &str, shard: u32, orders: i64| {
            Row::new(Key::new("SKU#A", format!("WITH#{partner}#{shard}"))).set("orders", orders).into_item()
        };
        // Order and cancellation in different shards; in one shard; a cancellation whose order has not arrived.
        let rows = [row("B", 1, 2), row("B", 3, -1), row("C", 2, 1), row("C", 5, -1), row("D", 1, 0), row("E", 4, -1)];
        assert_eq!(sum_partners(&rows), BTreeMap::from([(Sku::parse("B").unwrap(), 1)]));
    }

    #[test]
    fn each_pair_of_a_large_cart_is_sampled_in_some_order() {
        let skus = cart(&(0..10).collect());
        let sample = |n| select_pairs(&OrderId::parse(format!("ord_{n}")).unwrap(), &skus);
        let seen: BTreeSet<_> = (0..100).flat_map(sample).collect();
        assert_eq!(seen.len(), 45);
    }
}
