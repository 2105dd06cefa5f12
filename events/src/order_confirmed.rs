//! [`OrderConfirmed`].

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fact, OrderId, UserId};

/// An order was checked and may be fulfilled. Emitted by `fraud`, sequence 2 of the order (3 after a review).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderConfirmed {
    /// The order.
    pub order_id: OrderId,
    /// The customer.
    pub user_id: UserId,
    /// How suspicious the order is, 0 (not at all) to 100.
    #[schemars(range(max = 100))]
    pub score: u8,
    /// When the decision was made (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(deserialize_with = "crate::time::deserialize_timestamp")]
    pub confirmed_at: Timestamp,
}

impl Fact for OrderConfirmed {
    const TYPE: &'static str = "OrderConfirmed";
    const VERSION: u32 = 1;
    const AGGREGATE: &'static str = "order";

    fn aggregate_id(&self) -> &str {
        self.order_id.as_str()
    }

    fn timestamp_field(&self) -> (&'static str, Timestamp) {
        ("confirmed_at", self.confirmed_at)
    }
}
