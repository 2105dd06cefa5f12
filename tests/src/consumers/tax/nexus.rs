//! Nexus thresholds: each crossing is announced once.

use aws_sdk_dynamodb::types::AttributeValue;
use switchyard_chassis::Clock;
use switchyard_events::{CountedSales, RequiredThresholds, Usd};
use tax::{Tax, rollup_key};
use yard::tax::TaxReport;

use super::nexus_fixture::{crossings, line, run, run_at, sell, try_run};
use crate::support::{TestOrder, TestStack, new_batch, new_harness};

#[tokio::test]
async fn repeated_and_concurrent_runs_announce_crossing_once() {
    let stack = TestStack::shared().await;
    let (harness, _) = new_harness(&stack, Tax::default()).await;
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
    let (harness, _) = new_harness(&stack, Tax::default()).await;
    let (one, other) = (new_batch(&harness, Tax::default()), new_batch(&harness, Tax::default()));
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
async fn unreadable_sum_fails_run_but_announces_other_states() {
    let stack = TestStack::shared().await;
    let (harness, _) = new_harness(&stack, Tax::default()).await;
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
async fn yard_tax_shows_sales_remainder_and_announcement() {
    let stack = TestStack::shared().await;
    let (harness, _) = new_harness(&stack, Tax::default()).await;
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
