//! The recommendations for a user.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive;
use switchyard_chassis::{Failure, Item, Row, Table, Value, number_of, text_of};
use switchyard_events::{Sku, UserId};

use crate::keys::features_key;
use crate::purchases::PURCHASE_RETENTION;

/// The maximum number of products recommended to a user.
pub const MAX_RECOMMENDATIONS: usize = 10;

/// The recommendations for a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// At most [`MAX_RECOMMENDATIONS`] products, highest weight first. The weight of a product counts, for each of the user's
    /// recent products, the orders that contain both.
    pub top: Vec<(Sku, u64)>,
    /// When the run that computed them started (RFC 3339).
    pub built_at: String,
}

/// Reads the features of a user; `None` before the first rebuild after an order of the user.
pub async fn read_features(table: &Table, user: &UserId) -> Result<Option<Features>, Failure> {
    let row = table.get(&features_key(user)).await?;
    Ok(row.as_ref().and_then(|row| {
        let top = row.get("top")?.as_l().ok()?.iter().filter_map(|product| weighted_product(product.as_m().ok()?));
        Some(Features { top: top.collect(), built_at: text_of(row, "built_at")?.to_owned() })
    }))
}

fn weighted_product(product: &Item) -> Option<(Sku, u64)> {
    Some((Sku::parse(text_of(product, "sku")?).ok()?, number_of(product, "weight")?.to_u64()?))
}

/// The row with the features of a user.
pub(crate) fn row(user: &UserId, top: &[(Sku, u64)], now: Timestamp) -> Row {
    let product =
        |(sku, weight): &(Sku, u64)| Value::from([("sku", sku.as_str().into()), ("weight", (*weight).into())]);
    Row::new(features_key(user))
        .set("top", top.iter().map(product).collect::<Vec<_>>())
        .set("built_at", now)
        .set("expires_at", (now + PURCHASE_RETENTION).as_second())
}

/// The [`MAX_RECOMMENDATIONS`] products with the highest weights that the user has not bought. Equal weights sort by SKU.
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

    /// Takes the best remaining product, ten times.
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
        fn top_products_are_the_heaviest_not_bought_yet(
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
