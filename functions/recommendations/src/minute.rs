//! Minutes, by which touched rows are named.

use jiff::{SignedDuration, Timestamp};

/// The time after which nothing is added to a minute any more. A batch writes within its function's 30 seconds; the rest allows
/// for clocks that differ.
const SETTLE_TIME: SignedDuration = SignedDuration::from_mins(5);

/// A minute, counted from 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Minute(i64);

impl Minute {
    pub(crate) fn from_timestamp(time: Timestamp) -> Self {
        Self(time.as_second().div_euclid(60))
    }

    /// Parses the format of [`Self::sort_key`].
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(Self::from_timestamp(format!("{text}:00Z").parse().ok()?))
    }

    /// The first minute to which users may still be added.
    pub(crate) fn first_unsettled(now: Timestamp) -> Self {
        Self::from_timestamp(now - SETTLE_TIME)
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The first minute of the next hour.
    pub(crate) fn next_hour(self) -> Self {
        Self((self.0.div_euclid(60) + 1) * 60)
    }

    pub(crate) fn start(self) -> Timestamp {
        Timestamp::from_second(self.0 * 60).unwrap_or_default()
    }

    /// Such as `2026-05-26T14:23`. These texts sort by time.
    pub(crate) fn sort_key(self) -> String {
        self.start().strftime("%Y-%m-%dT%H:%M").to_string()
    }

    /// The prefix that the sort keys of all minutes of its hour have.
    pub(crate) fn hour_prefix(self) -> String {
        self.start().strftime("%Y-%m-%dT%H:").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minute_settles_after_five_more_minutes() {
        let unsettled = |now: &str| Minute::first_unsettled(now.parse().unwrap()).start().to_string();
        assert_eq!(unsettled("2026-05-26T14:07:59Z"), "2026-05-26T14:02:00Z");
        assert_eq!(unsettled("2026-05-26T14:02:00Z"), "2026-05-26T13:57:00Z");
    }
}
