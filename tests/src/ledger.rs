//! The tax ledger and its sums.

use std::collections::BTreeMap;

use switchyard_events::Usd;
use tax::{MonthlySums, Tax, rollup_key};

use crate::sold::{Sold, bench, feed};
use crate::world::{World, text};

#[tokio::test]
async fn ledger_and_sums_agree_to_the_cent_when_every_order_comes_three_times_in_any_order() {
    let world = World::shared().await;
    let (bench, batch) = bench(&world, Tax).await;
    let regions = ["CA", "NY", "ZZ", "007"];
    let orders: Vec<_> = (0..60).map(|_| Sold::any(&regions, "2025-11-15", 60)).collect();
    let mut thrice = [orders.clone(), orders.clone(), orders.clone()].concat();
    fastrand::shuffle(&mut thrice);
    feed(&bench, &batch, &thrice).await;

    let mut ledger: BTreeMap<(String, String), (Usd, Usd, u64)> = BTreeMap::new();
    let lines: Vec<_> = bench.rows().await.into_iter().filter(|row| text(row, "sk").starts_with("LEDGER#")).collect();
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
        let sums = MonthlySums::read(&bench.table, &jurisdiction, [year]).await.unwrap().year(year);
        assert_eq!((sums.taxable, sums.exempt, sums.transactions), (taxable, exempt, transactions));
        assert_eq!(sums.revenue, taxable + exempt);
        let taxed = there.filter(|order| order.cents(Some(true)) > 0).count();
        assert_eq!(sums.taxable_transactions, u64::try_from(taxed).unwrap());
        // A year is also what all rows under its key come to, for who does not care about months.
        let all = bench.table.sum_shards(&rollup_key(&jurisdiction, year)).await.unwrap();
        assert_eq!(all["revenue_usd"], sums.revenue.decimal());
    }
}
