//! Waves: five minutes each, named by the time at which they open.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How long a wave accepts picks.
pub const WAVE_LENGTH: SignedDuration = SignedDuration::from_mins(5);

/// The time after the end of a wave when no pick can be added any more. A batch writes within its function's 30 seconds; the rest
/// allows for clocks that differ. Only a wave without picks depends on it, as all other waves are closed before they are skipped.
const SETTLE_TIME: SignedDuration = SignedDuration::from_mins(5);

const FORMAT: &str = "%Y%m%dT%H%MZ";

/// Five minutes, counted from 1970. Displayed as the time at which it opens: `20260526T1420Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wave(i64);

impl Wave {
    /// The wave that contains a moment.
    pub fn from_timestamp(time: Timestamp) -> Self {
        Self(time.as_second().div_euclid(WAVE_LENGTH.as_secs()))
    }

    /// The wave that opens when this one ends.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// When the wave opens.
    pub fn start(self) -> Timestamp {
        Timestamp::from_second(self.0 * WAVE_LENGTH.as_secs()).unwrap_or_default()
    }

    /// Whether the wave has ended.
    pub fn is_over(self, now: Timestamp) -> bool {
        now >= self.next().start()
    }

    /// Whether the wave remains empty if it is empty now.
    pub(crate) fn is_settled(self, now: Timestamp) -> bool {
        now >= self.next().start() + SETTLE_TIME
    }
}

impl fmt::Display for Wave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.start().strftime(FORMAT).fmt(f)
    }
}

impl FromStr for Wave {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::from_timestamp(DateTime::strptime(FORMAT, text)?.to_zoned(TimeZone::UTC)?.timestamp()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wave_is_named_by_the_start_of_its_five_minutes() {
        let check = |now: &str, name: &str| {
            let wave = Wave::from_timestamp(now.parse().unwrap());
            assert_eq!((wave.to_string().as_str(), name.parse().ok()), (name, Some(wave)), "{now}");
        };
        check("2026-05-26T14:20:00Z", "20260526T1420Z");
        check("2026-05-26T14:24:59.999Z", "20260526T1420Z");
        check("2026-05-26T14:25:00Z", "20260526T1425Z");
        check("1969-12-31T23:59:59Z", "19691231T2355Z");
    }

    #[test]
    fn wave_ends_when_the_next_opens_and_settles_later() {
        let wave: Wave = "20260526T1420Z".parse().unwrap();
        let check = |now: &str, over, settled| {
            let now = now.parse().unwrap();
            assert_eq!((wave.is_over(now), wave.is_settled(now)), (over, settled), "{now}");
        };
        check("2026-05-26T14:24:59.999Z", false, false);
        check("2026-05-26T14:25:00Z", true, false);
        check("2026-05-26T14:29:59Z", true, false);
        check("2026-05-26T14:30:00Z", true, true);
    }
}
