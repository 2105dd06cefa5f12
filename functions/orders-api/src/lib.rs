//! Lists, shows and cancels orders: `GET /orders`, `GET /orders/{id}` and `POST /orders/{id}/cancel`.
//!
//! A function of its own, because a client may wait 20 s for a status: clients that wait or browse must not use the executions that
//! orders need. Requests and problems are those of `checkout`, and the stored order is that of `orders`.
//!
//! * `get_order`, `list_orders`, `cancel_order`: the routes
//! * `owned_order`: an order and its status, read for the caller that owns it
//! * `cursor`, `wait`, `query`: what a client may ask for

mod cancel_order;
mod cursor;
mod get_order;
mod list_orders;
mod owned_order;
mod query;
mod wait;

use checkout::http::{Request, Route};
use checkout::problem::Problem;
use checkout::response::OrderResponse;
use checkout::{Api, Endpoint};
use switchyard_chassis::{Clock, Table};
use tokio::time::Instant;

/// The function, as the tests call it.
pub type OrdersApi = Api<OrderRoutes>;

/// The routes that read and change orders.
pub struct OrderRoutes {
    table: Table,
    clock: Clock,
}

impl Endpoint for OrderRoutes {
    const NAME: &'static str = "orders-api";

    fn new(table: Table, clock: Clock) -> Self {
        Self { table, clock }
    }

    async fn warm_up(table: &Table) {
        table.warm_up_by_query().await;
    }

    async fn answer(&self, request: Request<'_>, deadline: Instant) -> Result<OrderResponse, Problem> {
        match request.route()? {
            Route::ListOrders => list_orders::list_orders(request, &self.table).await,
            Route::GetOrder(id) => get_order::get_order(request, &self.table, &id, deadline).await,
            Route::CancelOrder(id) => {
                cancel_order::cancel_order(request, &self.table, &self.clock, &id, deadline).await
            }
            Route::PlaceOrder => Err(Problem::not_found()),
        }
    }
}

#[cfg(test)]
mod tests;
