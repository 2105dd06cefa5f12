//! Nexus thresholds: each state's rules for sales, transactions and periods.

use switchyard_chassis::Clock;
use switchyard_events::{RequiredThresholds, Usd};
use tax::{Tax, Threshold, Thresholds, TransactionRule};
use yard::tax::TaxReport;

use super::nexus_fixture::{crossings, line, run, run_at, sell};
use crate::support::{TestOrder, TestStack, apply_bodies, apply_orders, new_harness};

#[tokio::test]
async fn exempt_sales_count_only_in_states_that_count_them() {
    let stack = TestStack::shared().await;
    let (harness, _) = new_harness(&stack, Tax::default()).await;
    let mut orders = Vec::new();
    // All sales in South Dakota, retail sales in Colorado, only taxable ones in Florida and North Dakota.
    for state in ["SD", "CO", "FL", "ND"] {
        orders.push(TestOrder::new(state, "2026-02-02T00:00:00Z", 9_000_000).exempt());
        orders.push(TestOrder::new(state, "2026-02-03T00:00:00Z", 2_000_000));
    }
    sell(&harness, &orders).await;
    assert_eq!(run(&harness).await, ["US-CO.2026", "US-SD.2026"]);
    let report = TaxReport::read_table(&harness.table, 2026).await.unwrap();
    let florida = line(&report, "FL");
    assert_eq!((florida.taxable_usd, florida.exempt_usd), (Usd::from_cents(2_000_000), Usd::from_cents(9_000_000)));
    let nexus = florida.nexus.as_ref().unwrap();
    assert_eq!((nexus.sales_usd, nexus.sales_left_usd), (Usd::from_cents(2_000_000), Usd::from_cents(8_000_001)));
    sell(&harness, &[TestOrder::new("FL", "2026-02-04T00:00:00Z", 8_000_001)]).await;
    assert_eq!(run(&harness).await, ["US-FL.2026"]);
}

#[tokio::test]
async fn transaction_limit_is_alternative_or_condition_by_state() {
    let stack = TestStack::shared().await;
    let (harness, batch) = new_harness(&stack, Tax::default()).await;
    let many = |state, number, cents| -> Vec<TestOrder> {
        (0..number).map(|_| TestOrder::new(state, "2026-04-01T00:00:00Z", cents)).collect()
    };
    // Georgia: 200 orders are enough. New York: $500,000 count only with more than 100 orders.
    apply_orders(&harness, &batch, &many("GA", 199, 100)).await;
    apply_orders(&harness, &batch, &many("NY", 100, 600_000)).await;
    assert_eq!(run(&harness).await, Vec::<String>::new());
    apply_orders(&harness, &batch, &[many("GA", 1, 100), many("NY", 1, 100)].concat()).await;
    assert_eq!(run(&harness).await, ["US-GA.2026", "US-NY.2026"]);
    let crossings = crossings(&harness).await;
    let crossing = |state: &str| crossings.iter().find(|crossed| crossed.jurisdiction.as_str() == state).unwrap();
    assert_eq!(
        (crossing("US-GA").needs, crossing("US-GA").threshold_transactions),
        (RequiredThresholds::Either, Some(200))
    );
    assert_eq!((crossing("US-NY").needs, crossing("US-NY").transactions), (RequiredThresholds::Both, 101));
    // New York's sales tax quarters: the year to the end of May.
    assert_eq!(crossing("US-NY").period_to.to_string(), "2026-11-30");
}

#[tokio::test]
async fn rolling_twelve_months_span_new_year() {
    let stack = TestStack::shared().await;
    let (harness, _) = new_harness(&stack, Tax::default()).await;
    let mut orders = Vec::new();
    for (state, cents) in [("TX", 30_000_000), ("TN", 6_000_000), ("IL", 6_000_000), ("SC", 6_000_000)] {
        orders.push(TestOrder::new(state, "2025-11-20T00:00:00Z", cents));
        orders.push(TestOrder::new(state, "2026-02-20T00:00:00Z", cents));
    }
    // In Connecticut the year begins in October.
    orders.extend((0..200).map(|_| TestOrder::new("CT", "2025-10-01T00:00:00Z", 50_000)));
    sell(&harness, &orders).await;
    assert_eq!(run(&harness).await, ["US-CT.2026", "US-IL.2026", "US-TN.2026", "US-TX.2026"]);
}

