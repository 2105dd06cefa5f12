//! [`OrderCancelled`].

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fact, InvalidValue, OrderPlaced};

/// An order is cancelled, and its stock is returned. Emitted by `orders`, sequence 6 of the order: once, whatever led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    /// The order as it was placed, so that a consumer can undo what it did without its own copy.
    pub order: OrderPlaced,
    /// Why the order was cancelled.
    pub reason: CancellationReason,
    /// When the order was cancelled (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(deserialize_with = "crate::time::deserialize_timestamp")]
    pub cancelled_at: Timestamp,
}

/// Why an order is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CancellationReason {
    /// The owner of the order wanted it.
    Requested,
    /// The order was flagged as suspicious, and was not confirmed.
    Rejected,
}

impl CancellationReason {
    /// The name in events, in rows and in responses of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Rejected => "rejected",
        }
    }
}

impl Fact for OrderCancelled {
    const TYPE: &'static str = "OrderCancelled";
    const VERSION: u32 = 1;
    const AGGREGATE: &'static str = "order";

    fn aggregate_id(&self) -> &str {
        self.order.order_id.as_str()
    }

    fn timestamp_field(&self) -> (&'static str, Timestamp) {
        ("cancelled_at", self.cancelled_at)
    }

    fn validate(&self) -> Result<(), InvalidValue> {
        self.order.validate().map_err(|invalid| InvalidValue(format!("order: {}", invalid.0)))
    }
}
