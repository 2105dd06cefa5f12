//! An order may be fulfilled.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fact, OrderId, UserId};

/// An order was checked and may be fulfilled. Emitted by `fraud`, sequence 2 of the order (3 after a review).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderConfirmed {
    /// The order.
    pub order_id: OrderId,
    /// Who placed it.
    pub user_id: UserId,
    /// How suspicious it is, 0 (not at all) to 100.
    #[schemars(range(max = 100))]
    pub score: u8,
    /// When it was decided (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(deserialize_with = "crate::time::moment")]
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
