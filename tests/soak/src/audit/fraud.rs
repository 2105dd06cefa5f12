//! Each user's profile counts each order of the user once. Of a cancelled order it keeps only the time.

use rust_decimal::Decimal;
use switchyard_chassis::Item;

use super::evidence::{Evidence, rows};
use super::fate::Fates;
use super::findings::Findings;
use super::sums::{Sums, add, number};

/// The number of times that a profile keeps.
const MAX_TIMES: u32 = 50;

pub(super) fn audit(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let (mut expected, mut found) = (Sums::new(), Sums::new());
    for kept in Fates::new(evidence).kept() {
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
}
