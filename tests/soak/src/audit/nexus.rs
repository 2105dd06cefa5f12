//! Each state whose threshold the orders cross is announced once. A state that crosses it only with orders that were cancelled later may
//! be announced or not; any other is not.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use switchyard_chassis::Item;

use super::evidence::{Evidence, rows};
use super::expected_orders::ExpectedOrders;
use super::findings::Findings;
use crate::cart::AcceptedOrder;

/// The sales and the orders that must be exceeded in one state.
struct Threshold {
    region: &'static str,
    dollars: i64,
    transactions: usize,
    /// Whether exempt sales do not count.
    taxable_only: bool,
}

/// The states that the soak ships to. Oregon has no sales tax. As of `functions/tax/data/nexus_thresholds.json`, which
/// names the sources. Texas requires "or more" instead of "more": the same, unless sales are exactly the threshold.
const THRESHOLDS: [Threshold; 5] = [
    Threshold { region: "CA", dollars: 500_000, transactions: 0, taxable_only: false },
    Threshold { region: "FL", dollars: 100_000, transactions: 0, taxable_only: true },
    Threshold { region: "NY", dollars: 500_000, transactions: 100, taxable_only: false },
    Threshold { region: "TX", dollars: 500_000, transactions: 0, taxable_only: false },
    Threshold { region: "WA", dollars: 100_000, transactions: 0, taxable_only: false },
];

impl Threshold {
    fn is_crossed<'a>(&self, orders: impl Iterator<Item = &'a AcceptedOrder>) -> bool {
        let orders = orders.map(|accepted| &accepted.cart).filter(|cart| cart.region == self.region);
        let sales = orders.map(|cart| if self.taxable_only { cart.subtotal(true) } else { cart.total() });
        let counted: Vec<_> = sales.filter(|sales| !self.taxable_only || !sales.is_zero()).collect();
        counted.iter().sum::<Decimal>() > Decimal::from(self.dollars) && counted.len() > self.transactions
    }
}

pub(super) fn audit(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let orders = ExpectedOrders::new(evidence);
    let name = |threshold: &Threshold| format!("US-{}", threshold.region);
    let kept = THRESHOLDS.iter().filter(|threshold| threshold.is_crossed(orders.kept()));
    let accepted = THRESHOLDS.iter().filter(|threshold| threshold.is_crossed(evidence.accepted.iter()));
    let (mut expected, allowed): (BTreeSet<_>, BTreeSet<_>) = (kept.map(name).collect(), accepted.map(name).collect());
    let found = rows(table, "JURISDICTION#", "CROSSED#").map(|(key, _)| key.pk["JURISDICTION#".len()..].to_owned());
    let found: BTreeSet<String> = found.collect();
    expected.extend(found.intersection(&allowed).cloned());
    findings.compare_sets("tax: threshold passed", &expected, &found);
}
