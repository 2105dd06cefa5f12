//! Decisions about flagged orders, and the list of those that wait for one.

use std::collections::BTreeSet;
use std::time::Duration;

use fraud::{ReviewOutcome, StoredDecision, Verdict};
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use serde_json::json;
use switchyard_chassis::is_pending;
use switchyard_events::OrderId;
use switchyard_faults::{Fault, Rule};
use tokio::time::sleep;
use yard::StackError;
use yard::review::{ReviewFinding, decide};

use super::fixture::{
    FraudFixture, RACES, batch, cancelled, deployed_rows, fact, ids, order, placed, suspicious_cart, suspicious_order,
};
use crate::support::{FaultSetup, TestStack, new_cart, new_user_id, text, wait_until};

/// The decision in an outcome, and whether it is the one that was asked for now.
fn decided(outcome: ReviewOutcome) -> (StoredDecision, bool) {
    match outcome {
        ReviewOutcome::Decided(decision) => (decision, true),
        ReviewOutcome::AlreadyDecided(decision) => (decision, false),
        other => panic!("{other:?}"),
    }
}

/// The event of a verdict.
fn event_of(verdict: Verdict) -> String {
    match verdict {
        Verdict::Confirmed => "OrderConfirmed".into(),
        Verdict::Rejected => "OrderRejected".into(),
    }
}

#[tokio::test]
async fn races_of_confirm_and_reject_have_one_result() {
    let stack = TestStack::shared().await;
    let fixture = &FraudFixture::new(&stack).await;
    let ids = ids("cr", RACES);
    fixture.flag(&ids).await;
    let race = async |n: usize| {
        let id = &ids[n];
        let (confirm, reject) =
            (fixture.review(id, Verdict::Confirmed, "ada"), fixture.review(id, Verdict::Rejected, "bob"));
        // Either of the two is the first one to read.
        let (one, other) = if n.is_multiple_of(2) {
            futures_util::join!(confirm, reject)
        } else {
            let (reject, confirm) = futures_util::join!(reject, confirm);
            (confirm, reject)
        };
        let ((one, one_won), (other, other_won)) = (decided(one), decided(other));
        assert_ne!(one_won, other_won, "{id}");
        assert_eq!((one.verdict, &one.reviewer, &one.reason), (other.verdict, &other.reviewer, &other.reason));
        let reviewer = if one_won { "ada" } else { "bob" };
        let expected = (event_of(one.verdict), reviewer.to_owned(), format!("{reviewer} says {}", one.verdict));
        assert_eq!(fixture.decision(id).await, Some(expected), "{id}");
        one_won
    };
    let won: BTreeSet<bool> = stream::iter(0..RACES).map(race).buffer_unordered(8).collect().await;
    assert_eq!(won.len(), 2, "one of the two always won, so they did not meet");
    assert_eq!(fixture.waiting().await, Vec::<String>::new());
}

#[tokio::test]
async fn races_of_review_and_expiry_have_one_result() {
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    let ids = ids("re", RACES);
    fixture.flag(&ids).await;
    fixture.advance(SignedDuration::from_hours(8 * 24));
    let reviews = stream::iter(&ids).map(async |id| (id, decided(fixture.review(id, Verdict::Confirmed, "ada").await)));
    // The job rejects in the order of the ids, so the reviewer begins in the same place.
    let reviews = reviews.buffered(4).collect::<Vec<_>>();
    let (reviews, one, other) = futures_util::join!(reviews, fixture.expire_after(7), fixture.expire_after(7));
    let expired = one.unwrap()["rejected"].as_u64().unwrap() + other.unwrap()["rejected"].as_u64().unwrap();
    let mut confirmed = 0;
    for (id, (decision, won)) in reviews {
        confirmed += u64::from(won);
        let reviewer = if won { "ada" } else { "switchyard" };
        assert_eq!(decision.reviewer.as_deref(), Some(reviewer), "{id}");
        let (event, stored_reviewer, reason) = fixture.decision(id).await.unwrap();
        assert_eq!((event, stored_reviewer.as_str()), (event_of(decision.verdict), reviewer), "{id}");
        assert_eq!(Some(reason), decision.reason);
    }
    assert_eq!(confirmed + expired, RACES as u64);
    assert!(confirmed > 0 && expired > 0, "the two did not meet: {confirmed} confirmed, {expired} expired");
    assert_eq!(fixture.waiting().await, Vec::<String>::new());
}

