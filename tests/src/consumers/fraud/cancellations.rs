//! What a cancellation changes in a profile, in any order of arrival.

use std::cell::RefCell;

use fraud::{FlagThreshold, Fraud, FraudEvent, Profile, RecentOrders};
use futures_util::future::LocalBoxFuture;
use switchyard_chassis::{Batch, Consumer, Effects, Failure, Received};
use switchyard_events::{OrderPlaced, Usd};

use super::fixture::{FraudFixture, batch, cancelled, order, placed};
use crate::support::{DEDUP, TestStack, text};

/// The profile that results if these orders are kept, and of all of them the times.
fn expected(all: &[OrderPlaced], kept: &[OrderPlaced], version: u64) -> Profile {
    let profile = kept.iter().fold(Profile::default(), Profile::with_order);
    let times = all.iter().map(|order| order.placed_at.as_millisecond());
    Profile { version, recent: RecentOrders::from_millis(times), ..profile }
}

/// Orders of one user, a minute apart, with different amounts.
fn orders(user: &str, count: i64) -> Vec<OrderPlaced> {
    let new = |n: i64| {
        let mut order = order(&format!("ord_{user}_{n}"), &format!("usr_{user}"), n);
        order.items.truncate(1);
        order.items[0].unit_price_usd = Usd::from_cents(1_000 + 137 * n);
        order.total_usd = OrderPlaced::sum(&order.items);
        order
    };
    (0..count).map(new).collect()
}

#[tokio::test]
async fn cancelled_orders_still_count_for_velocity() {
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    let orders = orders("fast", 10);
    let (last, cancelled_ones) = orders.split_last().unwrap();
    for order in cancelled_ones {
        fixture.apply(&[placed(order)]).await;
        fixture.apply(&[cancelled(order)]).await;
    }
    fixture.apply(&[placed(last)]).await;
    let row = fixture.order_row(last.order_id.as_str(), "SCORE").await.unwrap();
    assert_eq!(
        (text(&row, "within_1h"), row["reasons"].as_m().unwrap().contains_key("velocity_1h")),
        ("9".into(), true)
    );
    assert_eq!(fixture.profile(last).await, expected(&orders, std::slice::from_ref(last), 19));
}

#[tokio::test]
async fn shuffled_duplicate_cancellations_keep_profile_exact() {
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    let orders = orders("mixed", 40);
    let (gone, kept) = orders.split_at(20);
    let events: Vec<_> = orders.iter().map(placed).chain(gone.iter().map(cancelled)).collect();
    let mut twice = [events.clone(), events].concat();
    fastrand::shuffle(&mut twice);
    let (one, other) = (batch(&fixture.harness), batch(&fixture.harness));
    for bodies in twice.chunks(20) {
        let mut some = fixture.harness.receive(bodies).await;
        let others = some.split_off(10);
        let (first, second) =
            futures_util::join!(fixture.harness.process(&one, some), fixture.harness.process(&other, others));
        let mut back = first.len() + second.len();
        while back > 0 {
            back = fixture.harness.process(&one, fixture.harness.receive_again(back).await).await.len();
        }
    }
    assert_eq!(fixture.profile(&orders[0]).await, expected(&orders, kept, 60));
    assert_eq!(fixture.harness.dead_letters().await, []);
}

/// The consumer, interrupted after its decision and before its write.
struct Interrupted<'a> {
    fraud: Fraud,
    by: RefCell<Option<LocalBoxFuture<'a, ()>>>,
}

impl Consumer for Interrupted<'_> {
    const NAME: &'static str = Fraud::NAME;
    type Event = FraudEvent;

    async fn handle(&self, event: &Received<FraudEvent>, effects: &mut Effects) -> Result<(), Failure> {
        self.fraud.handle(event, effects).await?;
        let interruption = self.by.take();
        if let Some(interruption) = interruption {
            interruption.await;
        }
        Ok(())
    }
}

impl FraudFixture {
    /// Applies a body; another one is applied between its reads and its write.
    async fn apply_interrupted_by(&self, body: String, other: String) {
        let by = RefCell::new(Some(Box::pin(self.apply_elsewhere(other)) as LocalBoxFuture<'_, ()>));
        let fraud = Fraud::with_threshold(FlagThreshold::default()).unwrap();
        let (table, queue) = (self.harness.table.clone(), self.harness.queue.clone());
        let batch = Batch::transactional(Interrupted { fraud, by }, table, queue, DEDUP, self.harness.clock.clone());
        self.apply_with(&batch, &[body]).await;
    }

    async fn apply_elsewhere(&self, body: String) {
        self.apply(&[body]).await;
    }
}

#[tokio::test]
async fn cancellation_written_during_scoring_is_not_lost() {
    let stack = TestStack::shared().await;
    let fixture = FraudFixture::new(&stack).await;
    let orders = orders("race", 4);
    let [first, interrupted, interrupting, last] = orders.as_slice() else { panic!() };
    fixture.apply(&[placed(first)]).await;
    fixture.apply_interrupted_by(placed(interrupted), cancelled(interrupted)).await;
    fixture.apply_interrupted_by(cancelled(interrupting), placed(interrupting)).await;
    fixture.apply(&[placed(last)]).await;
    let kept = [first.clone(), last.clone()];
    assert_eq!(fixture.profile(first).await, expected(&orders, &kept, 6));
    // A user without a profile, in both ways.
    for (name, is_cancelled_first) in [("new", true), ("new2", false)] {
        let order = orders_of_new_user(name);
        let (first, then) = (placed(&order), cancelled(&order));
        let (first, then) = if is_cancelled_first { (then, first) } else { (first, then) };
        fixture.apply_interrupted_by(first, then).await;
        assert_eq!(fixture.profile(&order).await, expected(std::slice::from_ref(&order), &[], 2), "{name}");
    }
}

fn orders_of_new_user(user: &str) -> OrderPlaced {
    orders(user, 1).remove(0)
}
