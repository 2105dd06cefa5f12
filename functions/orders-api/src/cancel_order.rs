//! `POST /orders/{id}/cancel`: states that the owner wants the order cancelled. The warehouse decides whether that is too late.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use checkout::http::Request;
use checkout::problem::Problem;
use checkout::response::OrderResponse;
use jiff::Timestamp;
use orders::{OrderStatus, StoredOrder, order_key};
use switchyard_chassis::{Clock, Item, Key, Row, Table, describe, text_of};
use switchyard_events::{CancellationRequested, Cause, CorrelationId, Envelope, OrderId, OutboxEntry};
use tokio::time::Instant;

use crate::owned_order::OwnedOrder;
use crate::wait::{Wait, poll_status};

/// The outcome of a first request.
pub(crate) const REQUESTED: &str = "cancellation-requested";

/// The sequence number of `CancellationRequested`.
const REQUEST_SEQUENCE: u64 = 4;

/// What an order's rows say about its cancellation.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    Cancelled,
    /// The order is on a pick list.
    TooLate,
    /// The warehouse has not decided.
    Undecided(OrderStatus),
}

impl Progress {
    fn from_rows(rows: &[Item]) -> Self {
        match OrderStatus::from_rows(rows) {
            OrderStatus::Cancelled => Self::Cancelled,
            OrderStatus::Picking => Self::TooLate,
            _ if OrderStatus::is_too_late_to_cancel(rows) => Self::TooLate,
            status => Self::Undecided(status),
        }
    }
}

/// Requests the cancellation once, however often a client asks for it, and returns what is known of the decision.
pub(crate) async fn cancel_order(
    request: Request<'_>,
    table: &Table,
    clock: &Clock,
    id: &OrderId,
    deadline: Instant,
) -> Result<OrderResponse, Problem> {
    let wait = Wait::for_cancellation(request)?;
    // Orders are never deleted, so the order still exists when the request is stored.
    let OwnedOrder { order, mut rows } = OwnedOrder::read(request, table, id, true).await?;
    let key = cancellation_key(id);
    let is_requested = rows.iter().any(|row| text_of(row, "sk") == Some(&key.sk));
    let mut outcome = "cancellation-repeated";
    if !is_requested && matches!(Progress::from_rows(&rows), Progress::Undecided(_)) {
        store_request(request, table, &order, clock.now()).await?;
        outcome = REQUESTED;
    }
    if let Some(wait) = wait {
        let is_decided = |rows: &[_]| !matches!(Progress::from_rows(rows), Progress::Undecided(_));
        rows = poll_status(table, id, rows, wait.timeout, deadline, is_decided).await?;
    }
    match Progress::from_rows(&rows) {
        Progress::Cancelled => OrderResponse::cancellation(&order, OrderStatus::Cancelled, outcome),
        Progress::TooLate => Err(Problem::too_late()),
        Progress::Undecided(status) => OrderResponse::cancellation(&order, status, outcome),
    }
}

fn cancellation_key(id: &OrderId) -> Key {
    Key::new(order_key(id).pk, "CANCELLATION")
}

/// Stores the request with its event, unless another request has done so meanwhile. Only the first one counts.
async fn store_request(
    request: Request<'_>,
    table: &Table,
    order: &StoredOrder,
    now: Timestamp,
) -> Result<(), Problem> {
    let row = request_row(request, order, now).map_err(|error| Problem::from_fault(&error))?;
    let put = table.client().put_item().table_name(table.name()).set_item(Some(row.into_item()));
    let put = put.condition_expression("attribute_not_exists(pk)");
    match put.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await {
        Ok(answer) => {
            table.count_units(answer.consumed_capacity.and_then(|capacity| capacity.capacity_units).unwrap_or(0.0));
            Ok(())
        }
        Err(error) => {
            table.count_units(0.0);
            if error.code() == Some("ConditionalCheckFailedException") {
                return Ok(());
            }
            Err(Problem::from_transient(&format!("DynamoDB PutItem: {}", describe(&error))))
        }
    }
}

fn request_row(request: Request<'_>, order: &StoredOrder, now: Timestamp) -> anyhow::Result<Row> {
    let correlation_id = request.correlation_id().map_or_else(|| CorrelationId::parse(order.id.as_str()), Ok);
    let cause = Cause {
        correlation_id: correlation_id?,
        causation_id: None,
        traceparent: request.traceparent().map(str::to_owned),
    };
    let requested_at = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    let fact = CancellationRequested { order_id: order.id.clone(), user_id: order.user_id.clone(), requested_at };
    let envelope = Envelope::new(fact, REQUEST_SEQUENCE, "checkout", requested_at, cause)?;
    let outbox = OutboxEntry::to_attribute(&[envelope.into_outbox_entry()?])?;
    let by = if request.is_from_operator() { "operator" } else { "owner" };
    let row = Row::new(cancellation_key(&order.id)).set("requested_at", requested_at).set("requested_by", by);
    Ok(row.set(OutboxEntry::ATTRIBUTE, outbox))
}
