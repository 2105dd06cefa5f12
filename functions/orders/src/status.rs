//! How far an order has come: the rows that say so, and what they say together.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use switchyard_chassis::{Failure, Item, Key, Row, text_of};
use switchyard_events::{InvalidValue, OrderId};

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    /// It is committed, and nobody has looked at it yet.
    Received,
    /// It may be fulfilled.
    Confirmed,
    /// It looks suspicious, and waits for a person.
    Flagged,
    /// Its goods are being picked.
    Picking,
}

/// The stages of decisions: a decision's place among the facts about its order. The first is the order's placing, and one digit
/// is left for what comes after all decisions, since stages are compared as text.
const DECISIONS: std::ops::RangeInclusive<u64> = 2..=8;

/// The stage of picking.
pub(crate) const PICKING: u64 = 9;

impl OrderStatus {
    /// Every status, in the order in which they can come.
    pub const ALL: [Self; 4] = [Self::Received, Self::Confirmed, Self::Flagged, Self::Picking];

    /// What the sort keys of the rows begin with that [`OrderStatus::from_rows`] reads.
    pub const SK_PREFIX: &'static str = "STATUS#";

    /// The status that the rows of an order's partition say, in whatever order; others among them do not matter.
    ///
    /// The highest row says it. Of two decisions at the same stage, which fraud does not make, the careful one counts. A status
    /// that a newer version of the consumer knows and this one does not is passed over.
    pub fn from_rows<'a>(rows: impl IntoIterator<Item = &'a Item>) -> Self {
        let keys = rows.into_iter().filter_map(|row| text_of(row, "sk"));
        let said = keys.filter_map(|sk| {
            let (stage, status) = sk.strip_prefix(Self::SK_PREFIX)?.split_once('#')?;
            Some((stage, status, status.parse().ok()?))
        });
        said.max_by_key(|(stage, status, _)| (*stage, *status)).map_or(Self::Received, |(.., status)| status)
    }

    /// Whether an order with this status has come as far as the other. Whichever way it was decided, it was.
    pub fn is_at_least(self, other: Self) -> bool {
        let rank = |status| match status {
            Self::Received => 0,
            Self::Confirmed | Self::Flagged => 1,
            Self::Picking => 2,
        };
        rank(self) >= rank(other)
    }

    /// Its name, for rows and clients.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Confirmed => "confirmed",
            Self::Flagged => "flagged",
            Self::Picking => "picking",
        }
    }

    /// The row of a decision that is this fact about the order.
    pub(crate) fn decided(self, order_id: &OrderId, sequence: u64, at: Timestamp) -> Result<Row, Failure> {
        if !DECISIONS.contains(&sequence) {
            let (first, last) = DECISIONS.into_inner();
            let reason = format!("a decision is fact {first} to {last} about its order, not {sequence}");
            return Err(Failure::reject("bad_sequence", reason));
        }
        Ok(self.row(order_id, sequence, at))
    }

    /// The row of a fact by which the order has this status since then.
    pub(crate) fn row(self, order_id: &OrderId, stage: u64, since: Timestamp) -> Row {
        let key = Key::new(format!("ORDER#{order_id}"), format!("{}{stage}#{self}", Self::SK_PREFIX));
        Row::new(key).set("since", since)
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
