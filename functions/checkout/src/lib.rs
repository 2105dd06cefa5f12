//! Takes orders: `POST /checkout` commits one in a single transaction, `GET /orders/{id}` shows how far it has come.
//!
//! * `http`, `json`, `caller`, `ticket`: the request, who sent it, and how it is known when it comes again
//! * `cart`, `catalog`, `order`: what is wanted, what it costs, what is stored and shown
//! * `place`, `commit`: the transaction, and what its failure means
//! * `read`, `wait`: an order's status, and waiting for it
//! * `problem`, `report`: answers that are no success; logs and metrics

mod caller;
mod cart;
mod catalog;
mod commit;
mod http;
mod json;
mod order;
mod place;
mod problem;
mod read;
mod report;
mod ticket;
mod wait;

use std::panic::AssertUnwindSafe;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use futures_util::FutureExt;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use switchyard_chassis::{Clock, Table, deadline, start};
use switchyard_events::OrderId;
use tokio::time::{Instant, timeout_at};

use crate::caller::Caller;
use crate::cart::Cart;
use crate::catalog::Catalog;
use crate::http::{Request, Route, respond};
pub use crate::problem::{FieldError, Problem, Shortage};
use crate::ticket::Ticket;

/// Reads the cart of a request as an order would be read, and stops there: what bad input is answered, without AWS.
pub fn validate(request: &ApiGatewayV2httpRequest) -> Result<(), Problem> {
    let request = Request(request);
    let cart = Cart::read(&request.json()?, None).map_err(|bad| Problem::invalid_cart(bad.errors))?;
    let caller = Caller::of(request)?;
    Ticket::new(request, &caller, cart, jiff::Timestamp::UNIX_EPOCH).map(drop)
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

/// The API, over the orders table.
pub struct Checkout {
    table: Table,
    catalog: Catalog,
    clock: Clock,
}

/// A success.
struct Answer {
    status: u16,
    /// What the log calls it.
    outcome: &'static str,
    order_id: OrderId,
    body: String,
}

impl Checkout {
    /// The API over this table of orders and stock.
    pub fn new(table: Table, clock: Clock) -> Self {
        let catalog = Catalog::new(table.clone());
        Self { table, catalog, clock }
    }

    /// Answers one request, whatever happens, by the deadline.
    pub async fn handle(&self, request: ApiGatewayV2httpRequest, deadline: Instant) -> ApiGatewayV2httpResponse {
        let started = Instant::now();
        let request = Request(&request);
        let answer = timeout_at(deadline, AssertUnwindSafe(self.answer(request, deadline)).catch_unwind()).await;
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            // The panic hook has logged where.
            Ok(Err(_)) => Err(Problem::internal()),
            Err(_) => Err(Problem::busy()),
        };
        self.report(request, &answer, started);
        match answer {
            Ok(answer) => respond(answer.status, "application/json", None, answer.body),
            Err(problem) => {
                let body = serde_json::to_string(&problem).unwrap_or_default();
                respond(problem.status, "application/problem+json", problem.header, body)
            }
        }
    }

    async fn answer(&self, request: Request<'_>, deadline: Instant) -> Result<Answer, Problem> {
        match request.route()? {
            Route::PlaceOrder => self.place(request).await,
            Route::ReadOrder(id) => self.read(request, &id, deadline).await,
        }
    }
}

#[cfg(test)]
mod tests;
