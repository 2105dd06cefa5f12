//! Users whose features are out of date, so that the rebuild finds them without reading all users.
//!
//! Each batch adds its users to one row of the minute in which it ran. A row per user would cost two write units an order. The
//! rebuild reads the minutes since its cursor and then moves the cursor. Rows are not deleted; they expire.
//!
//! All these rows are in one partition, so that one query finds the next one. A partition key serves 1,000 write units a second,
//! which is 500 batches. The function runs at most ten batches concurrently, so they reach that only below 20 ms a batch.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use switchyard_chassis::{Effects, Failure, Item, Key, Row, Table, Update, Value, describe, text_of};
use switchyard_events::UserId;

use crate::keys::{TOUCHED_PARTITION, cursor_key};
use crate::minute::Minute;

/// The number of rows of a minute. Batches that run concurrently rarely choose the same one.
const SHARD_COUNT: u32 = 100;

/// How long a touched row is kept: as long as the rebuild can fail to run without losing a user.
const TOUCHED_RETENTION: SignedDuration = SignedDuration::from_hours(24 * 14);

/// The prefix of attributes that count a user's orders. Without it, a user called `pk` would collide with the key.
const USER_ATTRIBUTE_PREFIX: &str = "USER#";

/// Marks a user's features as out of date.
pub(crate) fn touch(effects: &mut Effects, user: &UserId) {
    let minute = Minute::from_timestamp(effects.now());
    let update = Update::new()
        .add(&format!("{USER_ATTRIBUTE_PREFIX}{user}"), 1)
        .set("expires_at", (minute.start() + TOUCHED_RETENTION).as_second());
    effects.add_sharded(Key::new(TOUCHED_PARTITION, minute.sort_key()), SHARD_COUNT, update);
}

/// The first minute from `from` on in which a user was touched.
pub(crate) async fn next_touched_minute(table: &Table, from: Minute) -> Result<Option<Minute>, Failure> {
    let query = table.client().query().table_name(table.name()).consistent_read(true).limit(1);
    let query = query
        .key_condition_expression("pk = :pk AND sk >= :from")
        .expression_attribute_values(":pk", Value::from(TOUCHED_PARTITION).0)
        .expression_attribute_values(":from", Value::from(from.sort_key()).0);
    let answer = query.return_consumed_capacity("TOTAL".into()).send().await;
    let answer = answer.map_err(|error| Failure::retry(format!("DynamoDB Query: {}", describe(&error))))?;
    table.count_units(answer.consumed_capacity().and_then(|capacity| capacity.capacity_units).unwrap_or_default());
    Ok(answer.items().first().and_then(minute_of))
}

/// The users touched from `from` to the end of its hour, each in the minute in which it was last touched.
pub(crate) async fn read_hour(table: &Table, from: Minute) -> Result<BTreeMap<Minute, BTreeSet<UserId>>, Failure> {
    let mut last: BTreeMap<UserId, Minute> = BTreeMap::new();
    for row in table.query(TOUCHED_PARTITION, &from.hour_prefix()).await? {
        let Some(minute) = minute_of(&row).filter(|minute| *minute >= from) else {
            continue;
        };
        for user in users(&row) {
            let latest = last.entry(user).or_insert(minute);
            *latest = minute.max(*latest);
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
    Minute::parse(minute)
}

fn users(row: &Item) -> impl Iterator<Item = UserId> {
    row.keys().filter_map(|name| UserId::parse(name.strip_prefix(USER_ATTRIBUTE_PREFIX)?).ok())
}

/// The first minute that is not rebuilt yet; `None` before the first run.
pub(crate) async fn read_cursor(table: &Table) -> Result<Option<Minute>, Failure> {
    let row = table.get(&cursor_key()).await?;
    let until = row.as_ref().and_then(|row| text_of(row, "until"));
    Ok(until.and_then(|until| until.parse().ok()).map(Minute::from_timestamp))
}

/// The row of the cursor.
pub(crate) fn cursor_row(until: Minute) -> Row {
    Row::new(cursor_key()).set("until", until.start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touched_row_gives_its_minute_and_users() {
        let minute = Minute::from_timestamp("2026-05-26T14:07:59.9Z".parse().unwrap());
        assert_eq!((minute.sort_key(), minute.hour_prefix()), ("2026-05-26T14:07".into(), "2026-05-26T14:".into()));
        assert_eq!(minute.next_hour().sort_key(), "2026-05-26T15:00");
        let row =
            Row::new(Key::new(TOUCHED_PARTITION, "2026-05-26T14:07#42")).set("USER#pk", 2).set("expires_at", 1_i64);
        let row = row.into_item();
        assert_eq!(minute_of(&row), Some(minute));
        assert_eq!(users(&row).map(String::from).collect::<Vec<_>>(), ["pk"]);
    }
}
