//! The recommendations consumer: recent purchases, pair counters, and the job that run_rebuild features.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use jiff::{SignedDuration, Timestamp};
use recommendations::{
    Features, Purchase, RebuildFeatures, Recommendations, newest_products, pairs, read_features, read_recent_products,
    top_products,
};
use serde_json::Value as Json;
use switchyard_chassis::conformance::{ConsumerHarness, body};
use switchyard_chassis::{Batch, DedupConfig, Job, Key, Scheduled, Table, Transactional, text_of};
use switchyard_events::{
    Aggregate, AggregateId, Envelope, EventId, OrderId, OrderLine, OrderPlaced, Quantity, Sku, Usd, UserId,
};
use tokio::time::Instant;

use crate::support::{TestStack, new_cart, new_user_id, wait_until};

/// The fields of an order that the consumer uses.
#[derive(Debug, Clone)]
struct Order {
    id: OrderId,
    user: UserId,
    placed_at: Timestamp,
    skus: Vec<Sku>,
}

fn sku(n: u32) -> Sku {
    Sku::parse(format!("SKU-{n}")).unwrap()
}

fn numbered_user(n: u32) -> UserId {
    UserId::parse(format!("usr_{n}")).unwrap()
}

impl Order {
    /// The `n`th order, placed `n` minutes after the first.
    fn new(n: u32, user: &UserId, skus: Vec<Sku>) -> Self {
        let first: Timestamp = "2026-05-01T00:00:00Z".parse().unwrap();
        let placed_at = first + SignedDuration::from_mins(n.into());
        Self { id: OrderId::parse(format!("ord_{n}")).unwrap(), user: user.clone(), placed_at, skus }
    }

    /// The message body.
    fn body(&self) -> String {
        let sample = include_str!("../../../events/samples/OrderPlaced.v1.json");
        let mut envelope: Envelope<OrderPlaced> = serde_json::from_str(sample).unwrap();
        let line = |sku: &Sku| OrderLine { sku: sku.clone(), quantity: Quantity::try_from(1).unwrap(), ..thing() };
        envelope.data.items = self.skus.iter().map(line).collect();
        envelope.data.total_usd = OrderPlaced::sum(&envelope.data.items);
        envelope.data.order_id = self.id.clone();
        envelope.data.user_id = self.user.clone();
        (envelope.data.placed_at, envelope.metadata.occurred_at) = (self.placed_at, self.placed_at);
        envelope.metadata.event_id = EventId::derive("OrderPlaced", self.id.as_str(), 1);
        let id = AggregateId::parse(self.id.as_str()).unwrap();
        envelope.metadata.aggregate = Aggregate { kind: "order".into(), id, sequence: 1 };
        body(&envelope)
    }
}

fn thing() -> OrderLine {
    let unit_price_usd = Usd::from_cents(100);
    OrderLine {
        sku: sku(0),
        name: "Thing".into(),
        quantity: Quantity::try_from(1).unwrap(),
        unit_price_usd,
        taxable: true,
    }
}

/// Orders of twelve users: carts of one to eight of sixty products, and one of fifty.
fn history(seed: u64, count: u32) -> Vec<Order> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut orders: Vec<_> = (0..count)
        .map(|n| {
            let size = random.usize(1..=8);
            // Small numbers are more popular.
            let mut skus: Vec<_> = (0..60).map(|n| (random.u32(0..40) + n, sku(n))).collect();
            skus.sort();
            Order::new(n, &numbered_user(random.u32(0..12)), skus.into_iter().map(|(_, sku)| sku).take(size).collect())
        })
        .collect();
    orders.push(Order::new(count, &numbered_user(0), (0..50).map(sku).collect()));
    orders
}

/// The naive model: the expected content of the table, computed from all orders.
struct Model<'a> {
    orders: &'a [Order],
    /// In how many orders two products were together.
    together: BTreeMap<Sku, BTreeMap<Sku, u64>>,
}

impl<'a> Model<'a> {
    fn new(orders: &'a [Order]) -> Self {
        let mut together: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for order in orders {
            // Of a large cart only a sample of pairs counts; the selection has its own test.
            let sample = (order.skus.len() > 6).then(|| pairs::select_pairs(&order.id, &order.skus));
            let counts = |one: &Sku, other: &Sku| {
                let pair = (one.min(other).clone(), one.max(other).clone());
                one != other && sample.as_ref().is_none_or(|sample| sample.contains(&pair))
            };
            for one in &order.skus {
                for other in order.skus.iter().filter(|other| counts(one, other)) {
                    *together.entry(one.clone()).or_default().entry(other.clone()).or_default() += 1;
                }
            }
        }
        Self { orders, together }
    }

