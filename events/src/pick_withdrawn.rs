//! [`PickWithdrawn`].

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CancellationReason, Fact, OrderId};

/// The goods of an order will not be picked: it was on no pick list yet, and will be on none. Emitted by `warehouse`, sequence 5 of
/// the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PickWithdrawn {
    /// The order.
    pub order_id: OrderId,
    /// Why the pick was withdrawn.
    pub reason: CancellationReason,
    /// When the pick was withdrawn (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(deserialize_with = "crate::time::deserialize_timestamp")]
    pub withdrawn_at: Timestamp,
}

impl Fact for PickWithdrawn {
    const TYPE: &'static str = "PickWithdrawn";
    const VERSION: u32 = 1;
    const AGGREGATE: &'static str = "order";

    fn aggregate_id(&self) -> &str {
        self.order_id.as_str()
    }

    fn timestamp_field(&self) -> (&'static str, Timestamp) {
        ("withdrawn_at", self.withdrawn_at)
    }
}
