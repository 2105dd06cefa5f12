//! Orders of any day and region for a consumer with its own harness; checkout places orders of today only.

use jiff::{SignedDuration, Timestamp};
use switchyard_chassis::conformance::{ConsumerHarness, body};
use switchyard_chassis::{Batch, Consumer, DedupConfig, Transactional};
use switchyard_events::{
    CancellationReason, Envelope, OrderId, OrderLine, OrderPlaced, Quantity, Redacted, RegionCode, Sku, Usd,
};

use super::TestStack;
use super::events::{order_cancelled, order_placed};

/// One line of an order.
#[derive(Debug, Clone)]
pub struct TestOrderLine {
    pub sku: String,
    pub quantity: u32,
    pub cents: i64,
    pub taxable: bool,
}

/// An order of any day and region.
#[derive(Debug, Clone)]
pub struct TestOrder {
    pub id: String,
    pub region: &'static str,
    pub placed_at: Timestamp,
    pub lines: Vec<TestOrderLine>,
}

impl TestOrder {
    /// An order of one taxable product.
    pub fn new(region: &'static str, placed_at: &str, cents: i64) -> Self {
        let line = TestOrderLine { sku: "MUG-01".into(), quantity: 1, cents, taxable: true };
        let id = format!("ord_{:012x}", fastrand::u64(..) >> 16);
        Self { id, region, placed_at: placed_at.parse().unwrap(), lines: vec![line] }
    }

    /// A random order within `days` days from `first`, with one to five of twelve products.
    pub fn random(regions: &[&'static str], first: &str, days: i64) -> Self {
        let later = SignedDuration::from_secs(fastrand::i64(0..days * 86_400));
        let mut order = Self::new(fastrand::choice(regions).unwrap(), &format!("{first}T00:00:00Z"), 0);
        order.placed_at += later;
        let products = fastrand::choose_multiple(0..12_i64, fastrand::usize(1..=5));
        let line = |product: i64| TestOrderLine {
            sku: format!("P-{product}"),
            quantity: fastrand::u32(1..=9),
            cents: 1_999 + 37 * product,
            taxable: product % 3 > 0,
        };
        order.lines = products.into_iter().map(line).collect();
        order
    }

    /// The same order with exempt products.
    pub fn exempt(mut self) -> Self {
        for line in &mut self.lines {
            line.taxable = false;
        }
        self
    }

    /// The sum in cents: of all lines, of the taxable or of the exempt ones.
    pub fn cents(&self, taxable: Option<bool>) -> i64 {
        let lines = self.lines.iter().filter(|line| taxable.is_none_or(|taxable| line.taxable == taxable));
        lines.map(|line| line.cents * i64::from(line.quantity)).sum()
    }

    /// The day (UTC) of the placement.
    pub fn day(&self) -> String {
        self.placed_at.to_string()[..10].to_owned()
    }

    /// The body of its message.
    pub fn body(&self) -> String {
        body(&order_placed(self.placed()))
    }

    /// The body of the message about its cancellation, some days later.
    pub fn cancellation_body(&self) -> String {
        let at = self.placed_at + SignedDuration::from_hours(60);
        body(&order_cancelled(self.placed(), CancellationReason::Requested, at))
    }

    fn placed(&self) -> OrderPlaced {
        let sample = include_str!("../../../events/samples/OrderPlaced.v1.json");
        let mut order = serde_json::from_str::<Envelope<OrderPlaced>>(sample).unwrap().data;
        let mut address = order.ship_to.reveal().clone();
        address.region = RegionCode::parse(self.region).unwrap();
        let line = |line: &TestOrderLine| OrderLine {
            sku: Sku::parse(line.sku.as_str()).unwrap(),
            name: line.sku.clone(),
            quantity: Quantity::try_from(u64::from(line.quantity)).unwrap(),
            unit_price_usd: Usd::from_cents(line.cents),
            taxable: line.taxable,
        };
        order.order_id = OrderId::parse(self.id.as_str()).unwrap();
        order.ship_to = Redacted::new(address);
        order.placed_at = self.placed_at;
        order.items = self.lines.iter().map(line).collect();
        order.total_usd = OrderPlaced::sum(&order.items);
        order
    }
}

/// A new harness and the consumer on it.
pub async fn new_harness<C: Consumer>(stack: &TestStack, consumer: C) -> (ConsumerHarness, Batch<Transactional<C>>) {
    let harness = ConsumerHarness::new(&stack.cloud.config, &format!("sold-{}", C::NAME)).await;
    let batch = new_batch(&harness, consumer);
    (harness, batch)
}

/// Another worker on a harness.
pub fn new_batch<C: Consumer>(harness: &ConsumerHarness, consumer: C) -> Batch<Transactional<C>> {
    let dedup = DedupConfig { marker_ttl_days: 90 };
    let (table, queue, clock) = (harness.table.clone(), harness.queue.clone(), harness.clock.clone());
    Batch::transactional(consumer, table, queue, dedup, clock)
}

/// Applies orders in batches of ten, after moving the clock past their placement. All must be applied.
pub async fn apply_orders<C: Consumer>(
    harness: &ConsumerHarness,
    batch: &Batch<Transactional<C>>,
    orders: &[TestOrder],
) {
    let placed = orders.iter().map(|order| order.placed_at);
    harness.clock.set(placed.fold(harness.clock.now(), Timestamp::max));
    apply_bodies(harness, batch, &orders.iter().map(TestOrder::body).collect::<Vec<_>>()).await;
}

/// Applies messages in batches of ten. All must be applied.
pub async fn apply_bodies<C: Consumer>(harness: &ConsumerHarness, batch: &Batch<Transactional<C>>, bodies: &[String]) {
    for bodies in bodies.chunks(10) {
        let back = harness.process(batch, harness.receive(bodies).await).await;
        assert!(back.is_empty(), "{back:?} came back");
    }
}
