//! Each user's profile counts each order of the user once. Of a cancelled order it keeps only the time. Each review is stored once,
//! and an order that is reviewed or cancelled waits for no review.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use switchyard_chassis::{Item, is_pending, text_of};

use super::evidence::{Evidence, rows};
use super::expected_orders::ExpectedOrders;
use super::findings::Findings;
use super::sums::{Sums, add, number};

/// The number of times that a profile keeps.
const MAX_TIMES: u32 = 50;

pub(super) fn audit(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let (mut expected, mut found) = (Sums::new(), Sums::new());
    for kept in ExpectedOrders::new(evidence).kept() {
        add(&mut expected, format!("{} orders", kept.cart.user), 1);
        add(&mut expected, format!("{} spent_usd", kept.cart.user), kept.cart.total());
    }
    for accepted in &evidence.accepted {
        let times = expected.entry(format!("{} times", accepted.cart.user)).or_default();
        *times = Decimal::from(MAX_TIMES).min(*times + Decimal::ONE);
    }
    for (key, row) in rows(table, "USER#", "PROFILE") {
        let user = &key.pk["USER#".len()..];
        // No cancellation may be left whose order has not arrived.
        for attribute in ["orders", "spent_usd", "early_cancellations"] {
            add(&mut found, format!("{user} {attribute}"), number(row, attribute));
        }
        let times = row.get("recent").and_then(|times| times.as_l().ok()).map_or(0, Vec::len);
        add(&mut found, format!("{user} times"), times as u64);
    }
    findings.compare_sums("fraud:", &expected, &found);
    audit_reviews(table, evidence, findings);
}

fn audit_reviews(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let expected = evidence.reviews.iter().map(|(id, review)| format!("{id} {}", review.as_str())).collect();
    let order = |pk: &str| pk["ORDER#".len()..].to_owned();
    let found = rows(table, "ORDER#", "REVIEW")
        .map(|(key, row)| format!("{} {}", order(&key.pk), text_of(row, "verdict").unwrap_or_default()));
    findings.compare_sets("fraud: review", &expected, &found.collect());
    let waiting = rows(table, "ORDER#", "SCORE").filter(|(_, row)| is_pending(row)).map(|(key, _)| order(&key.pk));
    let waiting: BTreeSet<_> = waiting.collect();
    let orders = ExpectedOrders::new(evidence);
    for accepted in evidence.accepted.iter().filter(|accepted| waiting.contains(&accepted.order_id)) {
        if orders.is_cancelled(accepted) || orders.review(accepted).is_some() {
            findings.doubled.push(format!("fraud: {} still waits for a review", accepted.order_id));
        }
    }
}
