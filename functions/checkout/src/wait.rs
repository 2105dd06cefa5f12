//! What a client waits for: `?wait=STATUS&timeout=SECONDS`.

use std::ops::RangeInclusive;
use std::time::Duration;

use orders::OrderStatus;

use crate::http::Request;
use crate::{FieldError, Problem};

/// How many seconds a client may wait. Each is paid for as the function's; an API waits for 30 at most
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>, 2026-11-21).
const PATIENCE: RangeInclusive<u64> = 1..=20;
/// How many it waits if it does not say.
const USUAL_PATIENCE: u64 = 10;

/// A status that a client waits for, and how long at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) status: OrderStatus,
    pub(crate) patience: Duration,
}

impl Wait {
    /// Reads the query; without `wait` there is nothing to wait for.
    pub(crate) fn of(request: Request<'_>) -> Result<Option<Self>, Problem> {
        let status = field(request, "wait", |text| text.parse::<OrderStatus>().map_err(|invalid| invalid.0));
        let patience = field(request, "timeout", seconds);
        match (status, patience) {
            (Ok(None), Ok(_)) => Ok(None),
            (Ok(Some(status)), Ok(patience)) => {
                Ok(Some(Self { status, patience: Duration::from_secs(patience.unwrap_or(USUAL_PATIENCE)) }))
            }
            (status, patience) => Err(Problem::invalid_query(status.err().into_iter().chain(patience.err()).collect())),
        }
    }
}

/// A parameter of the query, if it is there.
fn field<T>(
    request: Request<'_>,
    name: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, FieldError> {
    let Some(given) = request.0.query_string_parameters.all(name) else {
        return Ok(None);
    };
    let value = match given.as_slice() {
        [one] => parse(one),
        _ => Err("must be given once".to_owned()),
    };
    value.map(Some).map_err(|reason| FieldError { field: name.to_owned(), reason })
}

fn seconds(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| PATIENCE.contains(seconds));
    seconds.ok_or_else(|| format!("must be a whole number of seconds from {} to {}", PATIENCE.start(), PATIENCE.end()))
}
