//! The configuration of the consumer and of its job.

use std::str::FromStr;

use jiff::SignedDuration;
use switchyard_events::InvalidValue;

/// `FLAG_THRESHOLD`: the score, from 1 to 100, from which on an order is flagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlagThreshold(u8);

impl FlagThreshold {
    /// Whether a score equals or exceeds the threshold.
    pub fn is_reached_by(self, score: u8) -> bool {
        score >= self.0
    }
}

impl Default for FlagThreshold {
    /// The same value as in the template. functions/fraud/README.md says how many invented orders it flags.
    fn default() -> Self {
        Self(60)
    }
}

impl FromStr for FlagThreshold {
    type Err = InvalidValue;
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let score = text.parse().ok().filter(|score| (1..=100).contains(score));
        score.map(Self).ok_or_else(|| InvalidValue::new("must be a whole number from 1 to 100"))
    }
}

/// `REVIEW_DAYS`: for how many days, from 1 to 365, a flagged order waits for a review before it is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewDays(u16);

impl ReviewDays {
    /// The number of days.
    pub fn get(self) -> u16 {
        self.0
    }

    /// The same time as a duration.
    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.0))
    }
}

impl Default for ReviewDays {
    /// The same value as in the template.
    fn default() -> Self {
        Self(7)
    }
}

impl FromStr for ReviewDays {
    type Err = InvalidValue;
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let days = text.parse().ok().filter(|days| (1..=365).contains(days));
        days.map(Self).ok_or_else(|| InvalidValue::new("must be a whole number from 1 to 365"))
    }
}
