//! Orders of numbered users and products.

use jiff::{SignedDuration, Timestamp};
use switchyard_chassis::conformance::body;
use switchyard_events::{
    Aggregate, AggregateId, CancellationReason, Envelope, EventId, OrderId, OrderLine, OrderPlaced, Quantity, Sku, Usd,
    UserId,
};

use crate::support::order_cancelled;

/// The fields of an order that the consumer uses.
#[derive(Debug, Clone)]
pub struct Order {
    pub id: OrderId,
    pub user: UserId,
    pub placed_at: Timestamp,
    pub skus: Vec<Sku>,
}

pub fn sku(n: u32) -> Sku {
    Sku::parse(format!("SKU-{n}")).unwrap()
}

pub fn numbered_user(n: u32) -> UserId {
    UserId::parse(format!("usr_{n}")).unwrap()
}

impl Order {
    /// The `n`th order, placed `n` minutes after the first.
    pub fn new(n: u32, user: &UserId, skus: Vec<Sku>) -> Self {
        let first: Timestamp = "2026-05-01T00:00:00Z".parse().unwrap();
        let placed_at = first + SignedDuration::from_mins(n.into());
        Self { id: OrderId::parse(format!("ord_{n}")).unwrap(), user: user.clone(), placed_at, skus }
    }

    /// The body of the message about its cancellation.
    pub fn cancellation_body(&self) -> String {
        let at = self.placed_at + SignedDuration::from_hours(1);
        body(&order_cancelled(self.envelope().data, CancellationReason::Rejected, at))
    }

    /// The message body.
    pub fn body(&self) -> String {
        body(&self.envelope())
    }

    fn envelope(&self) -> Envelope<OrderPlaced> {
        let sample = include_str!("../../../../events/samples/OrderPlaced.v1.json");
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
        envelope
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
pub fn history(seed: u64, count: u32) -> Vec<Order> {
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
