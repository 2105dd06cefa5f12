//! A limit, and whether reaching it is enough.

use serde::{Deserialize, Serialize};
use switchyard_events::Usd;

/// A limit of an amount or of a number of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit<T> {
    /// The law says "exceeds": the limit itself is not enough.
    MoreThan(T),
    /// The law says "or more": the limit itself is enough.
    AtLeast(T),
}

impl<T: PartialOrd + Copy> Limit<T> {
    /// The number in the law.
    pub fn value(self) -> T {
        match self {
            Self::MoreThan(limit) | Self::AtLeast(limit) => limit,
        }
    }

    /// Whether `actual` passes the limit.
    pub fn is_passed_by(self, actual: T) -> bool {
        match self {
            Self::MoreThan(limit) => actual > limit,
            Self::AtLeast(limit) => actual >= limit,
        }
    }
}

impl Limit<Usd> {
    /// The amount by which `actual` must grow to pass the limit, to the cent; zero if it passes.
    pub(crate) fn left(self, actual: Usd) -> Usd {
        let needed = match self {
            Self::MoreThan(limit) => limit + Usd::from_cents(1),
            Self::AtLeast(limit) => limit,
        };
        (needed - actual).max(Usd::ZERO)
    }
}

impl Limit<u64> {
    /// The number by which `actual` must grow to pass the limit; zero if it passes.
    pub(crate) fn left(self, actual: u64) -> u64 {
        let needed = match self {
            Self::MoreThan(limit) => limit + 1,
            Self::AtLeast(limit) => limit,
        };
        needed.saturating_sub(actual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_itself_passes_at_least_but_not_more_than() {
        assert!(!Limit::MoreThan(200).is_passed_by(200) && Limit::MoreThan(200).is_passed_by(201));
        assert!(!Limit::AtLeast(200).is_passed_by(199) && Limit::AtLeast(200).is_passed_by(200));
    }
}