#[tokio::test]
async fn races_of_review_and_cancellation_have_one_result() {
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    let ids = ids("rc", RACES);
    fixture.flag(&ids).await;
    let batch = batch(&fixture.harness);
    let mut reviews = Vec::new();
    for ids in ids.chunks(10) {
        let bodies: Vec<_> = ids.iter().map(|id| cancelled(&suspicious_order(id))).collect();
        let messages = fixture.harness.receive(&bodies).await;
        let review = async |id: &String| {
            sleep(Duration::from_millis(fastrand::u64(0..150))).await;
            fixture.review(id, Verdict::Rejected, "ada").await
        };
        let outcomes = join_all(ids.iter().map(review));
        let (back, outcomes) = futures_util::join!(fixture.harness.process(&batch, messages), outcomes);
        assert!(back.is_empty(), "{back:?}");
        reviews.extend(ids.iter().zip(outcomes));
    }
    let mut rejected = 0;
    for (id, outcome) in reviews {
        let is_rejected = matches!(outcome, ReviewOutcome::Decided(_));
        assert!(is_rejected || matches!(outcome, ReviewOutcome::Cancelled { at: Some(_) }), "{id}: {outcome:?}");
        assert_eq!(fixture.decision(id).await.is_some(), is_rejected, "{id}");
        assert!(!is_pending(&fixture.order_row(id, "SCORE").await.unwrap()), "{id}");
        assert!(fixture.order_row(id, "CANCELLED").await.is_some(), "{id}");
        rejected += usize::from(is_rejected);
    }
    assert!((1..RACES).contains(&rejected), "the two did not meet: {rejected} rejected");
    assert_eq!(fixture.waiting().await, Vec::<String>::new());
}

/// The cancellation is written after the review has read the rows and before it writes.
#[tokio::test]
async fn review_written_after_cancellation_says_so() {
    let FaultSetup { stack: _stack, harness, proxy, table, .. } = FaultSetup::new("fraud-review").await;
    let fixture = FraudFixture { harness };
    fixture.flag(&ids("slow", 1)).await;
    proxy.set_rules(vec![Rule::new("dynamodb", "TransactWriteItems", Fault::Delay { ms: 1500 }).times(1)]);
    let is_delayed =
        || proxy.counts().get("dynamodb TransactWriteItems").is_some_and(|kinds| kinds.contains_key("delay"));
    let cancellation = async {
        wait_until("the decision is on its way", async || is_delayed()).await;
        fixture.apply(&[cancelled(&suspicious_order("ord_slow000"))]).await;
    };
    let review = fixture.review_through(&table, "ord_slow000", Verdict::Confirmed, "ada");
    let (outcome, ()) = futures_util::join!(review, cancellation);
    assert!(matches!(outcome, ReviewOutcome::Cancelled { at: Some(_) }), "{outcome:?}");
    assert_eq!(fixture.decision("ord_slow000").await, None);
}

#[tokio::test]
async fn lost_answer_of_decision_is_not_another_reviewers() {
    let FaultSetup { stack: _stack, harness, proxy, table, .. } = FaultSetup::new("fraud-review").await;
    let fixture = FraudFixture { harness };
    fixture.flag(&ids("lost", 1)).await;
    proxy.set_rules(vec![Rule::new("dynamodb", "TransactWriteItems", Fault::DropResponse).times(1)]);
    let (decision, won) = decided(fixture.review_through(&table, "ord_lost000", Verdict::Rejected, "ada").await);
    assert_eq!((decision.verdict, won), (Verdict::Rejected, true));
    let (again, won) = decided(fixture.review("ord_lost000", Verdict::Rejected, "ada").await);
    assert_eq!((again.reason, won), (decision.reason, false));
}

#[tokio::test]
async fn cancelled_order_leaves_review_list_in_any_order() {
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    let orders = ["late", "early", "stays"].map(|name| suspicious_order(&format!("ord_{name}")));
    let [late, early, stays] = &orders;
    fixture.apply(&[placed(late), cancelled(early), placed(stays)]).await;
    fixture.apply(&[cancelled(late), placed(early)]).await;
    assert_eq!(fixture.waiting().await, ["ord_stays"]);
    for id in ["ord_late", "ord_early"] {
        assert_eq!(fact(&fixture.order_row(id, "SCORE").await.unwrap())["detail_type"], "OrderFlagged");
        for verdict in [Verdict::Confirmed, Verdict::Rejected] {
            let outcome = fixture.review(id, verdict, "ada").await;
            assert!(matches!(outcome, ReviewOutcome::Cancelled { at: Some(_) }), "{outcome:?}");
        }
        assert_eq!(fixture.decision(id).await, None);
    }
    // A decision that came before the cancellation is still reported to a second reviewer.
    assert!(decided(fixture.review("ord_stays", Verdict::Rejected, "ada").await).1);
    fixture.apply(&[cancelled(stays)]).await;
    let (decision, won) = decided(fixture.review("ord_stays", Verdict::Confirmed, "bob").await);
    assert_eq!((decision.reviewer.as_deref(), won), (Some("ada"), false));
}

