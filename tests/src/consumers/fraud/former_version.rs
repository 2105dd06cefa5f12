//! Rows of the version before the review list: flagged orders that are not in the index, and profiles without cancellations.

use aws_sdk_dynamodb::types::AttributeValue;
use fraud::{ReviewOutcome, Verdict};
use jiff::SignedDuration;
use switchyard_chassis::{Key, Row};

use super::fixture::{FraudFixture, cancelled, ids, order, placed, suspicious_order};
use crate::support::{TestStack, text};

impl FraudFixture {
    /// Makes an order's score a row of the former version.
    async fn make_former(&self, id: &str) {
        let update = self.harness.table.client().update_item().table_name(self.harness.table.name());
        let update = update.key("pk", AttributeValue::S(format!("ORDER#{id}")));
        let update = update.key("sk", AttributeValue::S("SCORE".into()));
        update.update_expression("REMOVE pending, pending_since, total_usd").send().await.unwrap();
    }

    async fn flag_in_former_version(&self, ids: &[&str]) {
        self.flag(&ids.iter().map(|&id| id.to_owned()).collect::<Vec<_>>()).await;
        for id in ids {
            self.make_former(id).await;
        }
    }
}

#[tokio::test]
async fn flagged_order_of_former_version_can_be_reviewed() {
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    fixture.flag_in_former_version(&["ord_1", "ord_2"]).await;
    for (id, verdict) in [("ord_1", Verdict::Confirmed), ("ord_2", Verdict::Rejected)] {
        let outcome = fixture.review(id, verdict, "ada").await;
        assert!(matches!(outcome, ReviewOutcome::Decided(_)), "{outcome:?}");
        assert_eq!(fixture.decision(id).await.unwrap().1, "ada");
    }
    assert_eq!(fixture.expire_after(7).await.unwrap()["listed"], 0);
}

#[tokio::test]
async fn job_lists_flagged_orders_of_former_version() {
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    let former = ["ord_open", "ord_former_review", "ord_cancelled"];
    fixture.flag_in_former_version(&former).await;
    fixture.apply(&[cancelled(&suspicious_order("ord_cancelled"))]).await;
    let review = Row::new(Key::new("ORDER#ord_former_review", "REVIEW")).set("score", 70_u8).set("event_id", "evt_1");
    fixture.harness.table.put(review).await.unwrap();
    // Not flagged, so it is none of the job's business.
    fixture.apply(&[placed(&order("ord_plain", "usr_plain", 0))]).await;
    let flagged_at = fixture.harness.clock.now();
    assert_eq!(fixture.waiting().await, Vec::<String>::new());

    // The search does not depend on the age of the order, and gives reviewers the full time.
    fixture.advance(SignedDuration::from_hours(30 * 24));
    let run = fixture.expire_after(7).await.unwrap();
    assert_eq!((&run["listed"], &run["rejected"]), (&1.into(), &0.into()));
    let waiting = fraud::waiting_orders(&fixture.harness.table).await.unwrap();
    let shown = waiting.iter().map(|order| (order.order_id.as_str(), order.flagged_at, order.total_usd));
    assert_eq!(shown.collect::<Vec<_>>(), [("ord_open", Some(flagged_at), None)]);
    assert_eq!(fixture.expire_after(7).await.unwrap()["listed"], 0);

    // A function of the former version may still have been running.
    fixture.flag_in_former_version(&["ord_during_update"]).await;
    fixture.advance(SignedDuration::from_hours(1));
    assert_eq!(fixture.expire_after(7).await.unwrap()["listed"], 1);
    let search = fixture.row("JOB#fraud-expiry".into(), "UNLISTED").await.unwrap();
    assert!(search.contains_key("done_at"), "{search:?}");
    fixture.advance(SignedDuration::from_hours(7 * 24));
    assert_eq!(fixture.expire_after(7).await.unwrap()["rejected"], 2);
    assert_eq!(text(&fixture.order_row("ord_open", "REVIEW").await.unwrap(), "reviewer"), "switchyard");
}

#[tokio::test]
async fn search_that_is_cut_off_goes_on_in_the_next_run() {
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    let ids = ids("cut", 30);
    fixture.flag_in_former_version(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let now = fixture.harness.clock.now();
    let half = Row::new(Key::new("JOB#fraud-expiry", "UNLISTED")).set("first_run_at", now).set("started_at", now);
    // The scan of a former run stopped after one of the rows.
    let rows = fixture.harness.rows().await;
    let last = rows.iter().filter(|row| text(row, "sk") == "SCORE").nth(14).unwrap();
    fixture.harness.table.put(half.set("after_pk", text(last, "pk")).set("after_sk", "SCORE")).await.unwrap();
    let first = fixture.expire_after(7).await.unwrap()["listed"].as_u64().unwrap();
    let second = fixture.expire_after(7).await.unwrap()["listed"].as_u64().unwrap();
    assert_eq!((first + second, (1..30).contains(&first)), (30, true), "{first} {second}");
    assert_eq!(fixture.waiting().await.len(), 30);
}

#[tokio::test]
async fn profile_of_former_version_forgets_cancelled_order() {
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    let [one, other] = ["ord_1", "ord_2"].map(|id| order(id, "usr_former", 0));
    fixture.apply(&[placed(&one), placed(&other)]).await;
    let update = fixture.harness.table.client().update_item().table_name(fixture.harness.table.name());
    let update = update.key("pk", AttributeValue::S("USER#usr_former".into()));
    let update = update.key("sk", AttributeValue::S("PROFILE".into()));
    update.update_expression("REMOVE early_cancellations").send().await.unwrap();
    fixture.apply(&[cancelled(&one)]).await;
    let profile = fixture.profile(&one).await;
    assert_eq!((profile.orders, profile.recent.times().len(), profile.early_cancellations), (1, 2, 0));
}
