//! Orders of any day and place, told to a consumer on a bench of its own: checkout only places orders of today.

use jiff::Timestamp;
use switchyard_chassis::conformance::{ConsumerHarness, body};
use switchyard_chassis::{Batch, Consumer, DedupConfig, Transactional};
use switchyard_events::{
    Cause, CorrelationId, Envelope, OrderId, OrderLine, OrderPlaced, Quantity, Redacted, RegionCode, Sku, Usd,
};

use crate::world::World;

/// One product of an order.
#[derive(Debug, Clone)]
pub struct Piece {
    pub sku: String,
    pub quantity: u32,
    pub cents: i64,
    pub taxable: bool,
}

/// An order.
#[derive(Debug, Clone)]
pub struct Sold {
    pub id: String,
    pub region: &'static str,
    pub placed_at: Timestamp,
    pub pieces: Vec<Piece>,
}

impl Sold {
    /// An order of one taxable product.
    pub fn new(region: &'static str, placed_at: &str, cents: i64) -> Self {
        let piece = Piece { sku: "MUG-01".into(), quantity: 1, cents, taxable: true };
        let id = format!("ord_{:012x}", fastrand::u64(..) >> 16);
        Self { id, region, placed_at: placed_at.parse().unwrap(), pieces: vec![piece] }
    }

    /// An order of something between these two days, of one to five of twelve products.
    pub fn any(regions: &[&'static str], first: &str, days: i64) -> Self {
        let later = jiff::SignedDuration::from_secs(fastrand::i64(0..days * 86_400));
        let mut sold = Self::new(fastrand::choice(regions).unwrap(), &format!("{first}T00:00:00Z"), 0);
        sold.placed_at += later;
        let products = fastrand::choose_multiple(0..12_i64, fastrand::usize(1..=5));
        let piece = |product: i64| Piece {
            sku: format!("P-{product}"),
            quantity: fastrand::u32(1..=9),
            cents: 1_999 + 37 * product,
            taxable: product % 3 > 0,
        };
        sold.pieces = products.into_iter().map(piece).collect();
        sold
    }

    /// The same with exempt products.
    pub fn exempt(mut self) -> Self {
        for piece in &mut self.pieces {
            piece.taxable = false;
        }
        self
    }

    /// What its lines come to: all of them, or the taxable or the exempt ones.
    pub fn cents(&self, taxable: Option<bool>) -> i64 {
        let pieces = self.pieces.iter().filter(|piece| taxable.is_none_or(|taxable| piece.taxable == taxable));
        pieces.map(|piece| piece.cents * i64::from(piece.quantity)).sum()
    }

    /// The day (UTC) on which it was placed.
    pub fn day(&self) -> String {
        self.placed_at.to_string()[..10].to_owned()
    }

    /// The body of its message.
    pub fn body(&self) -> String {
        let sample = include_str!("../../events/samples/OrderPlaced.v1.json");
        let mut order = serde_json::from_str::<Envelope<OrderPlaced>>(sample).unwrap().data;
        let mut address = order.ship_to.reveal().clone();
        address.region = RegionCode::parse(self.region).unwrap();
        let line = |piece: &Piece| OrderLine {
            sku: Sku::parse(piece.sku.as_str()).unwrap(),
            name: piece.sku.clone(),
            quantity: Quantity::try_from(u64::from(piece.quantity)).unwrap(),
            unit_price_usd: Usd::from_cents(piece.cents),
            taxable: piece.taxable,
        };
        order.order_id = OrderId::parse(self.id.as_str()).unwrap();
        order.ship_to = Redacted::new(address);
        order.placed_at = self.placed_at;
        order.items = self.pieces.iter().map(line).collect();
        order.total_usd = OrderPlaced::sum(&order.items);
        let correlation_id = CorrelationId::parse(self.id.as_str()).unwrap();
        let cause = Cause { correlation_id, causation_id: None, traceparent: None };
        body(&Envelope::new(order, 1, "checkout", self.placed_at, cause).unwrap())
    }
}

/// A bench of a consumer's own, and the consumer on it.
pub async fn bench<C: Consumer>(world: &World, consumer: C) -> (ConsumerHarness, Batch<Transactional<C>>) {
    let bench = ConsumerHarness::new(&world.cloud.config, &format!("sold-{}", C::NAME)).await;
    let batch = on(&bench, consumer);
    (bench, batch)
}

/// One more worker on a bench.
pub fn on<C: Consumer>(bench: &ConsumerHarness, consumer: C) -> Batch<Transactional<C>> {
    let memory = DedupConfig { marker_ttl_days: 90 };
    let (table, queue, clock) = (bench.table.clone(), bench.queue.clone(), bench.clock.clone());
    Batch::transactional(consumer, table, queue, memory, clock)
}

/// Hands orders over in batches of ten, none before it was placed; all of them must be done.
pub async fn feed<C: Consumer>(bench: &ConsumerHarness, batch: &Batch<Transactional<C>>, orders: &[Sold]) {
    let placed = orders.iter().map(|order| order.placed_at);
    bench.clock.set(placed.fold(bench.clock.now(), Timestamp::max));
    for orders in orders.chunks(10) {
        let bodies: Vec<_> = orders.iter().map(Sold::body).collect();
        let back = bench.process(batch, bench.receive(&bodies).await).await;
        assert!(back.is_empty(), "{back:?} came back");
    }
}
