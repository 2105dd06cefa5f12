//! `GET /orders/{id}`: returns an order, at once or when it has the status that the client waits for.

use checkout::http::Request;
use checkout::problem::Problem;
use checkout::response::OrderResponse;
use orders::OrderStatus;
use switchyard_chassis::Table;
use switchyard_events::OrderId;
use tokio::time::Instant;

use crate::owned_order::OwnedOrder;
use crate::wait::{Wait, poll_status};

/// Returns an order to the caller that placed it.
pub(crate) async fn get_order(
    request: Request<'_>,
    table: &Table,
    id: &OrderId,
    deadline: Instant,
) -> Result<OrderResponse, Problem> {
    let wait = Wait::from_query(request)?;
    let OwnedOrder { order, rows } = OwnedOrder::read(request, table, id, false).await?;
    let Some(wait) = wait else {
        return OrderResponse::order(&order, OrderStatus::from_rows(&rows), "shown");
    };
    let reached = |rows: &[_]| OrderStatus::from_rows(rows).is_at_least(wait.status);
    let rows = poll_status(table, id, rows, wait.timeout, deadline, reached).await?;
    OrderResponse::order(&order, OrderStatus::from_rows(&rows), "awaited")
}
