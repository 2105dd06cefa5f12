//! Error responses: problem details (RFC 9457).

use std::fmt::Display;

use serde::Serialize;
use switchyard_events::{InvalidValue, OrderLine, Quantity, Sku, Usd};

/// An error as the client sees it. It contains no personal data and no internals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable, because clients branch on it.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    pub(crate) status: u16,
    detail: String,
    #[serde(flatten)]
    members: Members,
    #[serde(skip)]
    pub(crate) header: Option<Header>,
}

/// The members that only one type of problem has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Members {
    None {},
    Invalid { errors: Box<[FieldError]> },
    OutOfStock { out_of_stock: Box<[Shortage]> },
    PriceChanged(Box<PriceChange>),
    TooLate { reason: &'static str },
}

/// A header that comes with a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    /// The method that the path supports.
    Allow(&'static str),
    /// Seconds to wait before the next request.
    RetryAfter(u16),
}

/// An invalid field of a cart, or an invalid parameter of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's path, such as `items[0].quantity`.
    pub field: String,
    /// What is allowed there.
    pub reason: String,
}

impl FieldError {
    /// The product of line `index` of the request is not in the catalog.
    pub(crate) fn unknown_sku(index: usize) -> Self {
        Self { field: format!("items[{index}].sku"), reason: "is not in the catalog".into() }
    }

    /// The total of the cart is too large.
    pub(crate) fn total(invalid: &InvalidValue) -> Self {
        Self { field: "items".into(), reason: format!("the total {invalid}") }
    }
}

/// A product whose stock is too small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shortage {
    /// The product.
    pub sku: Sku,
    /// The quantity in the cart.
    pub wanted: Quantity,
    /// The quantity in stock.
    pub available: u64,
}

/// The prices that a client did not expect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceChange {
    /// The total now.
    pub total_usd: Usd,
    /// The lines with their prices now.
    pub items: Vec<OrderLine>,
}

impl Problem {
    fn new(status: u16, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, title, status, detail: detail.into(), members: Members::None {}, header: None }
    }

    /// The name in logs and metrics, which is the end of the type.
    pub fn name(&self) -> &'static str {
        self.kind.trim_start_matches("/problems/")
    }

    pub fn not_found() -> Self {
        let detail = "There is nothing here, or it belongs to another caller.";
        Self::new(404, "/problems/not-found", "Not found", detail)
    }

    pub(crate) fn method_not_allowed(allowed: &'static str) -> Self {
        let detail = format!("Only {allowed} is possible here.");
        let problem = Self::new(405, "/problems/method-not-allowed", "Method not allowed", detail);
        problem.with_header(Header::Allow(allowed))
    }

    pub(crate) fn unknown_caller() -> Self {
        let detail = "The request came without an identity: sign it with IAM, or send a token.";
        Self::new(403, "/problems/unknown-caller", "Unknown caller", detail)
    }

    pub(crate) fn too_large(max_bytes: usize) -> Self {
        let detail = format!("A request may have at most {max_bytes} bytes.");
        Self::new(413, "/problems/too-large", "Request too large", detail)
    }

    pub(crate) fn unsupported_media_type() -> Self {
        let detail = "Send the cart as application/json.";
        let title = "Unsupported media type";
        Self::new(415, "/problems/unsupported-media-type", title, detail)
    }

    pub(crate) fn not_json(detail: impl Into<String>) -> Self {
        Self::new(400, "/problems/not-json", "Not JSON", detail)
    }

    pub(crate) fn invalid_idempotency_key(max_chars: usize) -> Self {
        let detail = format!("An Idempotency-Key has 1 to {max_chars} visible ASCII characters.");
        let title = "Invalid idempotency key";
        Self::new(400, "/problems/invalid-idempotency-key", title, detail)
    }

    pub(crate) fn invalid_cart(errors: Vec<FieldError>) -> Self {
        let detail = "The cart has fields that cannot be accepted; errors names each of them.";
        let problem = Self::new(422, "/problems/invalid-cart", "Invalid cart", detail);
        problem.with(Members::Invalid { errors: errors.into() })
    }

    pub fn invalid_query(errors: Vec<FieldError>) -> Self {
        let detail = "The query has parameters that cannot be accepted; errors names each of them.";
        let problem = Self::new(422, "/problems/invalid-query", "Invalid query", detail);
        problem.with(Members::Invalid { errors: errors.into() })
    }

    pub(crate) fn out_of_stock(out_of_stock: Vec<Shortage>) -> Self {
        let detail = "Nothing was ordered: there is too little of what out_of_stock names.";
        let problem = Self::new(409, "/problems/out-of-stock", "Out of stock", detail);
        problem.with(Members::OutOfStock { out_of_stock: out_of_stock.into() })
    }

    pub(crate) fn price_changed(change: PriceChange) -> Self {
        let detail =
            "Nothing was ordered: the total is not expected_total_usd. total_usd and items have the prices now.";
        let problem = Self::new(409, "/problems/price-changed", "Price changed", detail);
        problem.with(Members::PriceChanged(Box::new(change)))
    }

    pub fn too_late() -> Self {
        let detail = "The order is not cancelled: it is on a pick list of the warehouse.";
        Self::new(409, "/problems/too-late", "Too late to cancel", detail).with(Members::TooLate { reason: "listed" })
    }

    pub(crate) fn idempotency_key_reused() -> Self {
        let detail = "This Idempotency-Key stands for an order with another cart; take a new key for a new order.";
        let title = "Idempotency key reused";
        Self::new(409, "/problems/idempotency-key-reused", title, detail)
    }

    pub(crate) fn busy() -> Self {
        let detail = "Too much is going on at the moment. Send the same request again; with the same Idempotency-Key it \
                      cannot become two orders.";
        Self::new(503, "/problems/busy", "Busy", detail).with_header(Header::RetryAfter(1))
    }

    /// For a failure on our side that another request may not meet. The reason is logged, not shown.
    pub fn from_transient(reason: &dyn Display) -> Self {
        tracing::warn!(function = "checkout", error = %reason);
        Self::busy()
    }

    /// For a failure on our side that needs a person. The error is logged, not shown.
    pub fn from_fault(error: &dyn Display) -> Self {
        tracing::error!(function = "checkout", %error);
        Self::internal()
    }

    pub(crate) fn internal() -> Self {
        let detail = "This is our fault, and has been logged.";
        Self::new(500, "/problems/internal", "Internal error", detail)
    }

    fn with(self, members: Members) -> Self {
        Self { members, ..self }
    }

    fn with_header(self, header: Header) -> Self {
        let header = Some(header);
        Self { header, ..self }
    }
}
