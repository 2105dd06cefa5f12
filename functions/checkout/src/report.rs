//! One log line and one line of figures per request. Neither contains personal data.

use std::time::Duration;

use jiff::Timestamp;
use switchyard_chassis::{Metrics, Usage};
use switchyard_events::{CorrelationId, OrderId};

use crate::endpoint::Endpoint;
use crate::http::Request;
use crate::problem::Problem;
use crate::response::OrderResponse;

/// Logs a request and writes its figures.
pub(crate) fn report<E: Endpoint>(
    request: Request<'_>,
    result: &Result<OrderResponse, Problem>,
    usage: Usage,
    duration: Duration,
    now: Timestamp,
) {
    let (outcome, status) = match result {
        Ok(response) => (response.outcome, response.status),
        Err(problem) => (problem.name(), problem.status),
    };
    let order_id = result.as_ref().ok().and_then(|response| response.order_id.as_ref()).map(OrderId::as_str);
    let given = request.correlation_id();
    let correlation_id = given.as_ref().map(CorrelationId::as_str).or(order_id);
    let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        function = E::NAME,
        outcome,
        status,
        order_id,
        correlation_id,
        duration_ms,
        calls = usage.calls,
        capacity_units = usage.units,
    );
    // A client that waits chooses the duration, so its requests would hide how fast the others are answered.
    let duration_metric = if outcome == "awaited" { "WaitedMs" } else { "DurationMs" };
    Metrics::new("Function", E::NAME)
        .property("Outcome", outcome)
        .property("Status", status)
        .property("CapacityUnits", usage.units)
        .property("DynamoDBCalls", usage.calls)
        .property(duration_metric, duration_ms)
        .count("Orders", u32::from(outcome == "placed"))
        .write(now);
}
