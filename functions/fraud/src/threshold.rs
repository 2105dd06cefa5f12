//! From which score on an order is flagged.

use std::str::FromStr;

use switchyard_events::InvalidValue;

/// A score from 1 to 100: at it or above, an order is flagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlagThreshold(u8);

impl FlagThreshold {
    /// Whether a score reaches it.
    pub fn is_reached(self, score: u8) -> bool {
        score >= self.0
    }
}

impl Default for FlagThreshold {
    /// What the template says, too; functions/fraud/README.md says what it means for invented orders.
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
