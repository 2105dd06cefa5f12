//! [`Wait`]: the query `?wait=STATUS&timeout=SECONDS`.

use std::ops::RangeInclusive;
use std::time::Duration;

use orders::OrderStatus;

use checkout::http::Request;
use checkout::problem::{FieldError, Problem};

/// The timeouts that a client may choose, in seconds. The function is paid for while it waits, and API Gateway ends a
/// request after 30 seconds (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>,
/// 2026-11-21).
const TIMEOUT_SECS: RangeInclusive<u64> = 1..=20;
/// The timeout if the client chooses none.
const DEFAULT_TIMEOUT_SECS: u64 = 10;

/// The status that a client waits for, and the longest time that it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) status: OrderStatus,
    pub(crate) timeout: Duration,
}

impl Wait {
    /// Parses the query; none if it has no `wait`.
    pub(crate) fn from_query(request: Request<'_>) -> Result<Option<Self>, Problem> {
        let status = parameter(request, "wait", |text| text.parse::<OrderStatus>().map_err(|invalid| invalid.0));
        let timeout = parameter(request, "timeout", parse_timeout);
        match (status, timeout) {
            (Ok(None), Ok(_)) => Ok(None),
            (Ok(Some(status)), Ok(timeout)) => {
                Ok(Some(Self { status, timeout: Duration::from_secs(timeout.unwrap_or(DEFAULT_TIMEOUT_SECS)) }))
            }
            (status, timeout) => Err(Problem::invalid_query(status.err().into_iter().chain(timeout.err()).collect())),
        }
    }
}

/// Parses a parameter of the query; none if it is absent.
fn parameter<T>(
    request: Request<'_>,
    name: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, FieldError> {
    let Some(values) = request.0.query_string_parameters.all(name) else {
        return Ok(None);
    };
    let value = match values.as_slice() {
        [value] => parse(value),
        _ => Err("must be given once".to_owned()),
    };
    value.map(Some).map_err(|reason| FieldError { field: name.to_owned(), reason })
}

fn parse_timeout(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| TIMEOUT_SECS.contains(seconds));
    let (min, max) = TIMEOUT_SECS.into_inner();
    seconds.ok_or_else(|| format!("must be a whole number of seconds from {min} to {max}"))
}
