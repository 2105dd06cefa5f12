//! [`OrderFlagged`].

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fact, OrderId, UserId};

/// An order looks suspicious and must not be fulfilled before a person has reviewed it. Emitted by `fraud`, sequence 2
/// of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderFlagged {
    /// The order.
    pub order_id: OrderId,
    /// The customer.
    pub user_id: UserId,
    /// How suspicious the order is, 0 (not at all) to 100.
    #[schemars(range(max = 100))]
    pub score: u8,
    /// Why the order is suspicious, the reason with the most points first.
    pub reasons: Vec<FlagReason>,
    /// When the decision was made (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(deserialize_with = "crate::time::deserialize_timestamp")]
    pub flagged_at: Timestamp,
}

/// One reason for the score of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlagReason {
    /// A stable code, such as `velocity_1h`.
    pub code: String,
    /// The points that it adds to the score.
    pub points: i16,
}

impl Fact for OrderFlagged {
    const TYPE: &'static str = "OrderFlagged";
    const VERSION: u32 = 1;
    const AGGREGATE: &'static str = "order";

    fn aggregate_id(&self) -> &str {
        self.order_id.as_str()
    }

    fn timestamp_field(&self) -> (&'static str, Timestamp) {
        ("flagged_at", self.flagged_at)
    }
}