    fn purchases(&self, user: &UserId) -> Vec<Purchase> {
        let mut own: Vec<_> = self.orders.iter().filter(|order| order.user == *user).collect();
        own.sort_by_key(|order| std::cmp::Reverse(order.placed_at));
        own.iter().map(|order| Purchase { sort_key: order.placed_at.to_string(), skus: order.skus.clone() }).collect()
    }

    fn partners(&self, sku: &Sku) -> BTreeMap<Sku, u64> {
        self.together.get(sku).cloned().unwrap_or_default()
    }

    fn top(&self, user: &UserId) -> Vec<(Sku, u64)> {
        let purchases = self.purchases(user);
        let mut weights: BTreeMap<Sku, u64> = BTreeMap::new();
        for (partner, orders) in newest_products(&purchases).iter().flat_map(|sku| self.partners(sku)) {
            *weights.entry(partner).or_default() += orders;
        }
        top_products(weights, &purchases.iter().flat_map(|purchase| &purchase.skus).collect())
    }

    fn users(&self) -> BTreeSet<UserId> {
        self.orders.iter().map(|order| order.user.clone()).collect()
    }
}

/// The consumer with a table and a queue for one test.
struct RecommendationsFixture {
    harness: ConsumerHarness,
    batch: Batch<Transactional<Recommendations>>,
    _stack: TestStack,
}

impl RecommendationsFixture {
    async fn new() -> Self {
        let stack = TestStack::shared().await;
        let harness = ConsumerHarness::new(&stack.cloud.config, "recommending").await;
        let dedup = DedupConfig { marker_ttl_days: 90 };
        let (table, queue) = (harness.table.clone(), harness.queue.clone());
        let batch = Batch::transactional(Recommendations, table, queue, dedup, harness.clock.clone());
        Self { harness, batch, _stack: stack }
    }

    async fn apply(&self, orders: &[Order]) {
        for orders in orders.chunks(10) {
            let bodies: Vec<_> = orders.iter().map(Order::body).collect();
            assert!(self.harness.process(&self.batch, self.harness.receive(&bodies).await).await.is_empty());
        }
    }

    /// Applies each order three times, shuffled, over two hours.
    async fn apply_shuffled_three_times(&self, orders: &[Order]) {
        let mut copies = [orders, orders, orders].concat();
        fastrand::shuffle(&mut copies);
        let step = SignedDuration::from_mins(120) / i32::try_from(copies.len() / 10 + 1).unwrap();
        for orders in copies.chunks(10) {
            self.apply(orders).await;
            self.advance_clock(step);
        }
    }

    fn advance_clock(&self, time: SignedDuration) {
        self.harness.clock.set(self.harness.clock.now() + time);
    }

    async fn run_rebuild(&self) -> Json {
        self.run_rebuild_until(Instant::now() + Duration::from_mins(1)).await
    }

    async fn run_rebuild_until(&self, deadline: Instant) -> Json {
        let (table, clock) = (self.harness.table.clone(), self.harness.clock.clone());
        let job = Job::new(RebuildFeatures::NAME, RebuildFeatures::PRODUCER, table, clock, deadline).unwrap();
        RebuildFeatures.run(&job).await.unwrap()
    }

    async fn features(&self, user: &UserId) -> Option<Features> {
        read_features(&self.harness.table, user).await.unwrap()
    }

    async fn assert_offers_match(&self, model: &Model<'_>) {
        for user in model.users() {
            let offered = self.features(&user).await.map(|features| features.top);
            assert_eq!(offered, Some(model.top(&user)), "{user}");
        }
    }
}

#[tokio::test]
async fn shuffled_duplicate_orders_match_naive_model() {
    let (fixture, orders) = (RecommendationsFixture::new().await, history(1, 40));
    fixture.apply_shuffled_three_times(&orders).await;
    let model = Model::new(&orders);
    for user in model.users() {
        assert_eq!(
            read_recent_products(&fixture.harness.table, &user).await.unwrap(),
            newest_products(&model.purchases(&user)),
            "{user}"
        );
    }
    for sku in (0..60).map(sku) {
        assert_eq!(pairs::read_partners(&fixture.harness.table, &sku).await.unwrap(), model.partners(&sku), "{sku}");
    }
}