#[tokio::test]
async fn review_list_is_sorted_by_age_with_amount_and_reasons() {
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    let ids = ["ord_b", "ord_c", "ord_a"];
    for id in ids {
        fixture.flag(&[id.to_owned()]).await;
        fixture.apply(&[placed(&order(&format!("{id}_plain"), &format!("usr_{id}"), 0))]).await;
        fixture.advance(SignedDuration::from_mins(1));
    }
    let waiting = fraud::waiting_orders(&fixture.harness.table).await.unwrap();
    assert_eq!(waiting.iter().map(|order| order.order_id.as_str()).collect::<Vec<_>>(), ids);
    for order in &waiting {
        let row = fixture.order_row(&order.order_id, "SCORE").await.unwrap();
        assert_eq!(order.score.to_string(), text(&row, "score"));
        assert_eq!(order.total_usd, Some(suspicious_order("ord_a").total_usd));
        assert_eq!(order.flagged_at.map(|at| format!("{at:.3}")), Some(text(&row, "pending_since")));
        assert_eq!(serde_json::to_value(&order.reasons).unwrap(), fact(&row)["detail"]["data"]["reasons"]);
        assert!(order.reasons.is_sorted_by_key(|reason| -reason.points));
    }
    assert_eq!(fixture.review("ord_a_plain", Verdict::Confirmed, "ada").await, ReviewOutcome::NotFlagged);
    assert_eq!(fixture.review("ord_unknown", Verdict::Confirmed, "ada").await, ReviewOutcome::NotScored);
}

/// `yard review` on the deployed consumer, and what follows from its decisions.
#[tokio::test]
async fn deployed_review_stores_reviewer_and_changes_status() {
    let stack = TestStack::shared().await;
    let (good, bad) = (suspicious_cart(&stack).await, suspicious_cart(&stack).await);
    let (good, bad) = (stack.place_order(&good).await, stack.place_order(&bad).await);
    let sku = stack.create_product("24.50", true, 5).await;
    let plain = stack.place_order(&new_cart(&new_user_id(), &[(&sku, 1)])).await;
    for id in [&good, &bad, &plain] {
        stack.wait_until_applied(id).await;
    }
    let review = async |id: &str, verdict, reason: &str| {
        let id = OrderId::parse(id).unwrap();
        decide(&stack.cloud, &stack.deployed, &id, verdict, reason.parse().unwrap()).await
    };
    let me = stack.cloud.sts.get_caller_identity().send().await.unwrap().arn.unwrap();
    for (id, verdict, event) in
        [(&good, Verdict::Confirmed, "OrderConfirmed"), (&bad, Verdict::Rejected, "OrderRejected")]
    {
        assert!(review(id, verdict, "asked the customer").await.unwrap().done);
        let lost = review(id, Verdict::Confirmed, "another reason").await.unwrap();
        let ReviewFinding::Decided(decision) = &lost.finding else { panic!("{lost:?}") };
        let expected = (verdict, Some(me.as_str()), Some("asked the customer"));
        assert_eq!((decision.verdict, decision.reviewer.as_deref(), decision.reason.as_deref()), expected);
        assert!(!lost.done);
        let rows = deployed_rows(&stack, id).await;
        let row = rows.iter().find(|row| text(row, "sk") == "REVIEW").unwrap();
        let fact = fact(row);
        assert_eq!((&fact["source"], &fact["detail_type"]), (&json!("switchyard.fraud"), &json!(event)));
        assert_eq!((text(row, "reviewer"), text(row, "verdict")), (me.clone(), verdict.to_string()));
    }
    let unflagged = review(&plain, Verdict::Rejected, "looks odd").await.unwrap();
    assert_eq!((unflagged.finding, unflagged.done), (ReviewFinding::NotFlagged, false));
    let unknown = review("ord_unknown", Verdict::Rejected, "looks odd").await.unwrap_err();
    assert!(matches!(unknown.downcast_ref(), Some(StackError::UnknownOrder { .. })), "{unknown:#}");
    let statuses = async |id: &str| {
        let rows = stack.query(&stack.deployed.orders_table, &format!("ORDER#{id}")).await;
        rows.iter().map(|row| text(row, "sk")).collect::<Vec<_>>()
    };
    wait_until("one order is confirmed", async || statuses(&good).await.contains(&"STATUS#3#confirmed".into())).await;
    wait_until("the other is cancelled", async || statuses(&bad).await.contains(&"STATUS#6#cancelled".into())).await;
    wait_until("fraud knows of the cancellation", async || {
        deployed_rows(&stack, &bad).await.iter().any(|row| text(row, "sk") == "CANCELLED")
    })
    .await;
}
