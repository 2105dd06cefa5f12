//! [`OrderRejected`].

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fact, OrderId, UserId};

/// A flagged order was rejected and will be cancelled. Emitted by `fraud`, sequence 3 of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderRejected {
    /// The order.
    pub order_id: OrderId,
    /// The customer.
    pub user_id: UserId,
    /// How suspicious the order is, 0 (not at all) to 100.
    #[schemars(range(max = 100))]
    pub score: u8,
    /// What led to the rejection.
    pub cause: RejectionCause,
    /// When the decision was made (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(deserialize_with = "crate::time::deserialize_timestamp")]
    pub rejected_at: Timestamp,
}

/// What leads to the rejection of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RejectionCause {
    /// A person reviewed the order.
    Review,
    /// No review took place in time.
    Expiry,
}

impl Fact for OrderRejected {
    const TYPE: &'static str = "OrderRejected";
    const VERSION: u32 = 1;
    const AGGREGATE: &'static str = "order";

    fn aggregate_id(&self) -> &str {
        self.order_id.as_str()
    }

    fn timestamp_field(&self) -> (&'static str, Timestamp) {
        ("rejected_at", self.rejected_at)
    }
}
