//! `POST /checkout` commits an order in a single transaction. Orders are listed, shown and cancelled by the function `orders-api`,
//! which uses the public modules of this crate.
//!
//! * `api`, `endpoint`: what both functions share around a request, and what differs
//! * `http`, `json`, `caller`: a request, its body, its authenticated caller
//! * `cart`, `order_request`, `request_hash`: the cart, and a valid request to place an order, which is recognized when it is repeated
//! * `catalog`, `commit`: product rows, the transaction; the crate `orders` has the stored order
//! * `place_order`: the route
//! * `response`, `problem`: what the client receives
//! * `report`: one log line and one line of metrics per request

mod api;
pub mod caller;
mod cart;
mod catalog;
mod commit;
mod endpoint;
pub mod http;
mod json;
mod order_request;
mod place_order;
pub mod problem;
mod report;
mod request_hash;
pub mod response;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use switchyard_chassis::{Clock, Env, Table};
use tokio::time::Instant;

pub use crate::api::{Api, serve};
use crate::caller::Caller;
use crate::cart::Cart;
use crate::catalog::Catalog;
pub use crate::endpoint::Endpoint;
use crate::http::{Request, Route};
use crate::order_request::OrderRequest;
use crate::place_order::place_order;
pub use crate::problem::{FieldError, Problem, Shortage};
use crate::response::OrderResponse;

/// Validates a request to place an order, without AWS and without placing it.
///
/// # Errors
///
/// The problem that the client would receive. Products are not looked up.
pub fn validate(request: &ApiGatewayV2httpRequest) -> Result<(), Problem> {
    let request = Request(request);
    let body = request.json()?;
    // A fuzzed request has no identity; its cart is checked as that of a service.
    let caller = Caller::from_request(request).unwrap_or(Caller::Principal(String::new()));
    let cart = Cart::parse(&body, &caller, false).map_err(|invalid| Problem::invalid_cart(invalid.errors))?;
    OrderRequest::new(request, &caller, cart, jiff::Timestamp::UNIX_EPOCH).map(drop)
}

/// The function, as the tests call it.
pub type Checkout = Api<PlaceOrder>;

/// `POST /checkout`.
pub struct PlaceOrder {
    table: Table,
    catalog: Catalog,
    clock: Clock,
    /// Whether a caller with a token may name another address than its verified one.
    allows_body_email: bool,
}

impl Endpoint for PlaceOrder {
    const NAME: &'static str = "checkout";

    fn new(table: Table, clock: Clock) -> Self {
        Self { catalog: Catalog::new(table.clone()), table, clock, allows_body_email: false }
    }

    fn configured(self, env: &mut Env) -> Self {
        Self { allows_body_email: env.or("JWT_BODY_EMAIL", false), ..self }
    }

    async fn answer(&self, request: Request<'_>, _deadline: Instant) -> Result<OrderResponse, Problem> {
        match request.route()? {
            Route::PlaceOrder => {
                place_order(request, &self.table, &self.catalog, &self.clock, self.allows_body_email).await
            }
            _ => Err(Problem::not_found()),
        }
    }
}

#[cfg(test)]
mod tests;