#[tokio::test]
async fn recent_products_are_fifty_newest_despite_late_orders() {
    let fixture = RecommendationsFixture::new().await;
    let carts: Vec<Vec<Sku>> = (0..12).map(|n| (n * 5..n * 5 + 5).map(sku).collect()).collect();
    let orders: Vec<_> = (0..).zip(carts).map(|(n, skus)| Order::new(n, &numbered_user(1), skus)).collect();
    // The newest order is applied first, the oldest last.
    for order in orders.iter().rev() {
        fixture.apply(std::slice::from_ref(order)).await;
    }
    let recent = read_recent_products(&fixture.harness.table, &numbered_user(1)).await.unwrap();
    let expected: Vec<_> = (2..12).rev().flat_map(|n| (n * 5..n * 5 + 5).map(sku)).collect();
    assert_eq!(recent, expected);
}

#[tokio::test]
async fn order_cost_is_bounded_and_batch_shares_touched_row() {
    let fixture = RecommendationsFixture::new().await;
    let price = async |orders: &[Order]| {
        fixture.apply(orders).await;
        fixture.advance_clock(SignedDuration::from_mins(1));
        (fixture.batch.cost().calls, fixture.batch.cost().units)
    };
    // Two units a row: the purchase, the touched row, and each pair under both of its products.
    for (n, lines, rows) in [(0, 1, 2.0), (1, 3, 8.0), (2, 10, 32.0), (3, 50, 32.0)] {
        let order = Order::new(n, &numbered_user(n), (0..lines).map(sku).collect());
        assert_eq!(price(&[order]).await, (1, 2.0 * rows), "{lines} lines");
    }
    let ten: Vec<_> = (10..20).map(|n| Order::new(n, &numbered_user(n), vec![sku(n)])).collect();
    assert_eq!(price(&ten).await, (1, 2.0 * 11.0));
    let touched = fixture.harness.rows().await;
    let touched = touched.iter().filter(|row| text_of(row, "pk").unwrap().starts_with("TOUCHED"));
    assert!(touched.clone().all(|row| row.contains_key("expires_at")));
    assert_eq!(touched.count(), 5);
}

#[tokio::test]
async fn rebuild_offers_top_ten_products_not_bought_yet() {
    let (fixture, orders) = (RecommendationsFixture::new().await, history(2, 40));
    fixture.apply_shuffled_three_times(&orders).await;
    let did = fixture.run_rebuild().await;
    assert_eq!(did["left"], false);
    let model = Model::new(&orders);
    fixture.assert_offers_match(&model).await;
    assert!(
        model.users().iter().any(|user| model.top(user).len() == 10),
        "no user has ten products: the test data is too small"
    );
}

#[tokio::test]
async fn rebuild_visits_only_users_touched_since_last_run() {
    let (fixture, mut orders) = (RecommendationsFixture::new().await, history(3, 20));
    fixture.apply(&orders).await;
    fixture.advance_clock(SignedDuration::from_mins(10));
    let users = Model::new(&orders).users();
    assert_eq!(fixture.run_rebuild().await["users"], users.len());
    let before = fixture.features(&numbered_user(1)).await;

    fixture.advance_clock(SignedDuration::from_mins(60));
    assert_eq!(fixture.run_rebuild().await["users"], 0);
    orders.push(Order::new(99, &numbered_user(2), vec![sku(1), sku(2)]));
    fixture.apply(&orders[orders.len() - 1..]).await;
    fixture.advance_clock(SignedDuration::from_mins(60));
    assert_eq!(fixture.run_rebuild().await["users"], 1);
    assert_eq!(fixture.features(&numbered_user(2)).await.unwrap().top, Model::new(&orders).top(&numbered_user(2)));
    assert_eq!(fixture.features(&numbered_user(1)).await, before);
}

