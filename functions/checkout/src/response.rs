//! Successful responses.

use jiff::Timestamp;
use orders::{OrderStatus, StoredOrder};
use serde::Serialize;
use switchyard_events::{OrderId, OrderLine, Usd};

use crate::problem::Problem;

/// A successful response about one order or several.
pub struct OrderResponse {
    /// The HTTP status.
    pub status: u16,
    /// The outcome in logs and metrics.
    pub outcome: &'static str,
    /// The order, if the response is about one.
    pub order_id: Option<OrderId>,
    /// The path of the order that the request placed or changed.
    pub location: Option<String>,
    /// JSON.
    pub body: String,
}

#[derive(Serialize)]
struct AcceptedBody<'a> {
    order_id: &'a OrderId,
    status: OrderStatus,
    total_usd: Usd,
    placed_at: Timestamp,
}

/// Address and mail address are left out: the client has them.
#[derive(Serialize)]
struct OrderBody<'a> {
    order_id: &'a OrderId,
    status: OrderStatus,
    total_usd: Usd,
    items: &'a [OrderLine],
    placed_at: Timestamp,
}

impl<'a> OrderBody<'a> {
    fn new(order: &'a StoredOrder, status: OrderStatus) -> Self {
        Self { order_id: &order.id, status, total_usd: order.total, items: &order.lines, placed_at: order.placed_at }
    }
}

impl OrderResponse {
    /// The outcome of a request that placed its order before.
    pub const REPEATED: &'static str = "repeated";

    /// The response to `POST /checkout` once the order is in the table. It is the same, byte for byte, when the client
    /// repeats the request.
    pub fn accepted(order: &StoredOrder, outcome: &'static str) -> Result<Self, Problem> {
        let body = AcceptedBody {
            order_id: &order.id,
            status: OrderStatus::Received,
            total_usd: order.total,
            placed_at: order.placed_at,
        };
        Ok(Self::new(202, outcome, &body)?.about(&order.id, true))
    }

    /// The response to `GET /orders/{id}`.
    pub fn order(order: &StoredOrder, status: OrderStatus, outcome: &'static str) -> Result<Self, Problem> {
        Ok(Self::new(200, outcome, &OrderBody::new(order, status))?.about(&order.id, false))
    }

    /// The response to a request to cancel the order, which is accepted or done.
    pub fn cancellation(order: &StoredOrder, status: OrderStatus, outcome: &'static str) -> Result<Self, Problem> {
        Ok(Self::new(202, outcome, &OrderBody::new(order, status))?.about(&order.id, true))
    }

    /// A response with this body.
    pub fn new(status: u16, outcome: &'static str, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(body).map_err(|error| Problem::from_fault(&error))?;
        Ok(Self { status, outcome, order_id: None, location: None, body })
    }

    fn about(self, order_id: &OrderId, is_accepted: bool) -> Self {
        let location = is_accepted.then(|| format!("/orders/{order_id}"));
        Self { order_id: Some(order_id.clone()), location, ..self }
    }
}
