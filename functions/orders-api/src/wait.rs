//! [`Wait`]: the query `?wait=STATUS&timeout=SECONDS`, and waiting itself.

use std::ops::RangeInclusive;
use std::time::Duration;

use checkout::http::Request;
use checkout::problem::{FieldError, Problem};
use orders::OrderStatus;
use switchyard_chassis::{Item, Table, backoff};
use switchyard_events::OrderId;
use tokio::time::{Instant, sleep_until};

use crate::owned_order::query_rows;
use crate::query::parameter;

/// The timeouts that a client may choose, in seconds. The function is paid for while it waits, and API Gateway ends a
/// request after 30 seconds (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>,
/// 2026-11-21).
const TIMEOUT_SECS: RangeInclusive<u64> = 1..=20;
/// The timeout if the client chooses none.
const DEFAULT_TIMEOUT_SECS: u64 = 10;
/// Time kept free to respond, if the invocation's deadline comes before the client's timeout.
const RESPONSE_MARGIN: Duration = Duration::from_secs(1);

/// The status that a client waits for, and the longest time that it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) status: OrderStatus,
    pub(crate) timeout: Duration,
}

impl Wait {
    /// Parses the query; none if it has no `wait`.
    pub(crate) fn from_query(request: Request<'_>) -> Result<Option<Self>, Problem> {
        Self::parse(request, |text| text.parse::<OrderStatus>().map_err(|invalid| invalid.0))
    }

    /// Parses the query of a request to cancel, which can only wait until the order is cancelled.
    pub(crate) fn for_cancellation(request: Request<'_>) -> Result<Option<Self>, Problem> {
        Self::parse(request, |text| match text.parse() {
            Ok(OrderStatus::Cancelled) => Ok(OrderStatus::Cancelled),
            _ => Err("must be cancelled".to_owned()),
        })
    }

    fn parse(
        request: Request<'_>,
        parse_status: impl Fn(&str) -> Result<OrderStatus, String>,
    ) -> Result<Option<Self>, Problem> {
        let status = parameter(request, "wait", parse_status);
        let timeout = parameter(request, "timeout", parse_timeout);
        match (status, timeout) {
            (Ok(None), Ok(_)) => Ok(None),
            (Ok(Some(status)), Ok(timeout)) => {
                Ok(Some(Self { status, timeout: Duration::from_secs(timeout.unwrap_or(DEFAULT_TIMEOUT_SECS)) }))
            }
            (status, timeout) => {
                let errors: Vec<FieldError> = status.err().into_iter().chain(timeout.err()).collect();
                Err(Problem::invalid_query(errors))
            }
        }
    }
}

fn parse_timeout(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| TIMEOUT_SECS.contains(seconds));
    let (min, max) = TIMEOUT_SECS.into_inner();
    seconds.ok_or_else(|| format!("must be a whole number of seconds from {min} to {max}"))
}

/// Reads the order's status rows again and again until they are as wanted, or time is up. Returns the last ones.
pub(crate) async fn poll_status(
    table: &Table,
    id: &OrderId,
    mut rows: Vec<Item>,
    timeout: Duration,
    deadline: Instant,
    is_reached: impl Fn(&[Item]) -> bool,
) -> Result<Vec<Item>, Problem> {
    let end = (Instant::now() + timeout + RESPONSE_MARGIN).min(deadline) - RESPONSE_MARGIN;
    for poll in 0.. {
        if is_reached(&rows) || Instant::now() >= end {
            break;
        }
        sleep_until(end.min(Instant::now() + poll_delay(poll))).await;
        let read = query_rows(table, id, OrderStatus::SK_PREFIX).await;
        rows = read.map_err(|error| Problem::from_transient(&error))?;
    }
    Ok(rows)
}

/// The delay before a poll. It is short at first, because most orders are decided within two seconds, and random, so
/// that clients do not poll in step.
fn poll_delay(poll: u32) -> Duration {
    Duration::from_millis(50) + backoff::full_jitter(Duration::from_millis(100), poll, Duration::from_millis(900))
}
