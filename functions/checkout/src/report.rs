//! What is said about a request: one log line and one line of metrics. Neither holds anything personal.

use std::fmt::Display;

use switchyard_chassis::Metrics;
use switchyard_events::CorrelationId;
use tokio::time::Instant;

use crate::http::Request;
use crate::{Answer, Checkout, Problem};

/// Something is wrong on our side: in the log, and not in the answer.
pub(crate) fn fault(error: &dyn Display) -> Problem {
    tracing::error!(function = "checkout", %error);
    Problem::internal()
}

/// Something did not work this time.
pub(crate) fn passing(reason: &dyn Display) -> Problem {
    tracing::warn!(function = "checkout", error = %reason);
    Problem::busy()
}

impl Checkout {
    pub(crate) fn report(&self, request: Request<'_>, answer: &Result<Answer, Problem>, started: Instant) {
        let usage = self.table.take_usage();
        let (outcome, status) = match answer {
            Ok(answer) => (answer.outcome, answer.status),
            Err(problem) => (problem.name(), problem.status),
        };
        let order_id = answer.as_ref().ok().map(|answer| answer.order_id.as_str());
        let given = request.correlation_id();
        let correlation_id = given.as_ref().map(CorrelationId::as_str).or(order_id);
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            function = "checkout",
            outcome,
            status,
            order_id,
            correlation_id,
            duration_ms,
            calls = usage.calls,
            capacity_units = usage.units,
        );
        let one_if = |holds: bool| u32::from(holds);
        Metrics::new("Function", "checkout")
            .property("Outcome", outcome)
            .count("Orders", one_if(outcome == "placed"))
            .count("Repeated", one_if(outcome == "repeated"))
            .count("OutOfStock", one_if(outcome == "out-of-stock"))
            .count("Rejected", one_if((400..500).contains(&status)))
            .count("Failed", one_if(status >= 500))
            .count("CapacityUnits", usage.units)
            .count("DynamoDBCalls", usage.calls)
            // What a client chose to wait would hide how fast the others are answered.
            .milliseconds(if outcome == "awaited" { "WaitedMs" } else { "DurationMs" }, duration_ms)
            .write(self.clock.now());
    }
}
