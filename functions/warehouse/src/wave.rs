//! Waves: five minutes each, named after the moment at which they open.
//!
//! Every pick of a wave meets the others on the wave's own rows, which say who is in it and whether it is closed. They are many,
//! so that concurrent batches rarely meet on one; a wave is closed by writing to all of them at once.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use switchyard_chassis::{Condition, Effects, Failure, Key, Update};
use switchyard_events::OrderId;

/// How long a wave takes picks.
pub const WAVE_LENGTH: SignedDuration = SignedDuration::from_mins(5);

/// Rows of a wave that name its orders. A row grows by 40 bytes an order, and what a batch pays for adding to it grows with
/// it: at a million orders a day a wave's 3,500 take 2 KB each here. Closing writes to all of them in one transaction of at most
/// 100 writes. A row holds 400 KB, so a wave some 600,000 orders.
pub const SHARDS: u32 = 64;

/// How many waves ahead an open one is looked for.
const AHEAD: usize = 12;

/// After this time no pick can be on its way into a wave any more: a batch writes within its function's 30 seconds, and the rest
/// is for clocks that disagree. Only a wave without a single pick depends on it; any other is closed before it is left alone.
const SETTLED: SignedDuration = SignedDuration::from_mins(5);

/// What begins the attribute that names an order; an order may be called `pk`.
const ORDER: &str = "ORDER#";

const FORMAT: &str = "%Y%m%dT%H%MZ";

/// Five minutes, counted from 1970. Written as the moment at which it opens: `20260526T1420Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wave(i64);

impl Wave {
    /// The wave of this moment.
    pub fn from_timestamp(time: Timestamp) -> Self {
        Self(time.as_second().div_euclid(WAVE_LENGTH.as_secs()))
    }

    /// The one that opens when this one's time is over.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// When it opens.
    pub fn start(self) -> Timestamp {
        Timestamp::from_second(self.0 * WAVE_LENGTH.as_secs()).unwrap_or_default()
    }

    /// Whether its time is over.
    pub fn is_over(self, now: Timestamp) -> bool {
        now >= self.next().start()
    }

    /// Whether it stays empty if it is empty now.
    pub(crate) fn is_settled(self, now: Timestamp) -> bool {
        now >= self.next().start() + SETTLED
    }

    /// The partition of its rows.
    pub fn partition(self) -> String {
        format!("WAVE#{self}")
    }

    /// The row that is there when it is closed.
    pub(crate) fn closed_key(self) -> Key {
        Key::new(self.partition(), "CLOSED")
    }

    /// The rows that name its orders; each shard has its number behind it.
    pub(crate) fn orders_key(self) -> Key {
        Key::new(self.partition(), "ORDERS")
    }

    pub(crate) fn shard_key(self, shard: u32) -> Key {
        let Key { pk, sk } = self.orders_key();
        Key::new(pk, format!("{sk}#{shard}"))
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

/// Puts an order into a wave. Should the wave close before this is written, it fails, and the handler looks for another.
pub(crate) fn join(effects: &mut Effects, wave: Wave, order_id: &OrderId) {
    let named = Update::new().add(&format!("{ORDER}{order_id}"), 1).when(Condition::missing("closed_at"));
    effects.add_sharded(wave.orders_key(), SHARDS, named);
}

/// The order that an attribute names, if it names one.
pub(crate) fn named(attribute: &str) -> Option<OrderId> {
    OrderId::parse(attribute.strip_prefix(ORDER)?).ok()
}

/// The wave that takes picks now. The one of this moment is taken to be open, which spares a read; only if that proved wrong is
/// the first open one looked for.
pub(crate) async fn open(effects: &mut Effects) -> Result<Wave, Failure> {
    let now = Wave::from_timestamp(effects.now());
    if !effects.is_rerun() {
        return Ok(now);
    }
    for wave in std::iter::successors(Some(now), |wave| Some(wave.next())).take(AHEAD) {
        if effects.read(wave.closed_key()).await?.is_none() {
            return Ok(wave);
        }
    }
    Err(Failure::retry(format!("the next {AHEAD} waves are closed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_is_named_after_the_five_minutes_it_opens_in() {
        let check = |now: &str, wave: &str| {
            let of = Wave::from_timestamp(now.parse().unwrap());
            assert_eq!((of.to_string().as_str(), wave.parse().ok()), (wave, Some(of)), "{now}");
        };
        check("2026-05-26T14:20:00Z", "20260526T1420Z");
        check("2026-05-26T14:24:59.999Z", "20260526T1420Z");
        check("2026-05-26T14:25:00Z", "20260526T1425Z");
        check("1969-12-31T23:59:59Z", "19691231T2355Z");
    }

    #[test]
    fn a_wave_is_over_when_the_next_one_opens_and_settled_five_minutes_later() {
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

    #[test]
    fn an_order_may_have_any_name() {
        assert_eq!(named("ORDER#closed_at").unwrap().as_str(), "closed_at");
        assert_eq!((named("closed_at"), named("pk")), (None, None));
    }
}
