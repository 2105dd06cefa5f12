//! [`OrderRequest`]: a valid request to place one order, which is recognized when it is repeated.

use std::collections::HashMap;

use jiff::Timestamp;
use orders::{StoredOrder, order_key};
use switchyard_chassis::{Item, Key};
use switchyard_events::{Cause, CorrelationId, InvalidValue, OrderId, OrderLine, OrderPlaced, Sku, Usd};

use crate::caller::Caller;
use crate::cart::Cart;
use crate::catalog::Product;
use crate::http::Request;
use crate::problem::Problem;
use crate::request_hash::RequestHash;
use crate::response::OrderResponse;

/// A valid request to place one order. Whether its products exist is not checked yet.
pub(crate) struct OrderRequest {
    pub(crate) id: OrderId,
    pub(crate) cart: Cart,
    pub(crate) placed_at: Timestamp,
    pub(crate) cause: Cause,
    /// Whether the client sent an idempotency key, and so may repeat the request.
    pub(crate) has_idempotency_key: bool,
    caller: String,
    hash: RequestHash,
}

impl OrderRequest {
    /// Derives the order's id from the caller and its idempotency key. Without a key the id is unique.
    pub(crate) fn new(request: Request<'_>, caller: &Caller, cart: Cart, now: Timestamp) -> Result<Self, Problem> {
        let caller = caller.fingerprint();
        let key = request.idempotency_key()?;
        let id = match key {
            Some(key) => OrderId::derive(&caller, key),
            // It contains spaces, which no client's key can, so it differs from all keys.
            None => OrderId::derive(&caller, &format!("{} {now} {}", request.id(), fastrand::u64(..))),
        };
        let correlation_id = request.correlation_id().map_or_else(|| CorrelationId::parse(id.as_str()), Ok);
        Ok(Self {
            hash: RequestHash::new(&cart).map_err(|error| Problem::from_fault(&error))?,
            id,
            cart,
            // In milliseconds, so that it is the same text in the event and in the response.
            placed_at: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
            cause: Cause {
                correlation_id: correlation_id.map_err(|error| Problem::from_fault(&error))?,
                causation_id: None,
                traceparent: request.traceparent().map(str::to_owned),
            },
            has_idempotency_key: key.is_some(),
            caller,
        })
    }

    pub(crate) fn key(&self) -> Key {
        order_key(&self.id)
    }

    /// The order, with the prices of `products`. Lines whose product is not among them are left out.
    ///
    /// # Errors
    ///
    /// The total is above the limit of [`Usd`], so that no consumer could parse it.
    pub(crate) fn price(&self, products: &HashMap<Sku, Product>) -> Result<OrderPlaced, InvalidValue> {
        let cart = &self.cart;
        let lines = cart.lines.iter().filter_map(|line| Some((line, products.get(&line.sku)?)));
        let items: Vec<OrderLine> = lines
            .map(|(line, product)| OrderLine {
                sku: line.sku.clone(),
                name: product.name.clone(),
                quantity: line.quantity,
                unit_price_usd: product.price,
                taxable: product.taxable,
            })
            .collect();
        Ok(OrderPlaced {
            order_id: self.id.clone(),
            user_id: cart.user_id.clone(),
            email: cart.email.clone(),
            total_usd: Usd::parse(&OrderPlaced::sum(&items).to_string())?,
            items,
            ship_to: cart.ship_to.clone(),
            placed_at: self.placed_at,
        })
    }

    /// Whether the order has the total that the client expects, if it expects one.
    pub(crate) fn is_expected(&self, order: &OrderPlaced) -> bool {
        self.cart.expected_total.is_none_or(|expected| expected == order.total_usd)
    }

    pub(crate) fn to_stored_order(&self, order: OrderPlaced) -> StoredOrder {
        StoredOrder::from_placed(order, self.caller.clone(), self.hash.to_stored())
    }

    /// The response that this request received when it placed the order in `row`.
    ///
    /// # Errors
    ///
    /// Another request with the same idempotency key placed that order, or the row cannot be parsed.
    pub(crate) fn repeat_response(&self, row: &Item) -> Result<OrderResponse, Problem> {
        let stored = StoredOrder::from_row(row).map_err(|error| Problem::from_fault(&error))?;
        if !self.hash.matches(&stored.request_hash) {
            return Err(Problem::idempotency_key_reused());
        }
        // Without a key, the row is from an earlier attempt of this invocation whose outcome was unknown.
        let outcome = if self.has_idempotency_key { OrderResponse::REPEATED } else { "placed" };
        OrderResponse::accepted(&stored, outcome)
    }
}
