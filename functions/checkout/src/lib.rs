//! The order API: `POST /checkout` commits an order in a single transaction, `GET /orders/{id}` returns an order and
//! its status.
//!
//! * `http`, `json`, `caller`, `wait`: a request, its body, its authenticated caller, its query
//! * `cart`, `order_request`: the cart, and a valid request to place an order, which is recognized when it is repeated
//! * `catalog`, `commit`, `order`: product rows, the transaction, order rows
//! * `place_order`, `get_order`: one file per route
//! * `response`, `problem`: what the client receives
//! * `report`: one log line and one line of metrics per request

mod caller;
mod cart;
mod catalog;
mod commit;
mod get_order;
mod http;
mod json;
mod order;
mod order_request;
mod place_order;
mod problem;
mod report;
mod response;
mod wait;

use std::panic::AssertUnwindSafe;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use futures_util::FutureExt;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use switchyard_chassis::{Clock, Table, deadline, start};
use tokio::time::{Instant, timeout_at};

use crate::caller::Caller;
use crate::cart::Cart;
use crate::catalog::Catalog;
use crate::get_order::get_order;
use crate::http::{Request, Route, json_response, problem_response};
use crate::order_request::OrderRequest;
use crate::place_order::place_order;
pub use crate::problem::{FieldError, Problem, Shortage};
use crate::report::report;
use crate::response::OrderResponse;

/// Validates a request to place an order, without AWS and without placing it.
///
/// # Errors
///
/// The problem that the client would receive. Products are not looked up.
pub fn validate(request: &ApiGatewayV2httpRequest) -> Result<(), Problem> {
    let request = Request(request);
    let cart = Cart::parse(&request.json()?, None).map_err(|invalid| Problem::invalid_cart(invalid.errors))?;
    let caller = Caller::from_request(request)?;
    OrderRequest::new(request, &caller, cart, jiff::Timestamp::UNIX_EPOCH).map(drop)
}

/// Serves the API until Lambda stops the process.
pub async fn serve() -> Result<(), Error> {
    let (mut env, clients) = start();
    let client = aws_sdk_dynamodb::Client::new(clients.sdk());
    let table = Table::new(client, env.required::<String>("TABLE_NAME"));
    env.finish(())?;
    table.warm_up().await;
    let checkout = &Checkout::new(table, Clock::system());
    lambda_runtime::run(service_fn(async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        let deadline = deadline(event.context.deadline, &checkout.clock);
        Ok::<_, Error>(checkout.handle(event.payload, deadline).await)
    }))
    .await
}

/// The order API.
pub struct Checkout {
    table: Table,
    catalog: Catalog,
    clock: Clock,
}

impl Checkout {
    /// Creates the API. `table` stores orders and stock.
    pub fn new(table: Table, clock: Clock) -> Self {
        let catalog = Catalog::new(table.clone());
        Self { table, catalog, clock }
    }

    /// Answers one request by the deadline. A panic is answered with status 500, a timeout with 503.
    pub async fn handle(&self, request: ApiGatewayV2httpRequest, deadline: Instant) -> ApiGatewayV2httpResponse {
        let started = Instant::now();
        let request = Request(&request);
        let result = timeout_at(deadline, AssertUnwindSafe(self.route(request, deadline)).catch_unwind()).await;
        let result = match result {
            Ok(Ok(result)) => result,
            // The panic hook has logged the place of the panic.
            Ok(Err(_panic)) => Err(Problem::internal()),
            Err(_timeout) => Err(Problem::busy()),
        };
        report(request, &result, self.table.take_usage(), started.elapsed(), self.clock.now());
        match result {
            Ok(response) => json_response(response.status, response.body),
            Err(problem) => problem_response(&problem),
        }
    }

    async fn route(&self, request: Request<'_>, deadline: Instant) -> Result<OrderResponse, Problem> {
        match request.route()? {
            Route::PlaceOrder => place_order(request, &self.table, &self.catalog, &self.clock).await,
            Route::GetOrder(id) => get_order(request, &self.table, &id, deadline).await,
        }
    }
}

#[cfg(test)]
mod tests;
