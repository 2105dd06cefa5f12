//! Who has bought something lately, found without looking at everybody.
//!
//! Each batch adds its users to a row of the minute in which it ran: one row for all of them, where a row for each would cost two
//! write units an order. The rebuild reads the minutes since its cursor, hour by hour, and moves the cursor on behind it. Nothing
//! is deleted: the rows expire.
//!
//! All batches of an hour write to one partition. DynamoDB takes 1,000 write units a second there, which is 500 batches; as the
//! function runs at most ten at once, they would have to take less than 20 ms each.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use switchyard_chassis::{Effects, Failure, Item, Key, Row, Table, Update, text_of};
use switchyard_events::UserId;

/// Rows of a minute; batches that run at once seldom choose the same one. It also bounds what an hour's query returns.
const SHARDS: u32 = 100;

/// How long a touched row is kept, and with it how long the rebuild may stand still without losing anyone.
pub(crate) const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// After this time nothing is added to a minute any more: a batch writes within its function's 30 seconds, and the rest is for
/// clocks that disagree.
const SETTLED: SignedDuration = SignedDuration::from_mins(5);

/// What begins the name of an attribute that counts a user's orders; a user may be called `pk`.
const USER: &str = "USER#";

/// A minute, counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Minute(i64);

impl Minute {
    pub(crate) fn of(time: Timestamp) -> Self {
        Self(time.as_second().div_euclid(60))
    }

    /// The first minute to which something may still be added.
    pub(crate) fn unsettled(now: Timestamp) -> Self {
        Self::of(now - SETTLED)
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    pub(crate) fn start(self) -> Timestamp {
        Timestamp::from_second(self.0 * 60).unwrap_or_default()
    }

    fn hour(self) -> i64 {
        self.0.div_euclid(60)
    }

    fn row(self) -> Key {
        Key::new(partition(self.hour()), format!("{:02}", self.0.rem_euclid(60)))
    }
}

/// The partition of an hour, such as `TOUCHED#2026-05-26T14`.
fn partition(hour: i64) -> String {
    let start = Timestamp::from_second(hour * 3600).unwrap_or_default();
    format!("TOUCHED#{}", start.strftime("%Y-%m-%dT%H"))
}

/// Notes that this user's features are out of date.
pub(crate) fn touch(effects: &mut Effects, user: &UserId) {
    let minute = Minute::of(effects.now());
    let seen = Update::new().add(&format!("{USER}{user}"), 1).set("expires_at", (minute.start() + KEPT).as_second());
    effects.add_sharded(minute.row(), SHARDS, seen);
}

/// The users who were touched in one hour, in the minute in which they were touched last.
pub(crate) type Hour = BTreeMap<Minute, BTreeSet<UserId>>;

/// The hours from a minute until now, one partition each.
pub(crate) fn hours(from: Minute, now: Timestamp) -> impl Iterator<Item = i64> {
    from.hour()..=Minute::of(now).hour()
}

/// Who was touched in an hour, not looking at what came before a minute.
pub(crate) async fn read(table: &Table, hour: i64, from: Minute) -> Result<Hour, Failure> {
    let mut last: BTreeMap<UserId, Minute> = BTreeMap::new();
    for row in table.query(&partition(hour), "").await? {
        let Some(minute) = minute_of(&row, hour).filter(|minute| *minute >= from) else {
            continue;
        };
        for user in users(&row) {
            let seen = last.entry(user).or_insert(minute);
            *seen = minute.max(*seen);
        }
    }
    let mut minutes = Hour::new();
    for (user, minute) in last {
        minutes.entry(minute).or_default().insert(user);
    }
    Ok(minutes)
}

fn minute_of(row: &Item, hour: i64) -> Option<Minute> {
    let (minute, _shard) = text_of(row, "sk")?.split_once('#')?;
    Some(Minute(hour * 60 + minute.parse::<i64>().ok()?))
}

fn users(row: &Item) -> impl Iterator<Item = UserId> {
    row.keys().filter_map(|name| UserId::parse(name.strip_prefix(USER)?).ok())
}

/// Where the rebuild notes how far it has come.
fn cursor_key() -> Key {
    Key::new("REBUILD", "CURSOR")
}

/// The first minute that is not rebuilt yet; none before the first run.
pub(crate) async fn cursor(table: &Table) -> Result<Option<Minute>, Failure> {
    let row = table.get(&cursor_key()).await?;
    let until = row.as_ref().and_then(|row| text_of(row, "until"));
    Ok(until.and_then(|until| until.parse().ok()).map(Minute::of))
}

/// The cursor's row.
pub(crate) fn cursor_row(until: Minute) -> Row {
    Row::new(cursor_key()).set("until", until.start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_lies_in_the_partition_of_its_hour() {
        let minute = Minute::of("2026-05-26T14:07:59.9Z".parse().unwrap());
        assert_eq!(minute.row(), Key::new("TOUCHED#2026-05-26T14", "07"));
        let row = Row::new(Key::new("TOUCHED#2026-05-26T14", "07#42")).set("USER#pk", 2).set("expires_at", 1_i64);
        let row = row.into_item();
        assert_eq!(minute_of(&row, minute.hour()), Some(minute));
        assert_eq!(users(&row).map(String::from).collect::<Vec<_>>(), ["pk"]);
    }

    #[test]
    fn a_minute_is_settled_when_five_more_have_passed() {
        let unsettled = |now: &str| Minute::unsettled(now.parse().unwrap()).start().to_string();
        assert_eq!(unsettled("2026-05-26T14:07:59Z"), "2026-05-26T14:02:00Z");
        assert_eq!(unsettled("2026-05-26T14:02:00Z"), "2026-05-26T13:57:00Z");
    }
}
