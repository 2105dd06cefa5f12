//! What to offer to a user.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive;
use switchyard_chassis::{Failure, Item, Key, Row, Table, Value, number_of, text_of};
use switchyard_events::{Sku, UserId};

use crate::recent;

/// How many products are offered to a user.
pub const MAX_RECOMMENDATIONS: usize = 10;

/// What to offer to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// At most [`MAX_RECOMMENDATIONS`] products, heaviest first, and in how many orders each was together with one of the user's recent ones.
    pub top: Vec<(Sku, u64)>,
    /// When the run began that worked it out.
    pub built_at: String,
}

/// What was last worked out for a user.
pub async fn read_features(table: &Table, user: &UserId) -> Result<Option<Features>, Failure> {
    let row = table.get(&key(user)).await?;
    Ok(row.as_ref().and_then(|row| {
        let top = row.get("top")?.as_l().ok()?.iter().filter_map(|offer| offered(offer.as_m().ok()?));
        Some(Features { top: top.collect(), built_at: text_of(row, "built_at")?.to_owned() })
    }))
}

fn offered(offer: &Item) -> Option<(Sku, u64)> {
    Some((Sku::parse(text_of(offer, "sku")?).ok()?, number_of(offer, "weight")?.to_u64()?))
}

pub(crate) fn row(user: &UserId, top: &[(Sku, u64)], now: Timestamp) -> Row {
    let offer = |(sku, weight): &(Sku, u64)| Value::from([("sku", sku.as_str().into()), ("weight", (*weight).into())]);
    Row::new(key(user))
        .set("top", top.iter().map(offer).collect::<Vec<_>>())
        .set("built_at", now)
        .set("expires_at", (now + recent::PURCHASE_RETENTION).as_second())
}

fn key(user: &UserId) -> Key {
    Key::new(recent::partition(user), "FEATURES")
}

/// The heaviest [`MAX_RECOMMENDATIONS`] that are not bought yet; of two that weigh the same, the one whose name comes first.
pub fn top_products(weights: impl IntoIterator<Item = (Sku, u64)>, bought: &BTreeSet<&Sku>) -> Vec<(Sku, u64)> {
    let mut new: Vec<_> = weights.into_iter().filter(|(sku, _)| !bought.contains(sku)).collect();
    new.sort_by(|(one, one_weight), (other, other_weight)| other_weight.cmp(one_weight).then(one.cmp(other)));
    new.truncate(MAX_RECOMMENDATIONS);
    new
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn sku(n: u8) -> Sku {
        Sku::parse(format!("SKU-{n}")).unwrap()
    }

    /// Picks the best one that is left, ten times.
    fn naive(weights: &HashMap<Sku, u64>, bought: &BTreeSet<&Sku>) -> Vec<(Sku, u64)> {
        let mut left: Vec<_> = weights.clone().into_iter().filter(|(sku, _)| !bought.contains(sku)).collect();
        let mut top = Vec::new();
        while top.len() < MAX_RECOMMENDATIONS && !left.is_empty() {
            let mut best = 0;
            for at in 1..left.len() {
                let heavier = left[at].1 > left[best].1;
                let first_of_equals = left[at].1 == left[best].1 && left[at].0.as_str() < left[best].0.as_str();
                if heavier || first_of_equals {
                    best = at;
                }
            }
            top.push(left.remove(best));
        }
        top
    }

    proptest! {
        #[test]
        fn the_top_are_the_heaviest_that_are_not_bought(
            weights in prop::collection::hash_map(0..40_u8, 1..6_u64, 0..40),
            bought in prop::collection::btree_set(0..40_u8, 0..20)
        ) {
            let weights: HashMap<Sku, u64> = weights.into_iter().map(|(n, weight)| (sku(n), weight)).collect();
            let bought: Vec<Sku> = bought.into_iter().map(sku).collect();
            let bought = bought.iter().collect();
            prop_assert_eq!(top_products(weights.clone(), &bought), naive(&weights, &bought));
        }
    }
}
