//! [`Endpoint`]: what differs between the functions of the order API.

use switchyard_chassis::{Clock, Env, Table};
use tokio::time::Instant;

use crate::http::Request;
use crate::problem::Problem;
use crate::response::OrderResponse;

/// The routes that one function serves.
#[allow(async_fn_in_trait)] // the runtime has one thread, so the future need not be `Send`
pub trait Endpoint {
    /// The function's name in logs and metrics.
    const NAME: &'static str;

    /// Creates the endpoint. `table` stores orders and stock.
    fn new(table: Table, clock: Clock) -> Self;

    /// Reads the endpoint's own environment variables, if it has some.
    fn configured(self, _env: &mut Env) -> Self
    where
        Self: Sized,
    {
        self
    }

    /// Opens the connection before the first request, with a call that the function's role allows.
    async fn warm_up(table: &Table) {
        table.warm_up().await;
    }

    /// Answers one request by the deadline.
    ///
    /// # Errors
    ///
    /// The problem that the client receives.
    async fn answer(&self, request: Request<'_>, deadline: Instant) -> Result<OrderResponse, Problem>;
}
