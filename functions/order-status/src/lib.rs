//! `GET /orders/{id}`: returns an order and its status, at once or when it has the status that the client waits for.
//!
//! A function of its own, because a client may wait 20 s: waiting clients must not use the executions that orders need. Requests,
//! problems and the stored order are those of `checkout`.

mod get_order;
mod wait;

use checkout::http::{Request, Route};
use checkout::problem::Problem;
use checkout::response::OrderResponse;
use checkout::{Api, Endpoint};
use switchyard_chassis::{Clock, Table};
use tokio::time::Instant;

/// The function, as the tests call it.
pub type OrderStatusApi = Api<GetOrder>;

/// `GET /orders/{id}`.
pub struct GetOrder {
    table: Table,
}

impl Endpoint for GetOrder {
    const NAME: &'static str = "order-status";

    fn new(table: Table, _clock: Clock) -> Self {
        Self { table }
    }

    async fn warm_up(table: &Table) {
        table.warm_up_by_query().await;
    }

    async fn answer(&self, request: Request<'_>, deadline: Instant) -> Result<OrderResponse, Problem> {
        match request.route()? {
            Route::GetOrder(id) => get_order::get_order(request, &self.table, &id, deadline).await,
            Route::PlaceOrder => Err(Problem::not_found()),
        }
    }
}

#[cfg(test)]
mod tests;
