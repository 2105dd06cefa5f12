//! `GET /orders/{id}`: returns an order, at once or when it has the status that the client waits for.

use std::time::Duration;

use orders::{OrderStatus, StoredOrder, order_key};
use switchyard_chassis::{Failure, Item, Table, backoff, text_of};
use switchyard_events::OrderId;
use tokio::time::{Instant, sleep_until};

use crate::wait::Wait;
use checkout::caller::Caller;
use checkout::http::Request;
use checkout::problem::Problem;
use checkout::response::OrderResponse;
use orders::{StoredOrder, order_key};

/// Time kept free to respond, if the invocation's deadline comes before the client's timeout.
const RESPONSE_MARGIN: Duration = Duration::from_secs(1);

/// Returns an order to the caller that placed it.
pub(crate) async fn get_order(
    request: Request<'_>,
    table: &Table,
    id: &OrderId,
    deadline: Instant,
) -> Result<OrderResponse, Problem> {
    let caller = Caller::from_request(request)?;
    let wait = Wait::from_query(request)?;
    let rows = query_rows(table, id, "").await.map_err(|error| Problem::from_transient(&error))?;
    let key = order_key(id);
    let row = rows.iter().find(|row| text_of(row, "sk") == Some(&key.sk)).ok_or_else(Problem::not_found)?;
    let stored = StoredOrder::from_row(row).map_err(|error| Problem::from_fault(&error))?;
    if stored.caller != caller.fingerprint() {
        return Err(Problem::not_found());
    }
    let status = OrderStatus::from_rows(&rows);
    let Some(wait) = wait else {
        return OrderResponse::order(&stored, status, "shown");
    };
    let status = wait_for_status(table, id, status, wait, deadline).await;
    OrderResponse::order(&stored, status.map_err(|error| Problem::from_transient(&error))?, "awaited")
}

/// Polls until the order has at least the status of `wait`, or time is up. Returns the last status.
async fn wait_for_status(
    table: &Table,
    id: &OrderId,
    current: OrderStatus,
    wait: Wait,
    deadline: Instant,
) -> Result<OrderStatus, Failure> {
    let end = (Instant::now() + wait.timeout + RESPONSE_MARGIN).min(deadline) - RESPONSE_MARGIN;
    let mut status = current;
    for poll in 0.. {
        if status.is_at_least(wait.status) || Instant::now() >= end {
            break;
        }
        sleep_until(end.min(Instant::now() + poll_delay(poll))).await;
        status = OrderStatus::from_rows(&query_rows(table, id, OrderStatus::SK_PREFIX).await?);
    }
    Ok(status)
}

/// Strongly consistent.
async fn query_rows(table: &Table, id: &OrderId, sk_prefix: &str) -> Result<Vec<Item>, Failure> {
    table.query(&order_key(id).pk, sk_prefix).await
}

/// The delay before a poll. It is short at first, because most orders are decided within two seconds, and random, so
/// that clients do not poll in step.
fn poll_delay(poll: u32) -> Duration {
    Duration::from_millis(50) + backoff::full_jitter(Duration::from_millis(100), poll, Duration::from_millis(900))
}
