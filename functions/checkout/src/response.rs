//! Successful responses.

use jiff::Timestamp;
use orders::{OrderStatus, StoredOrder};
use serde::Serialize;
use switchyard_events::{OrderId, OrderLine, Usd};

use crate::problem::Problem;

/// A successful response about one order.
pub struct OrderResponse {
    /// The HTTP status.
    pub status: u16,
    /// The outcome in logs and metrics.
    pub outcome: &'static str,
    pub order_id: OrderId,
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

impl OrderResponse {
    /// The response to `POST /checkout` once the order is in the table. It is the same, byte for byte, when the client
    /// repeats the request.
    pub fn accepted(order: &StoredOrder, outcome: &'static str) -> Result<Self, Problem> {
        let body = AcceptedBody {
            order_id: &order.id,
            status: OrderStatus::Received,
            total_usd: order.total,
            placed_at: order.placed_at,
        };
        Self::new(202, outcome, &order.id, &body)
    }

    /// The response to `GET /orders/{id}`.
    pub fn order(order: &StoredOrder, status: OrderStatus, outcome: &'static str) -> Result<Self, Problem> {
        let body = OrderBody {
            order_id: &order.id,
            status,
            total_usd: order.total,
            items: &order.lines,
            placed_at: order.placed_at,
        };
        Self::new(200, outcome, &order.id, &body)
    }

    fn new(status: u16, outcome: &'static str, order_id: &OrderId, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(body).map_err(|error| Problem::from_fault(&error))?;
        Ok(Self { status, outcome, order_id: order_id.clone(), body })
    }
}
