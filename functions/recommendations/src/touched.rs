//! Who has bought something lately, found without looking at everybody.
//!
//! Each batch adds its users to a row of the minute in which it ran: one row for all of them, where a row for each would cost two
//! write units an order. The rebuild reads the minutes since its cursor and moves the cursor on behind it. Nothing is deleted:
//! the rows expire.
//!
//! All these rows lie in one partition, so that one query finds the next. DynamoDB takes 1,000 write units a second there, which
//! is 500 batches; as the function runs at most ten at once, they would have to take less than 20 ms each.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use switchyard_chassis::{Effects, Failure, Item, Key, Row, Table, Update, Value, describe, text_of};
use switchyard_events::UserId;

/// The one partition.
const TOUCHED: &str = "TOUCHED";

/// Rows of a minute; batches that run at once seldom choose the same one.
const SHARDS: u32 = 100;

/// How long a touched row is kept, and with it how long the rebuild may stand still without losing anyone.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 14);

/// After this time nothing is added to a minute any more: a batch writes within its function's 30 seconds, and the rest is for
/// clocks that disagree.
const SETTLED: SignedDuration = SignedDuration::from_mins(5);

/// What begins the name of an attribute that counts a user's orders; a user may be called `pk`.
const USER: &str = "USER#";

/// A minute, counted from 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
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

    pub(crate) fn next_hour(self) -> Self {
        Self((self.0.div_euclid(60) + 1) * 60)
    }

    pub(crate) fn start(self) -> Timestamp {
        Timestamp::from_second(self.0 * 60).unwrap_or_default()
    }

    /// Such as `2026-05-26T14:23`: the order of these texts is the order of time.
    fn text(self) -> String {
        self.start().strftime("%Y-%m-%dT%H:%M").to_string()
    }

    /// What the minutes of its hour begin with.
    fn hour(self) -> String {
        self.start().strftime("%Y-%m-%dT%H:").to_string()
    }
}

/// Notes that this user's features are out of date.
pub(crate) fn touch(effects: &mut Effects, user: &UserId) {
    let minute = Minute::of(effects.now());
    let seen = Update::new().add(&format!("{USER}{user}"), 1).set("expires_at", (minute.start() + KEPT).as_second());
    effects.add_sharded(Key::new(TOUCHED, minute.text()), SHARDS, seen);
}

/// The first minute from this one on in which somebody was touched.
pub(crate) async fn next(table: &Table, from: Minute) -> Result<Option<Minute>, Failure> {
    let query = table.client().query().table_name(table.name()).consistent_read(true).limit(1);
    let query = query
        .key_condition_expression("pk = :pk AND sk >= :from")
        .expression_attribute_values(":pk", Value::from(TOUCHED).0)
        .expression_attribute_values(":from", Value::from(from.text()).0);
    let answer = query.return_consumed_capacity("TOTAL".into()).send().await;
    let answer = answer.map_err(|error| Failure::retry(format!("DynamoDB Query: {}", describe(&error))))?;
    table.count_units(answer.consumed_capacity().and_then(|capacity| capacity.capacity_units).unwrap_or_default());
    Ok(answer.items().first().and_then(minute_of))
}

/// Who was touched in the hour of this minute, and not before it, in the minute in which each was touched last.
pub(crate) async fn hour(table: &Table, from: Minute) -> Result<BTreeMap<Minute, BTreeSet<UserId>>, Failure> {
    let mut last: BTreeMap<UserId, Minute> = BTreeMap::new();
    for row in table.query(TOUCHED, &from.hour()).await? {
        let Some(minute) = minute_of(&row).filter(|minute| *minute >= from) else {
            continue;
        };
        for user in users(&row) {
            let seen = last.entry(user).or_insert(minute);
            *seen = minute.max(*seen);
        }
    }
    let mut minutes: BTreeMap<Minute, BTreeSet<UserId>> = BTreeMap::new();
    for (user, minute) in last {
        minutes.entry(minute).or_default().insert(user);
    }
    Ok(minutes)
}

fn minute_of(row: &Item) -> Option<Minute> {
    let (minute, _shard) = text_of(row, "sk")?.split_once('#')?;
    Some(Minute::of(format!("{minute}:00Z").parse().ok()?))
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
    fn a_row_says_in_which_minute_who_was_touched() {
        let minute = Minute::of("2026-05-26T14:07:59.9Z".parse().unwrap());
        assert_eq!((minute.text(), minute.hour()), ("2026-05-26T14:07".into(), "2026-05-26T14:".into()));
        assert_eq!(minute.next_hour().text(), "2026-05-26T15:00");
        let row = Row::new(Key::new(TOUCHED, "2026-05-26T14:07#42")).set("USER#pk", 2).set("expires_at", 1_i64);
        let row = row.into_item();
        assert_eq!(minute_of(&row), Some(minute));
        assert_eq!(users(&row).map(String::from).collect::<Vec<_>>(), ["pk"]);
    }

    #[test]
    fn a_minute_is_settled_when_five_more_have_passed() {
        let unsettled = |now: &str| Minute::unsettled(now.parse().unwrap()).start().to_string();
        assert_eq!(unsettled("2026-05-26T14:07:59Z"), "2026-05-26T14:02:00Z");
        assert_eq!(unsettled("2026-05-26T14:02:00Z"), "2026-05-26T13:57:00Z");
    }
}
