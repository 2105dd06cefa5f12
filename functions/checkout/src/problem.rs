//! Every answer that is no success: problem details (RFC 9457).

use serde::Serialize;
use switchyard_events::{Quantity, Sku};

use crate::http::{MAX_BODY, MAX_KEY};

/// What is wrong, for the client. It repeats no personal data and tells nothing of our insides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable: clients branch on it.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    pub(crate) status: u16,
    detail: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: Box<[FieldError]>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    out_of_stock: Box<[Shortage]>,
    #[serde(skip)]
    pub(crate) header: Option<Header>,
}

/// What a problem says in a header of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    /// The method that is possible here.
    Allow(&'static str),
    /// Seconds to wait.
    RetryAfter(u16),
}

/// A bad field of a cart, or a bad parameter of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where, such as `items[0].quantity`.
    pub field: String,
    /// What is allowed there.
    pub reason: String,
}

/// A product of which there is not enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shortage {
    /// The product.
    pub sku: Sku,
    /// How many the cart asks for.
    pub wanted: Quantity,
    /// How many there are.
    pub available: u64,
}

impl Problem {
    fn new(status: u16, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title,
            status,
            detail: detail.into(),
            errors: Box::default(),
            out_of_stock: Box::default(),
            header: None,
        }
    }

    /// What the log and the metrics call it: the end of its type.
    pub fn name(&self) -> &'static str {
        self.kind.trim_start_matches("/problems/")
    }

    pub(crate) fn not_found() -> Self {
        let detail = "There is nothing here, or it belongs to someone else.";
        Self::new(404, "/problems/not-found", "Not found", detail)
    }

    pub(crate) fn method_not_allowed(allowed: &'static str) -> Self {
        let detail = format!("Only {allowed} is possible here.");
        let problem = Self::new(405, "/problems/method-not-allowed", "Method not allowed", detail);
        problem.with(Header::Allow(allowed))
    }

    pub(crate) fn unknown_caller() -> Self {
        let detail = "The request came without an identity: sign it with IAM, or send a token.";
        Self::new(403, "/problems/unknown-caller", "Unknown caller", detail)
    }

    pub(crate) fn too_large() -> Self {
        let detail = format!("A request may have at most {MAX_BODY} bytes.");
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

    pub(crate) fn invalid_idempotency_key() -> Self {
        let detail = format!("An Idempotency-Key has 1 to {MAX_KEY} visible ASCII characters.");
        let title = "Invalid idempotency key";
        Self::new(400, "/problems/invalid-idempotency-key", title, detail)
    }

    pub(crate) fn invalid_cart(errors: Vec<FieldError>) -> Self {
        let detail = "The cart has fields that cannot be accepted; errors names each of them.";
        let problem = Self::new(422, "/problems/invalid-cart", "Invalid cart", detail);
        let errors = errors.into();
        Self { errors, ..problem }
    }

    pub(crate) fn invalid_query(errors: Vec<FieldError>) -> Self {
        let detail = "The query has parameters that cannot be accepted; errors names each of them.";
        let problem = Self::new(422, "/problems/invalid-query", "Invalid query", detail);
        let errors = errors.into();
        Self { errors, ..problem }
    }

    pub(crate) fn out_of_stock(out_of_stock: Vec<Shortage>) -> Self {
        let detail = "Nothing was ordered: there is too little of what out_of_stock names.";
        let problem = Self::new(409, "/problems/out-of-stock", "Out of stock", detail);
        let out_of_stock = out_of_stock.into();
        Self { out_of_stock, ..problem }
    }

    pub(crate) fn idempotency_key_reused() -> Self {
        let detail = "This Idempotency-Key stands for an order with another cart; take a new key for a new order.";
        let title = "Idempotency key reused";
        Self::new(409, "/problems/idempotency-key-reused", title, detail)
    }

    pub(crate) fn busy() -> Self {
        let detail = "Too much is going on at the moment. Send the same request again; with the same Idempotency-Key it \
                      cannot become two orders.";
        Self::new(503, "/problems/busy", "Busy", detail).with(Header::RetryAfter(1))
    }

    pub(crate) fn internal() -> Self {
        let detail = "This is our fault, and has been logged.";
        Self::new(500, "/problems/internal", "Internal error", detail)
    }

    fn with(self, header: Header) -> Self {
        let header = Some(header);
        Self { header, ..self }
    }
}
