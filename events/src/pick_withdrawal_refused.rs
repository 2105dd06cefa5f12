//! [`PickWithdrawalRefused`].

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fact, OrderId, WaveId};

/// It is too late to cancel an order: it is on a pick list. Emitted by `warehouse`, sequence 5 of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PickWithdrawalRefused {
    /// The order.
    pub order_id: OrderId,
    /// The wave with the order's pick list.
    pub wave_id: WaveId,
    /// When the withdrawal was refused (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(deserialize_with = "crate::time::deserialize_timestamp")]
    pub refused_at: Timestamp,
}

impl Fact for PickWithdrawalRefused {
    const TYPE: &'static str = "PickWithdrawalRefused";
    const VERSION: u32 = 1;
    const AGGREGATE: &'static str = "order";

    fn aggregate_id(&self) -> &str {
        self.order_id.as_str()
    }

    fn timestamp_field(&self) -> (&'static str, Timestamp) {
        ("refused_at", self.refused_at)
    }
}
