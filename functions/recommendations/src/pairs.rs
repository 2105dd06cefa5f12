//! Products that are bought together.
//!
//! Each pair is counted under both of its products, so that one query reads all partners of a product. That costs four write
//! units a pair, which is why a big cart counts only [`MAX_PAIRS_PER_ORDER`] of its pairs.

use std::collections::BTreeMap;

use rust_decimal::prelude::ToPrimitive;
use switchyard_chassis::{Effects, Failure, Item, Key, Table, Update, number_of, text_of};
use switchyard_events::{OrderId, Sku, fingerprint};

/// The most pairs that one order counts: all pairs of six products. Of a bigger cart a sample is counted, the same one
/// whenever the order comes again. So the price of an order is bounded, and a cart of fifty lines, of which each pair says
/// little, does not outvote a hundred carts of two.
pub const MAX_PAIRS_PER_ORDER: usize = 15;

/// Transactions that meet on one row cancel each other, and ten batches at once nearly always have some popular pair in common.
/// Spread over this many rows they seldom meet; a batch is on one shard with all its pairs.
const SHARDS: u32 = 8;

/// What begins the sort key of a partner.
const WITH: &str = "WITH#";

/// The purchase and the touched row go into the same transaction.
const _: () = assert!(2 * MAX_PAIRS_PER_ORDER + 2 <= 100, "an order must fit into one transaction");

/// The pairs of one order that count: all, or of many [`MAX_PAIRS_PER_ORDER`]. They depend on nothing but the order and its products.
pub fn select_pairs(order: &OrderId, skus: &[Sku]) -> Vec<(Sku, Sku)> {
    let mut sorted = skus.to_vec();
    sorted.sort();
    sorted.dedup();
    let others = |at: usize| sorted[at + 1..].iter();
    let mut pairs: Vec<(Sku, Sku)> = (0..sorted.len())
        .flat_map(|at| others(at).map(|other| (sorted[at].clone(), other.clone())).collect::<Vec<_>>())
        .collect();
    if pairs.len() > MAX_PAIRS_PER_ORDER {
        // As good as drawn by lot, but the same for the same order.
        pairs.sort_by_cached_key(|(one, other)| fingerprint(&[order.as_str(), one.as_str(), other.as_str()]));
        pairs.truncate(MAX_PAIRS_PER_ORDER);
        pairs.sort();
    }
    pairs
}

/// Counts an order that had both.
pub(crate) fn count_pair(effects: &mut Effects, sku: &Sku, partner: &Sku) {
    let key = Key::new(partition(sku), format!("{WITH}{partner}"));
    effects.add_sharded(key, SHARDS, Update::new().add("orders", 1));
}

/// Every product that was bought together with this one, and in how many orders.
pub async fn read_partners(table: &Table, sku: &Sku) -> Result<BTreeMap<Sku, u64>, Failure> {
    let mut partners = BTreeMap::new();
    for (partner, orders) in table.query(&partition(sku), WITH).await?.iter().filter_map(counted) {
        *partners.entry(partner).or_default() += orders;
    }
    Ok(partners)
}

fn counted(row: &Item) -> Option<(Sku, u64)> {
    let (partner, _shard) = text_of(row, "sk")?.strip_prefix(WITH)?.split_once('#')?;
    Some((Sku::parse(partner).ok()?, number_of(row, "orders")?.to_u64()?))
}

fn partition(sku: &Sku) -> String {
    format!("SKU#{sku}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn cart(products: &BTreeSet<u8>) -> Vec<Sku> {
        products.iter().map(|n| Sku::parse(format!("SKU-{n}")).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn all_pairs_count_or_as_many_as_may_be_whatever_the_order_of_the_lines(
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
    fn every_pair_of_a_big_cart_counts_in_some_orders() {
        let skus = cart(&(0..10).collect());
        let sample = |n| select_pairs(&OrderId::parse(format!("ord_{n}")).unwrap(), &skus);
        let seen: BTreeSet<_> = (0..100).flat_map(sample).collect();
        assert_eq!(seen.len(), 45);
    }
}
