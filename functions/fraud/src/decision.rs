//! A decision about a flagged order, and how it is stored.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use switchyard_chassis::{Item, Row, text_of};
use switchyard_events::InvalidValue;

use crate::config::ReviewDays;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The order may be fulfilled.
    Confirmed,
    /// The order will be cancelled.
    Rejected,
}

impl Verdict {
    /// The name in rows and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
        }
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a reviewer decided as they did: 1 to 500 characters in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

/// The most characters of a [`Reason`].
const MAX_REASON_CHARS: usize = 500;

impl FromStr for Reason {
    type Err = InvalidValue;
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_REASON_CHARS || text.contains(char::is_control) {
            return Err(InvalidValue(format!("must be 1 to {MAX_REASON_CHARS} characters in one line")));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A decision that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub(crate) verdict: Verdict,
    pub(crate) is_expiry: bool,
    reviewer: String,
    reason: String,
}

impl Decision {
    /// The decision of a person. `reviewer` identifies the person, as AWS does: an ARN.
    pub fn new(verdict: Verdict, reviewer: impl Into<String>, reason: Reason) -> Self {
        Self { verdict, is_expiry: false, reviewer: reviewer.into(), reason: reason.0 }
    }

    /// The rejection of an order that was not reviewed in time.
    pub(crate) fn expiry(days: ReviewDays) -> Self {
        let reason = format!("not reviewed within {} days", days.get());
        Self { verdict: Verdict::Rejected, is_expiry: true, reviewer: "switchyard".to_owned(), reason }
    }

    pub(crate) fn stored(&self, now: Timestamp) -> StoredDecision {
        StoredDecision {
            verdict: self.verdict,
            reviewer: Some(self.reviewer.clone()),
            reason: Some(self.reason.clone()),
            decided_at: Some(now),
        }
    }
}

/// A decision that counts. Versions that could only confirm stored no reviewer and no reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredDecision {
    /// What was decided.
    pub verdict: Verdict,
    /// Who decided; `switchyard` if no person did in time.
    pub reviewer: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
}

impl StoredDecision {
    pub(crate) fn from_item(row: &Item) -> Self {
        let text = |name: &str| text_of(row, name).map(str::to_owned);
        Self {
            verdict: if text_of(row, "verdict") == Some("rejected") { Verdict::Rejected } else { Verdict::Confirmed },
            reviewer: text("reviewer"),
            reason: text("reason"),
            decided_at: text_of(row, "processed_at").and_then(|at| at.parse().ok()),
        }
    }

    /// Adds it to the row of the review. The time is in the row anyway (`processed_at`).
    pub(crate) fn add_to(self, row: Row) -> Row {
        let row = row.set("verdict", self.verdict.as_str());
        let texts = [("reviewer", self.reviewer), ("reason", self.reason)];
        texts.into_iter().fold(row, |row, (name, text)| match text {
            Some(text) => row.set(name, text),
            None => row,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchyard_chassis::Key;

    #[test]
    fn reason_must_be_one_line_of_1_to_500_characters() {
        for bad in ["", "  ", "a\nb", "a\u{7f}b", &"ü".repeat(501)] {
            assert!(bad.parse::<Reason>().is_err(), "{bad:?}");
        }
        assert_eq!(" called the customer ".parse(), Ok(Reason("called the customer".into())));
        assert!("ü".repeat(500).parse::<Reason>().is_ok());
    }

    #[test]
    fn stored_decision_is_read_as_it_was_written() {
        let now = "2026-05-26T14:23:04Z".parse().unwrap();
        for verdict in [Verdict::Confirmed, Verdict::Rejected] {
            let decision = Decision::new(verdict, "arn:aws:iam::1:user/ada", "known customer".parse().unwrap());
            let stored = decision.stored(now);
            let row = stored.clone().add_to(Row::new(Key::new("ORDER#1", "REVIEW"))).set("processed_at", now);
            assert_eq!(StoredDecision::from_item(&row.into_item()), stored);
        }
    }

    #[test]
    fn review_row_of_an_older_version_is_a_confirmation() {
        let row = Row::new(Key::new("ORDER#1", "REVIEW")).set("score", 70_u8).into_item();
        let expected = StoredDecision { verdict: Verdict::Confirmed, reviewer: None, reason: None, decided_at: None };
        assert_eq!(StoredDecision::from_item(&row), expected);
    }

    #[test]
    fn expiry_is_a_rejection_by_switchyard() {
        let stored = Decision::expiry("1".parse().unwrap()).stored(Timestamp::UNIX_EPOCH);
        let (reviewer, reason) = (Some("switchyard".to_owned()), Some("not reviewed within 1 days".to_owned()));
        assert_eq!((stored.verdict, stored.reviewer, stored.reason), (Verdict::Rejected, reviewer, reason));
    }
}
