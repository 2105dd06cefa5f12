//! The status of an order: its values, its rows, and how the rows of an order give its status.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use switchyard_chassis::{Failure, Item, Row, text_of};
use switchyard_events::{InvalidValue, OrderId};

use crate::keys::{STATUS_PREFIX, status_key};

/// The progress of an order through fraud and the warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    /// The order is stored; fraud has not decided yet.
    Received,
    /// Fraud confirmed the order; it may be fulfilled.
    Confirmed,
    /// Fraud flagged the order as suspicious; it waits for a review.
    Flagged,
    /// The warehouse released the order for picking.
    Picking,
    /// The order is cancelled, and its stock is returned.
    Cancelled,
}

/// The stages of fraud's decisions. The stage of a row is the sequence number of its fact. Sequence 1 is `OrderPlaced`. Stages
/// are compared as text and so have one digit; 9 is left for picking, which follows all others.
const DECISION_STAGES: std::ops::RangeInclusive<u64> = 2..=3;

/// The stage of a withdrawal that the warehouse refused. Its row gives no status.
const REFUSED_STAGE: u64 = 5;

/// The stage of [`OrderStatus::Cancelled`]: after all decisions.
pub(crate) const CANCELLED_STAGE: u64 = 6;

/// The stage of [`OrderStatus::Picking`].
pub(crate) const PICKING_STAGE: u64 = 9;

/// The end of the sort key of a refused withdrawal.
const TOO_LATE: &str = "too_late";

impl OrderStatus {
    /// All statuses, in the order in which an order can reach them.
    pub const ALL: [Self; 5] = [Self::Received, Self::Confirmed, Self::Flagged, Self::Picking, Self::Cancelled];

    /// The sort-key prefix of the rows that [`OrderStatus::from_rows`] needs.
    pub const SK_PREFIX: &'static str = STATUS_PREFIX;

    /// The status of an order, given the rows of its partition in any order. Rows that are not status rows are ignored.
    ///
    /// The row with the highest stage gives the status. Of two decisions with the same stage, which fraud does not make,
    /// `flagged` counts. A status that only a newer version of this consumer knows is ignored.
    pub fn from_rows<'a>(rows: impl IntoIterator<Item = &'a Item>) -> Self {
        let keys = rows.into_iter().filter_map(|row| text_of(row, "sk"));
        let known = keys.filter_map(|sk| {
            let (stage, status) = sk.strip_prefix(STATUS_PREFIX)?.split_once('#')?;
            Some((stage, status, status.parse().ok()?))
        });
        known.max_by_key(|(stage, status, _)| (*stage, *status)).map_or(Self::Received, |(.., status)| status)
    }

    /// Whether this status is the other one or a later one. Confirmed and flagged rank equally, and so do the two last ones, of which
    /// an order reaches only one.
    pub fn is_at_least(self, other: Self) -> bool {
        let rank = |status| match status {
            Self::Received => 0,
            Self::Confirmed | Self::Flagged => 1,
            Self::Picking | Self::Cancelled => 2,
        };
        rank(self) >= rank(other)
    }

    /// Whether the rows of an order say that it was too late to cancel it.
    pub fn is_too_late_to_cancel<'a>(rows: impl IntoIterator<Item = &'a Item>) -> bool {
        let refused = format!("{STATUS_PREFIX}{REFUSED_STAGE}#{TOO_LATE}");
        rows.into_iter().any(|row| text_of(row, "sk") == Some(&refused))
    }

    /// The row of a withdrawal that the warehouse refused.
    pub(crate) fn too_late_row(order_id: &OrderId, since: Timestamp) -> Row {
        Row::new(status_key(order_id, REFUSED_STAGE, TOO_LATE)).set("since", since)
    }

    /// The name in rows and in responses of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Confirmed => "confirmed",
            Self::Flagged => "flagged",
            Self::Picking => "picking",
            Self::Cancelled => "cancelled",
        }
    }

    /// The row of a decision. Rejects a sequence number that is no decision's as `bad_sequence`.
    pub(crate) fn decision_row(self, order_id: &OrderId, sequence: u64, at: Timestamp) -> Result<Row, Failure> {
        if !DECISION_STAGES.contains(&sequence) {
            let (first, last) = DECISION_STAGES.into_inner();
            let reason = format!("a decision is fact {first} to {last} about its order, not {sequence}");
            return Err(Failure::reject("bad_sequence", reason));
        }
        Ok(self.row(order_id, sequence, at))
    }

    /// The row of a fact that gives the order this status from the time `since` on.
    pub(crate) fn row(self, order_id: &OrderId, stage: u64, since: Timestamp) -> Row {
        Row::new(status_key(order_id, stage, self.as_str())).set("since", since)
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OrderStatus {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let known = Self::ALL.into_iter().find(|status| status.as_str() == text);
        known.ok_or_else(|| InvalidValue::new(format!("must be one of {}", Self::ALL.map(Self::as_str).join(", "))))
    }
}

#[cfg(test)]
mod tests;
