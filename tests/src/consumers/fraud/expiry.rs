//! The job that rejects flagged orders that were not reviewed in time.

use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use fraud::Verdict;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use switchyard_chassis::{Failure, Key, Row};

use super::fixture::{FraudFixture, cancelled, fact, ids, suspicious_order};
use crate::support::TestStack;

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[tokio::test]
async fn order_is_rejected_once_after_review_days() {
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    let flagged = ["ord_open", "ord_decided", "ord_gone"].map(str::to_owned);
    fixture.flag(&flagged).await;
    fixture.review("ord_decided", Verdict::Confirmed, "ada").await;
    fixture.apply(&[cancelled(&suspicious_order("ord_gone"))]).await;
    fixture.advance(7 * DAY - SignedDuration::from_secs(1));
    assert_eq!(fixture.expire_after(7).await.unwrap()["rejected"], 0);
    fixture.flag(&["ord_later".to_owned()]).await;
    fixture.advance(SignedDuration::from_secs(1));
    let mut rejected = Vec::new();
    for _ in 0..3 {
        rejected.push(fixture.expire_after(7).await.unwrap()["rejected"].clone());
    }
    assert_eq!(rejected, [1, 0, 0]);
    let expected = ("OrderRejected", "switchyard", "not reviewed within 7 days");
    let (event, reviewer, reason) = fixture.decision("ord_open").await.unwrap();
    assert_eq!((event.as_str(), reviewer.as_str(), reason.as_str()), expected);
    let row = fixture.order_row("ord_open", "REVIEW").await.unwrap();
    assert_eq!(fact(&row)["detail"]["data"]["cause"], "expiry");
    assert_eq!(fixture.decision("ord_decided").await.unwrap().1, "ada");
    assert_eq!(fixture.decision("ord_gone").await, None);
    assert_eq!(fixture.waiting().await, ["ord_later"]);
}

#[tokio::test]
async fn review_days_decide_when_an_order_expires() {
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    fixture.flag(&["ord_1".to_owned()]).await;
    fixture.advance(2 * DAY);
    assert_eq!(fixture.expire_after(3).await.unwrap()["rejected"], 0);
    assert_eq!(fixture.expire_after(2).await.unwrap()["rejected"], 1);
}

/// Orders of one partition of the index, more than one query returns.
#[tokio::test]
async fn orders_behind_the_first_page_expire_too() {
    const DUE: usize = 203;
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    let partition = |id: &String| {
        let row = Row::new(Key::new(format!("ORDER#{id}"), "SCORE")).pending("REVIEW", Timestamp::UNIX_EPOCH);
        row.into_item()["pending"].as_s().unwrap().clone()
    };
    let mut same: Vec<_> = ids("page", 64 * 400).into_iter().filter(|id| partition(id) == "REVIEW#0").collect();
    same.truncate(DUE + 2);
    assert_eq!(same.len(), DUE + 2);
    let later = same.split_off(DUE);
    fixture.flag(&same).await;
    fixture.advance(DAY);
    fixture.flag(&later).await;
    // Another partition, whose only order is not due.
    let other = ids("other", 2000).into_iter().find(|id| partition(id) == "REVIEW#7").unwrap();
    fixture.flag(std::slice::from_ref(&other)).await;
    fixture.advance(6 * DAY);
    assert_eq!(fixture.expire_after(7).await.unwrap()["rejected"], DUE);
    let mut waiting = fixture.waiting().await;
    waiting.sort();
    let mut expected = [later, vec![other]].concat();
    expected.sort();
    assert_eq!(waiting, expected);
}

#[tokio::test]
async fn run_begins_nothing_after_its_deadline() {
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    fixture.flag(&["ord_1".to_owned()]).await;
    fixture.advance(7 * DAY);
    let failure = fixture.expire_within(7, Duration::ZERO).await.unwrap_err();
    assert!(matches!(failure, Failure::Retry { .. }), "{failure}");
    assert_eq!(fixture.decision("ord_1").await, None);
    assert_eq!(fixture.expire_after(7).await.unwrap()["rejected"], 1);
}

/// The deployed job has every permission that it needs: for the index, the search of the whole table, and its writes.
#[tokio::test]
async fn deployed_job_reads_index_and_searches_table() {
    let stack = TestStack::shared().await;
    let function = format!("{}-fraud-expiry", stack.deployed.name);
    let call = stack.cloud.lambda.invoke().function_name(function).payload(Blob::new("{}"));
    let answer = call.send().await.unwrap();
    let payload = answer.payload.unwrap_or_else(|| Blob::new("")).into_inner();
    assert_eq!(answer.function_error, None, "{}", String::from_utf8_lossy(&payload));
    let summary: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(summary["rejected"], 0, "{summary}");
    let search = stack.query(stack.table_of("fraud"), "JOB#fraud-expiry").await;
    assert!(search[0].contains_key("first_run_at"), "{search:?}");
}
