//! Each state whose threshold the orders pass, and no other, is announced once.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use switchyard_chassis::Item;

use super::{Evidence, Findings, rows};

/// A state where the soak's orders go, in dollars and orders: what has to be exceeded, and whether only taxable sales count. Oregon
/// has no sales tax. As of `functions/tax/data/nexus_thresholds.json`, which names the sources; Texas says "or more", which is the same
/// unless it is exactly that.
const THRESHOLDS: [(&str, i64, usize, bool); 5] = [
    ("CA", 500_000, 0, false),
    ("FL", 100_000, 0, true),
    ("NY", 500_000, 100, false),
    ("TX", 500_000, 0, false),
    ("WA", 100_000, 0, false),
];

pub(super) fn audit(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let passed = THRESHOLDS.into_iter().filter(|(region, dollars, transactions, taxable_only)| {
        let orders = evidence.accepted.iter().map(|accepted| &accepted.cart).filter(|cart| cart.region == *region);
        let sales: Decimal =
            orders.clone().map(|cart| if *taxable_only { cart.part(true) } else { cart.total() }).sum();
        let counted = orders.filter(|cart| !taxable_only || !cart.part(true).is_zero()).count();
        sales > Decimal::from(*dollars) && counted > *transactions
    });
    let expected: BTreeSet<_> = passed.map(|(region, ..)| format!("US-{region}")).collect();
    let found = rows(table, "JURISDICTION#", "CROSSED#").map(|(key, _)| key.pk["JURISDICTION#".len()..].to_owned());
    findings.same("tax: threshold passed", &expected, &found.collect());
}
