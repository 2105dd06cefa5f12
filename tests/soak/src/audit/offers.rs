//! Each user is offered the ten products that are bought most often together with the user's own, without those already
//! bought. Cancelled orders do not count.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use switchyard_chassis::{Item, text_of};

use super::evidence::{Evidence, rows};
use super::expected_orders::ExpectedOrders;
use super::findings::Findings;
use super::sums::number;

/// The longest list of offers.
const MAX_OFFERS: usize = 10;

#[derive(Default)]
struct Purchases<'a> {
    by_user: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// How many orders contain both products, by ordered pair.
    bought_together: BTreeMap<(&'a str, &'a str), u64>,
}

impl<'a> Purchases<'a> {
    fn from_evidence(evidence: &'a Evidence) -> Self {
        let mut purchases = Self::default();
        for accepted in &evidence.accepted {
            // A user whose only order was cancelled has features, without offers.
            purchases.by_user.entry(&accepted.cart.user).or_default();
        }
        for cart in ExpectedOrders::new(evidence).kept().map(|accepted| &accepted.cart) {
            let skus = cart.lines.iter().map(|line| line.sku.as_str());
            purchases.by_user.entry(&cart.user).or_default().extend(skus.clone());
            for one in skus.clone() {
                for other in skus.clone().filter(|other| *other != one) {
                    *purchases.bought_together.entry((one, other)).or_default() += 1;
                }
            }
        }
        purchases
    }

    /// The offers to a user with these products, each with its weight.
    fn offers(&self, bought: &BTreeSet<&str>) -> String {
        let mut weights: BTreeMap<&str, u64> = BTreeMap::new();
        for ((one, other), orders) in &self.bought_together {
            if bought.contains(one) && !bought.contains(other) {
                *weights.entry(*other).or_default() += orders;
            }
        }
        let mut weights: Vec<_> = weights.into_iter().collect();
        weights.sort_by_key(|(sku, weight)| (Reverse(*weight), *sku));
        weights.truncate(MAX_OFFERS);
        weights.iter().map(|(sku, weight)| format!("{sku} {weight}")).collect::<Vec<_>>().join(", ")
    }
}

pub(super) fn audit(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    if !evidence.jobs_done {
        return;
    }
    let purchases = Purchases::from_evidence(evidence);
    let expected = purchases.by_user.iter().map(|(user, skus)| format!("{user}: {}", purchases.offers(skus))).collect();
    let found = rows(table, "USER#", "FEATURES").map(|(key, row)| {
        let top = row.get("top").and_then(|top| top.as_l().ok()).into_iter().flatten();
        let offers = top.filter_map(|offer| {
            let offer = offer.as_m().ok()?;
            Some(format!("{} {}", text_of(offer, "sku")?, Decimal::normalize(&number(offer, "weight"))))
        });
        format!("{}: {}", &key.pk["USER#".len()..], offers.collect::<Vec<_>>().join(", "))
    });
    findings.compare_sets("recommendations: offers to", &expected, &found.collect());
}
