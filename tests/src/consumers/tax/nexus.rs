//! Nexus thresholds: each crossing is announced once.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;
use switchyard_chassis::conformance::ConsumerHarness;
use switchyard_chassis::{Clock, Failure, Job, Scheduled};
use switchyard_events::{
    CountedSales, DomainEvent, NexusThresholdCrossed, OutboxEntry, RequiredThresholds, Usd, parse_body,
};
use tax::{NexusJob, Tax, Threshold, Thresholds, TransactionRule, rollup_key};
use tokio::time::Instant;
use yard::tax::{StateTaxLine, TaxReport};

use crate::support::{TestOrder, TestStack, apply_orders, new_batch, new_harness, text};

/// A run of the job at the harness's time; returns the announced crossings.
async fn run(harness: &ConsumerHarness) -> Vec<String> {
    run_at(harness, harness.clock.clone()).await
}

async fn run_at(harness: &ConsumerHarness, clock: Clock) -> Vec<String> {
    let did = try_run(harness, clock).await.unwrap();
    did["announced"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

async fn try_run(harness: &ConsumerHarness, clock: Clock) -> Result<Value, Failure> {
    let deadline = Instant::now() + Duration::from_mins(1);
    let job = Job::new(NexusJob::NAME, NexusJob::PRODUCER, harness.table.clone(), clock, deadline).unwrap();
    NexusJob.run(&job).await
}

async fn sell(harness: &ConsumerHarness, orders: &[TestOrder]) {
    apply_orders(harness, &new_batch(harness, Tax), orders).await;
}

/// The events in the outboxes of the rows of crossed thresholds.
async fn crossings(harness: &ConsumerHarness) -> Vec<NexusThresholdCrossed> {
    let rows = harness.rows().await;
    let rows = rows.iter().filter(|row| text(row, "sk").starts_with("CROSSED#"));
    let facts = rows.flat_map(|row| OutboxEntry::from_attribute(&text(row, "outbox")).unwrap());
    facts.map(|entry| fact(&format!(r#"{{"detail":{}}}"#, entry.detail.get()))).collect()
}

pub fn fact(body: &str) -> NexusThresholdCrossed {
    NexusThresholdCrossed::parse(&parse_body(body).unwrap()).unwrap()
}

fn line<'a>(report: &'a TaxReport, state: &str) -> &'a StateTaxLine {
    report.states.iter().find(|line| line.jurisdiction == format!("US-{state}")).unwrap()
}

#[tokio::test]
async fn repeated_and_concurrent_runs_announce_crossing_once() {
    let stack = TestStack::shared().await;
    let (harness, _) = new_harness(&stack, Tax).await;
    // In South Carolina exactly $100,000 is not enough.
    let orders = [
        TestOrder::new("SC", "2026-01-01T00:00:00Z", 4_000_001),
        TestOrder::new("SC", "2026-05-26T10:00:00Z", 5_999_999),
    ];
    sell(&harness, &orders).await;
    assert_eq!(run(&harness).await, Vec::<String>::new());
    sell(&harness, &[TestOrder::new("SC", "2026-05-26T11:00:00Z", 1)]).await;
    let (one, other) = tokio::join!(run(&harness), run(&harness));
    assert_eq!([one, other].concat(), ["US-SC.2026"]);
    sell(&harness, &[TestOrder::new("SC", "2026-05-26T12:00:00Z", 7_000_000)]).await;
    for _ in 0..3 {
        assert_eq!(run(&harness).await, Vec::<String>::new());
    }
    let crossings = crossings(&harness).await;
    assert_eq!(crossings.len(), 1);
    let crossed = &crossings[0];
    assert_eq!((crossed.sales_usd, crossed.transactions), (Usd::from_cents(10_000_001), 3));
    assert_eq!((crossed.threshold_usd, crossed.needs), (Usd::from_cents(10_000_000), RequiredThresholds::Amount));
    assert_eq!((crossed.counts, crossed.noticed_at), (CountedSales::Gross, harness.clock.now()));
    assert_eq!(
        (crossed.period_from.to_string(), crossed.period_to.to_string()),
        ("2026-01-01".into(), "2026-12-31".into())
    );
}

#[tokio::test]
async fn concurrent_batches_crossing_together_announce_once() {
    let stack = TestStack::shared().await;
    let (harness, _) = new_harness(&stack, Tax).await;
    let (one, other) = (new_batch(&harness, Tax), new_batch(&harness, Tax));
    let half = || -> Vec<String> {
        let orders = (0..10).map(|_| TestOrder::new("KS", "2026-03-03T00:00:00Z", 510_000));
        orders.map(|order| order.body()).collect()
    };
    let mut first = harness.receive(&[half(), half()].concat()).await;
    let second = first.split_off(10);
    let runs = async {
        let mut announced = Vec::new();
        for _ in 0..5 {
            announced.extend(run(&harness).await);
        }
        announced
    };
    let (_, _, mut announced) = tokio::join!(harness.process(&one, first), harness.process(&other, second), runs);
    announced.extend(run(&harness).await);
    assert_eq!(announced, ["US-KS.2026"]);
    assert_eq!(crossings(&harness).await.len(), 1);
}

#[tokio::test]
async fn exempt_sales_count_only_in_states_that_count_them() {
    let stack = TestStack::shared().await;
    let (harness, _) = new_harness(&stack, Tax).await;
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
    let (harness, batch) = new_harness(&stack, Tax).await;
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
    let (harness, _) = new_harness(&stack, Tax).await;
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
async fn december_crossing_is_announced_until_january_ends() {
    let stack = TestStack::shared().await;
    let at = |moment: &str| Clock::fixed(moment.parse().unwrap());
    for (moment, expected) in
        [("2027-01-31T23:00:00Z", vec!["US-SC.2026".to_owned()]), ("2027-02-01T00:00:00Z", vec![])]
    {
        let (harness, _) = new_harness(&stack, Tax).await;
        sell(&harness, &[TestOrder::new("SC", "2026-12-31T23:59:59Z", 10_000_001)]).await;
        assert_eq!(run_at(&harness, at(moment)).await, expected);
    }
}

#[tokio::test]
async fn unreadable_sum_fails_run_but_announces_other_states() {
    let stack = TestStack::shared().await;
    let (harness, _) = new_harness(&stack, Tax).await;
    sell(&harness, &[TestOrder::new("SC", "2026-01-01T00:00:00Z", 10_000_001)]).await;
    let broken = rollup_key("US-AL", 2026);
    let put = harness.table.client().put_item().table_name(harness.table.name());
    let put = put.item("pk", AttributeValue::S(broken.pk)).item("sk", AttributeValue::S(format!("{}#05#0", broken.sk)));
    put.item("revenue_usd", AttributeValue::S("a lot".into())).send().await.unwrap();
    let failure = try_run(&harness, harness.clock.clone()).await.unwrap_err();
    assert_eq!(failure.to_string(), "unreadable_sum: the revenue_usd of the row YEAR#2026#05#0");
    assert_eq!(crossings(&harness).await.len(), 1);
}

#[tokio::test]
async fn one_run_announces_all_states_that_cross() {
    let stack = TestStack::shared().await;
    let (harness, batch) = new_harness(&stack, Tax).await;
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
    assert_eq!((run(&harness).await, taxing.len()), (expected, 46));
    assert_eq!(run(&harness).await, Vec::<String>::new());
}

#[tokio::test]
async fn yard_tax_shows_sales_remainder_and_announcement() {
    let stack = TestStack::shared().await;
    let (harness, _) = new_harness(&stack, Tax).await;
    let orders = [
        TestOrder::new("WY", "2031-07-01T00:00:00Z", 10_000_100),
        TestOrder::new("GA", "2031-07-01T00:00:00Z", 2_500_050),
        TestOrder::new("OR", "2031-07-01T00:00:00Z", 5_000),
    ];
    sell(&harness, &orders).await;
    run_at(&harness, Clock::fixed("2031-07-02T00:00:00Z".parse().unwrap())).await;
    let report = TaxReport::read_table(&harness.table, 2031).await.unwrap();
    assert_eq!(report.states[0].jurisdiction, "US-WY", "the nearest comes first");
    let wyoming = line(&report, "WY").nexus.as_ref().unwrap();
    assert!(wyoming.crossed && wyoming.announced_at.as_deref().unwrap().starts_with("2031-07-02"));
    let georgia = line(&report, "GA").nexus.as_ref().unwrap();
    assert_eq!((georgia.sales_left_usd, georgia.transactions_left), (Usd::from_cents(7_499_951), Some(199)));
    assert!(!georgia.crossed && georgia.announced_at.is_none());
    let page = report.render();
    for shown in [
        "$100,001.00",
        "crossed, announced 2031-07-02",
        "$74,999.51 or 199 orders",
        "no sales tax",
        "nothing sold into AK",
    ] {
        assert!(page.contains(shown), "{shown}\n{page}");
    }
    assert_eq!(line(&TaxReport::read_table(&harness.table, 2030).await.unwrap(), "WY").transactions, 0);
}
