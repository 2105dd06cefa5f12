//! The tax ledger and its sums.

use std::collections::BTreeMap;

use switchyard_events::Usd;
use tax::{MonthlySums, Tax, rollup_key};

use crate::support::{TestOrder, TestStack, apply_orders, new_harness, text};

#[tokio::test]
async fn shuffled_duplicate_orders_keep_ledger_equal_to_sums() {
    let stack = TestStack::shared().await;
    let (harness, batch) = new_harness(&stack, Tax).await;
    let regions = ["CA", "NY", "ZZ", "007"];
    let orders: Vec<_> = (0..60).map(|_| TestOrder::random(&regions, "2025-11-15", 60)).collect();
    let mut thrice = [orders.clone(), orders.clone(), orders.clone()].concat();
    fastrand::shuffle(&mut thrice);
    apply_orders(&harness, &batch, &thrice).await;

    let mut ledger: BTreeMap<(String, String), (Usd, Usd, u64)> = BTreeMap::new();
    let lines: Vec<_> = harness.rows().await.into_iter().filter(|row| text(row, "sk").starts_with("LEDGER#")).collect();
    assert_eq!(lines.len(), orders.len());
    for line in &lines {
        let sum = ledger.entry((text(line, "jurisdiction"), text(line, "year"))).or_default();
        sum.0 += Usd::parse(&text(line, "taxable_usd")).unwrap();
        sum.1 += Usd::parse(&text(line, "exempt_usd")).unwrap();
        sum.2 += 1;
    }
    for ((jurisdiction, year), (taxable, exempt, transactions)) in ledger {
        let there = orders
            .iter()
            .filter(|order| format!("US-{}", order.region) == jurisdiction && order.day().starts_with(&year));
        let cents = |taxable| Usd::from_cents(there.clone().map(|order| order.cents(Some(taxable))).sum());
        assert_eq!((taxable, exempt), (cents(true), cents(false)), "{jurisdiction} {year}");

        let year: i16 = year.parse().unwrap();
        let sums = MonthlySums::read(&harness.table, &jurisdiction, [year]).await.unwrap().year(year);
        assert_eq!((sums.taxable, sums.exempt, sums.transactions), (taxable, exempt, transactions));
        assert_eq!(sums.revenue, taxable + exempt);
        let taxed = there.filter(|order| order.cents(Some(true)) > 0).count();
        assert_eq!(sums.taxable_transactions, u64::try_from(taxed).unwrap());
        // All rows under the key of a year add up to the year, too.
        let all = harness.table.sum_shards(&rollup_key(&jurisdiction, year)).await.unwrap();
        assert_eq!(all["revenue_usd"], sums.revenue.decimal());
    }
}