#[tokio::test]
async fn rebuild_timeout_leaves_all_users_for_next_run() {
    let (fixture, orders) = (RecommendationsFixture::new().await, history(4, 20));
    fixture.apply(&orders).await;
    fixture.advance_clock(SignedDuration::from_mins(10));
    let did = fixture.run_rebuild_until(Instant::now()).await;
    assert_eq!((&did["users"], &did["left"]), (&0.into(), &true.into()));
    assert_eq!(fixture.run_rebuild().await["left"], false);
    fixture.assert_offers_match(&Model::new(&orders)).await;
}

#[tokio::test]
async fn crashed_rebuild_resumes_in_next_run() {
    let (fixture, orders) = (RecommendationsFixture::new().await, history(5, 40));
    fixture.apply_shuffled_three_times(&orders).await;
    fixture.advance_clock(SignedDuration::from_mins(10));
    // A run visits a user once an hour.
    let rows = fixture.harness.rows().await;
    let users = rows.iter().flat_map(|row| row.keys().map(|name| (text_of(row, "pk").unwrap(), name)));
    let whole = users.filter(|(_, name)| name.starts_with("USER#")).collect::<BTreeSet<_>>().len();
    // Each run is interrupted as soon as its cursor has moved, until a run reaches the end.
    let cursor = async || fixture.harness.table.get(&Key::new("REBUILD", "CURSOR")).await.unwrap();
    let mut crashes = 0;
    let last = loop {
        let before = cursor().await;
        let moved = wait_until("the cursor has moved", async || cursor().await != before);
        tokio::select! {
            did = fixture.run_rebuild() => break did,
            () = moved => crashes += 1,
        }
    };
    assert!(crashes > 0);
    assert!(
        last["users"].as_u64().unwrap() < whole as u64,
        "the last run started from the beginning: {last}, of {whole}"
    );
    fixture.assert_offers_match(&Model::new(&orders)).await;
    fixture.advance_clock(SignedDuration::from_mins(10));
    assert_eq!(fixture.run_rebuild().await["users"], 0);
}

#[tokio::test]
async fn user_touched_during_rebuild_is_rebuilt() {
    let (fixture, mut orders) = (RecommendationsFixture::new().await, history(6, 30));
    fixture.apply(&orders).await;
    let late: Vec<_> =
        (100..110).map(|n| Order::new(n, &numbered_user(n % 12), vec![sku(n % 30), sku(n % 7 + 70)])).collect();
    // Concurrently, and in the minute that the run reads.
    tokio::join!(fixture.run_rebuild(), fixture.apply(&late));
    fixture.run_rebuild().await;
    orders.extend(late);
    // One more order behind the run, in the same minute.
    orders.push(Order::new(200, &numbered_user(3), vec![sku(3), sku(45)]));
    fixture.apply(&orders[orders.len() - 1..]).await;
    fixture.advance_clock(SignedDuration::from_mins(60));
    fixture.run_rebuild().await;
    let model = Model::new(&orders);
    for user in orders[30..].iter().map(|order| &order.user) {
        assert_eq!(fixture.features(user).await.unwrap().top, model.top(user), "{user}");
    }
}

#[tokio::test]
async fn deployed_rebuild_offers_products_bought_together() {
    let stack = TestStack::exclusive().await;
    let (one, other) = (new_user_id(), new_user_id());
    let (mug, tea) = (stack.create_product("14.50", true, 9).await, stack.create_product("9.30", false, 9).await);
    let orders = [
        stack.place_order(&new_cart(&one, &[(&mug, 1), (&tea, 1)])).await,
        stack.place_order(&new_cart(&other, &[(&mug, 1)])).await,
    ];
    for order in &orders {
        stack.wait_until_applied(order).await;
    }
    let function = format!("{}-recommendations-rebuild", stack.deployed.name);
    let call = stack.cloud.lambda.invoke().function_name(function).payload(Blob::new("{}"));
    let answer = call.send().await.unwrap();
    let said = String::from_utf8_lossy(answer.payload().unwrap().as_ref()).into_owned();
    assert_eq!(answer.function_error(), None, "{said}");

    let table = Table::new(stack.cloud.dynamodb.clone(), stack.table_of("recommendations"));
    let offered = async |user: &str| read_features(&table, &UserId::parse(user).unwrap()).await.unwrap().unwrap().top;
    assert_eq!(offered(&one).await, []);
    assert_eq!(offered(&other).await, [(Sku::parse(tea).unwrap(), 1)]);
    let did: Json = serde_json::from_str(&said).unwrap();
    assert_eq!(did["left"], false, "{said}");
}
