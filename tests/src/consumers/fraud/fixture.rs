//! A fraud consumer for one test: table, clock, consumer, job and reviewers.

use std::time::Duration;

use fraud::{
    Decision, ExpireReviews, FlagThreshold, Fraud, Profile, ReviewDays, ReviewOutcome, Verdict, review, waiting_orders,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use switchyard_chassis::conformance::{ConsumerHarness, body};
use switchyard_chassis::{
    Batch, Clock, Consumer, DedupConfig, Failure, Item, Job, Key, Scheduled, Table, Transactional,
};
use switchyard_events::{CancellationReason, EmailAddress, Envelope, OrderId, OrderPlaced, Quantity, Redacted, UserId};
use tokio::time::Instant;

use crate::support::{TestStack, new_cart, new_user_id, order_cancelled, order_placed, text};

pub fn batch(harness: &ConsumerHarness) -> Batch<Transactional<Fraud>> {
    let fraud = Fraud::with_threshold(FlagThreshold::default()).unwrap();
    let dedup = DedupConfig { marker_ttl_days: 90 };
    let table = Table::new(harness.table.client().clone(), harness.table.name());
    Batch::transactional(fraud, table, harness.queue.clone(), dedup, harness.clock.clone())
}

pub struct FraudFixture {
    pub harness: ConsumerHarness,
}

impl FraudFixture {
    pub async fn new(stack: &TestStack) -> Self {
        Self { harness: ConsumerHarness::new(&stack.cloud.config, "fraud").await }
    }

    /// Applies these bodies in batches of ten, until all are applied.
    pub async fn apply(&self, bodies: &[String]) {
        self.apply_with(&batch(&self.harness), bodies).await;
    }

    pub async fn apply_with<C: Consumer>(&self, batch: &Batch<Transactional<C>>, bodies: &[String]) {
        for bodies in bodies.chunks(10) {
            let mut back = self.harness.process(batch, self.harness.receive(bodies).await).await.len();
            while back > 0 {
                back = self.harness.process(batch, self.harness.receive_again(back).await).await.len();
            }
        }
    }

    /// Flags these orders, each of a user of its own.
    pub async fn flag(&self, ids: &[String]) {
        let bodies: Vec<_> = ids.iter().map(|id| placed(&suspicious_order(id))).collect();
        self.apply(&bodies).await;
    }

    pub fn advance(&self, duration: SignedDuration) {
        self.harness.clock.set(self.harness.clock.now() + duration);
    }

    pub async fn review(&self, id: &str, verdict: Verdict, reviewer: &str) -> ReviewOutcome {
        self.review_through(&self.harness.table, id, verdict, reviewer).await
    }

    /// A review by a client of its own, such as one whose calls have faults.
    pub async fn review_through(&self, table: &Table, id: &str, verdict: Verdict, reviewer: &str) -> ReviewOutcome {
        let job = job(table.clone(), self.harness.clock.clone(), Duration::from_secs(20));
        let decision = Decision::new(verdict, reviewer, format!("{reviewer} says {verdict}").parse().unwrap());
        review(&job, &OrderId::parse(id).unwrap(), &decision).await.unwrap()
    }

    /// A run of the job that rejects orders after so many days.
    pub async fn expire_after(&self, days: u16) -> Result<Value, Failure> {
        self.expire_within(days, Duration::from_mins(1)).await
    }

    pub async fn expire_within(&self, days: u16, time: Duration) -> Result<Value, Failure> {
        let table = Table::new(self.harness.table.client().clone(), self.harness.table.name());
        let days: ReviewDays = days.to_string().parse().unwrap();
        Box::pin(ExpireReviews::after(days).run(&job(table, self.harness.clock.clone(), time))).await
    }

    /// The orders that wait for a review.
    pub async fn waiting(&self) -> Vec<String> {
        waiting_orders(&self.harness.table).await.unwrap().into_iter().map(|order| order.order_id).collect()
    }

    pub async fn row(&self, pk: String, sk: &str) -> Option<Item> {
        self.harness.table.get(&Key::new(pk, sk)).await.unwrap()
    }

    pub async fn order_row(&self, id: &str, sk: &str) -> Option<Item> {
        self.row(format!("ORDER#{id}"), sk).await
    }

    /// The type of the event of the order's decision, the reviewer and the reason; `None` without a decision.
    pub async fn decision(&self, id: &str) -> Option<(String, String, String)> {
        let row = self.order_row(id, "REVIEW").await?;
        let fact = fact(&row);
        assert_eq!(fact["detail"]["metadata"]["aggregate"]["sequence"], 3);
        Some((fact["detail_type"].as_str().unwrap().to_owned(), text(&row, "reviewer"), text(&row, "reason")))
    }

    pub async fn profile(&self, order: &OrderPlaced) -> Profile {
        Profile::from_item(self.row(format!("USER#{}", order.user_id), "PROFILE").await.as_ref())
    }
}

fn job(table: Table, clock: Clock, time: Duration) -> Job {
    Job::new(ExpireReviews::NAME, Fraud::NAME, table, clock, Instant::now() + time).unwrap()
}

/// The number of races of each kind.
pub const RACES: usize = 200;

/// Ids of orders, each with a prefix of its own test.
pub fn ids(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("ord_{prefix}{n:03}")).collect()
}

/// An ordinary order of a user, placed some minutes after the first one.
pub fn order(id: &str, user: &str, minutes: i64) -> OrderPlaced {
    let sample = include_str!("../../../../events/samples/OrderPlaced.v1.json");
    let mut order = serde_json::from_str::<Envelope<OrderPlaced>>(sample).unwrap().data;
    order.order_id = OrderId::parse(id).unwrap();
    order.user_id = UserId::parse(user).unwrap();
    order.placed_at += SignedDuration::from_mins(minutes);
    order
}

/// An order that is flagged, of a user of its own.
pub fn suspicious_order(id: &str) -> OrderPlaced {
    let mut order = order(id, &id.replace("ord_", "usr_"), 0);
    order.items.truncate(1);
    order.items[0].quantity = Quantity::try_from(500_u64).unwrap();
    order.total_usd = OrderPlaced::sum(&order.items);
    order.email = Redacted::new(EmailAddress::parse("x@team.mailinator.com").unwrap());
    order
}

/// The body of an order's message.
pub fn placed(order: &OrderPlaced) -> String {
    body(&order_placed(order.clone()))
}

/// The body of the message about an order's cancellation.
pub fn cancelled(order: &OrderPlaced) -> String {
    let at: Timestamp = order.placed_at + SignedDuration::from_secs(30);
    body(&order_cancelled(order.clone(), CancellationReason::Requested, at))
}

/// The only event in a row's outbox.
pub fn fact(row: &Item) -> Value {
    let outbox: Value = serde_json::from_str(&text(row, "outbox")).unwrap();
    assert_eq!(outbox.as_array().unwrap().len(), 1);
    outbox[0].clone()
}

/// An order's rows in the deployed consumer's table.
pub async fn deployed_rows(stack: &TestStack, order_id: &str) -> Vec<Item> {
    stack.query(stack.table_of("fraud"), &format!("ORDER#{order_id}")).await
}

/// A cart that fraud flags.
pub async fn suspicious_cart(stack: &TestStack) -> Value {
    let user = new_user_id();
    let sku = stack.create_product("1.00", true, 1000).await;
    let mut cart = new_cart(&user, &[(&sku, 500)]);
    cart["email"] = json!(format!("{user}@team.mailinator.com"));
    cart
}