#[tokio::test]
async fn crossing_is_announced_until_the_next_year_ends() {
    let stack = TestStack::shared().await;
    let at = |moment: &str| Clock::fixed(moment.parse().unwrap());
    let announced = || vec!["US-SC.2026".to_owned()];
    for (moment, expected) in [
        ("2027-01-31T23:00:00Z", announced()),
        ("2027-02-01T00:00:00Z", announced()),
        ("2027-12-31T23:59:59Z", announced()),
        ("2028-01-01T00:00:00Z", vec![]),
    ] {
        let (harness, _) = new_harness(&stack, Tax::default()).await;
        sell(&harness, &[TestOrder::new("SC", "2026-12-31T23:59:59Z", 10_000_001)]).await;
        assert_eq!(run_at(&harness, at(moment)).await, expected, "{moment}");
    }
}

#[tokio::test]
async fn window_that_ends_next_year_is_announced_once_crossed() {
    let stack = TestStack::shared().await;
    let (harness, batch) = new_harness(&stack, Tax::default()).await;
    // Connecticut's year begins in October, New York's quarter in December. Texas counts any twelve months: no need to wait, and
    // no second announcement for next year.
    apply_orders(
        &harness,
        &batch,
        &(0..200).map(|_| TestOrder::new("CT", "2026-10-01T00:00:00Z", 50_001)).collect::<Vec<_>>(),
    )
    .await;
    let october = Clock::fixed("2026-10-02T00:00:00Z".parse().unwrap());
    let december = Clock::fixed("2026-12-02T00:00:00Z".parse().unwrap());
    assert_eq!(run_at(&harness, october).await, ["US-CT.2027"]);
    let new_york = (0..101).map(|_| TestOrder::new("NY", "2026-12-01T00:00:00Z", 500_000));
    let texas = TestOrder::new("TX", "2026-12-01T00:00:00Z", 50_000_000);
    apply_orders(&harness, &batch, &new_york.chain([texas]).collect::<Vec<_>>()).await;
    assert_eq!(run_at(&harness, december.clone()).await, ["US-NY.2027", "US-TX.2026"]);
    assert_eq!(run_at(&harness, december).await, Vec::<String>::new());
}

#[tokio::test]
async fn cancellation_lowers_progress_but_announcement_stays() {
    let stack = TestStack::shared().await;
    let (harness, batch) = new_harness(&stack, Tax::default()).await;
    let orders = [
        TestOrder::new("SC", "2026-02-01T00:00:00Z", 9_000_000),
        TestOrder::new("SC", "2026-03-01T00:00:00Z", 2_000_000),
        TestOrder::new("KS", "2026-02-01T00:00:00Z", 9_000_000),
        TestOrder::new("KS", "2026-03-01T00:00:00Z", 2_000_000),
    ];
    apply_orders(&harness, &batch, &orders).await;
    // Cancelled before the job saw the crossing: it is not announced.
    apply_bodies(&harness, &batch, &[orders[1].cancellation_body()]).await;
    assert_eq!(run(&harness).await, ["US-KS.2026"]);
    apply_bodies(&harness, &batch, &[orders[3].cancellation_body()]).await;
    assert_eq!(run(&harness).await, Vec::<String>::new());
    let report = TaxReport::read_table(&harness.table, 2026).await.unwrap();
    for (state, announced) in [("SC", false), ("KS", true)] {
        let nexus = line(&report, state).nexus.clone().unwrap();
        assert_eq!((nexus.sales_usd, nexus.crossed), (Usd::from_cents(9_000_000), false), "{state}");
        assert_eq!(nexus.announced_at.is_some(), announced, "{state}");
    }
    // Announced once, even if the threshold is crossed again.
    sell(&harness, &[TestOrder::new("KS", "2026-04-01T00:00:00Z", 5_000_000)]).await;
    assert_eq!(run(&harness).await, Vec::<String>::new());
    assert_eq!(crossings(&harness).await.len(), 1);
}

#[tokio::test]
async fn one_run_announces_all_states_that_cross() {
    let stack = TestStack::shared().await;
    let (harness, batch) = new_harness(&stack, Tax::default()).await;
    let states = Thresholds::embedded().unwrap().states;
    let mut orders = Vec::new();
    for state in &states {
        let region: &'static str = state.jurisdiction.as_str()[3..].to_owned().leak();
        let number = match state.threshold {
            Some(Threshold { transactions: TransactionRule::And(limit), .. }) => limit.value() + 1,
            _ => 1,
        };
        // March is in the period of every state whose period ends in this year.
        orders.extend((0..number).map(|_| TestOrder::new(region, "2026-03-15T00:00:00Z", 60_000_000)));
    }
    apply_orders(&harness, &batch, &orders).await;
    let taxing: Vec<_> = states.iter().filter(|state| state.threshold.is_some()).collect();
    let expected: Vec<_> = taxing.iter().map(|state| format!("{}.2026", state.jurisdiction)).collect();
    assert_eq!((run(&harness).await, taxing.len()), (expected, 47));
    assert_eq!(run(&harness).await, Vec::<String>::new());
}
