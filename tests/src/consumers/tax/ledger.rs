//! The tax ledger and its sums.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use switchyard_chassis::Table;
use switchyard_events::Usd;
use tax::{MonthlySums, SellerTimeZone, Tax, rollup_key};

use crate::support::{
    TestOrder, TestStack, apply_bodies, apply_orders, new_harness, new_order, publish_order_and_cancellation, text,
    wait_until,
};

#[tokio::test]
async fn shuffled_duplicate_orders_keep_ledger_equal_to_sums() {
    let stack = TestStack::shared().await;
    let (harness, batch) = new_harness(&stack, Tax::default()).await;
    let regions = ["CA", "NY", "ZZ", "007"];
    let random = |count| (0..count).map(|_| TestOrder::random(&regions, "2025-11-15", 60)).collect::<Vec<_>>();
    let (orders, cancelled) = (random(45), random(20));
    let placed = orders.iter().chain(&cancelled).map(TestOrder::body);
    let bodies: Vec<_> = placed.chain(cancelled.iter().map(TestOrder::cancellation_body)).collect();
    let mut thrice = [bodies.clone(), bodies.clone(), bodies].concat();
    fastrand::shuffle(&mut thrice);
    apply_bodies(&harness, &batch, &thrice).await;

    let mut ledger: BTreeMap<(String, String), (Usd, Usd, i64)> = BTreeMap::new();
    let lines: Vec<_> = harness.rows().await.into_iter().filter(|row| text(row, "sk").starts_with("LEDGER#")).collect();
    assert_eq!(lines.len(), orders.len() + 2 * cancelled.len());
    for line in &lines {
        let sum = ledger.entry((text(line, "jurisdiction"), text(line, "year"))).or_default();
        sum.0 += Usd::parse(&text(line, "taxable_usd")).unwrap();
        sum.1 += Usd::parse(&text(line, "exempt_usd")).unwrap();
        sum.2 += if text(line, "sk").ends_with("#REVERSAL") { -1 } else { 1 };
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
        assert_eq!(sums.taxable_transactions, i64::try_from(taxed).unwrap());
        // All rows under the key of a year add up to the year, too.
        let all = harness.table.sum_shards(&rollup_key(&jurisdiction, year)).await.unwrap();
        assert_eq!(all["revenue_usd"], sums.revenue.decimal());
    }
}

#[tokio::test]
async fn published_cancellation_reverses_ledger_line() {
    let stack = TestStack::shared().await;
    // No other test sells there.
    let order = new_order("MP", &["MUG-01", "TEA-07"]);
    publish_order_and_cancellation(&stack, &order).await;
    let pk = format!("ORDER#{}", order.order_id);
    let lines = async || stack.query(stack.table_of("tax"), &pk).await;
    wait_until("both events are applied", async || lines().await.len() == 2).await;
    let lines = lines().await;
    assert_eq!(
        lines.iter().map(|line| text(line, "sk")).collect::<Vec<_>>(),
        ["LEDGER#US-MP", "LEDGER#US-MP#REVERSAL"]
    );
    let taxable = |line| Usd::parse(&text(line, "taxable_usd")).unwrap();
    assert_eq!((taxable(&lines[0]), taxable(&lines[1])), (order.total_usd, -order.total_usd));
    let table = Table::new(stack.cloud.dynamodb.clone(), stack.table_of("tax"));
    let year = order.placed_at.to_zoned(TimeZone::UTC).year();
    let sums = MonthlySums::read(&table, "US-MP", [year]).await.unwrap().year(year);
    assert_eq!((sums.revenue, sums.transactions), (Usd::ZERO, 0));
}

#[tokio::test]
async fn month_and_year_are_those_of_the_seller() {
    let stack = TestStack::shared().await;
    let new_york = || "America/New_York".parse::<SellerTimeZone>().unwrap();
    let (harness, batch) = new_harness(&stack, Tax::in_time_zone(new_york())).await;
    let orders =
        [TestOrder::new("SC", "2027-01-01T04:59:59Z", 100), TestOrder::new("SC", "2027-01-01T05:00:00Z", 1_000)];
    apply_orders(&harness, &batch, &orders).await;
    let revenue = async |year| MonthlySums::read(&harness.table, "US-SC", [year]).await.unwrap().year(year).revenue;
    assert_eq!((revenue(2026).await, revenue(2027).await), (Usd::from_cents(100), Usd::from_cents(1_000)));
    harness.clock.set("2027-01-10T00:00:00Z".parse().unwrap());
    apply_bodies(&harness, &batch, &[orders[0].cancellation_body()]).await;
    assert_eq!((revenue(2026).await, revenue(2027).await), (Usd::ZERO, Usd::from_cents(1_000)));
}

#[tokio::test]
async fn order_of_unknown_region_is_kept_in_ledger() {
    let stack = TestStack::shared().await;
    let (harness, batch) = new_harness(&stack, Tax::default()).await;
    apply_orders(&harness, &batch, &[TestOrder::new("ZZ", "2026-03-01T00:00:00Z", 100)]).await;
    let sums = MonthlySums::read(&harness.table, "US-ZZ", [2026]).await.unwrap().year(2026);
    assert_eq!((sums.revenue, sums.transactions), (Usd::from_cents(100), 1));
    assert!(harness.dead_letters().await.is_empty());
}
