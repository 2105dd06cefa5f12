//! Each user is offered the ten products that are bought together with his own most often, without those he has.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use switchyard_chassis::{Item, text_of};

use super::{Evidence, Findings, number, rows};

pub(super) fn audit(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    if !evidence.at_rest {
        return;
    }
    let mut together: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut bought: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for cart in evidence.accepted.iter().map(|accepted| &accepted.cart) {
        let skus = cart.lines.iter().map(|line| line.sku.as_str());
        bought.entry(&cart.user).or_default().extend(skus.clone());
        for one in skus.clone() {
            for other in skus.clone().filter(|other| *other != one) {
                *together.entry((one, other)).or_default() += 1;
            }
        }
    }
    let offers = |bought: &BTreeSet<&str>| {
        let mut weights: BTreeMap<&str, u64> = BTreeMap::new();
        for ((one, other), orders) in &together {
            if bought.contains(one) && !bought.contains(other) {
                *weights.entry(*other).or_default() += orders;
            }
        }
        let mut weights: Vec<_> = weights.into_iter().collect();
        weights.sort_by_key(|(sku, weight)| (Reverse(*weight), *sku));
        weights.truncate(10);
        weights.iter().map(|(sku, weight)| format!("{sku} {weight}")).collect::<Vec<_>>().join(", ")
    };
    let expected = bought.iter().map(|(user, bought)| format!("{user}: {}", offers(bought))).collect();
    let found = rows(table, "USER#", "FEATURES").map(|(key, row)| {
        let top = row.get("top").and_then(|top| top.as_l().ok()).into_iter().flatten();
        let offers = top.filter_map(|offer| {
            let offer = offer.as_m().ok()?;
            Some(format!("{} {}", text_of(offer, "sku")?, Decimal::normalize(&number(offer, "weight"))))
        });
        format!("{}: {}", &key.pk["USER#".len()..], offers.collect::<Vec<_>>().join(", "))
    });
    findings.same("recommendations: offers to", &expected, &found.collect());
}
