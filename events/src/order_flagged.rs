//! An order looks suspicious and waits for a person.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fact, OrderId, UserId};

/// An order looks suspicious and must not be fulfilled before a person has looked. Emitted by `fraud`, sequence 2 of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderFlagged {
    /// The order.
    pub order_id: OrderId,
    /// Who placed it.
    pub user_id: UserId,
    /// How suspicious it is, 0 (not at all) to 100.
    #[schemars(range(max = 100))]
    pub score: u8,
    /// What made it so, most weighty first.
    pub reasons: Vec<FlagReason>,
    /// When it was decided (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(deserialize_with = "crate::time::moment")]
    pub flagged_at: Timestamp,
}

/// One reason for a score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlagReason {
    /// A stable name, such as `velocity_1h`.
    pub code: String,
    /// How many points of the score it contributed.
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
