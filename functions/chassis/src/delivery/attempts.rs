//! Messages that may have ended the process that handled them.
//!
//! A message that kills its process (out of memory, a stack overflow, a timeout) never reaches the code that would dead-letter it,
//! and each time it takes the other messages of its batch with it. So from a message's second receive on, an attempt row is written
//! before it is handled and deleted after any orderly end. A row that is still there says that an attempt did not end.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout_at};

use crate::dynamodb::batch_write::{delete_all, put_all};
use crate::dynamodb::item::count_of;
use crate::{Failure, Key, Row, Table, backoff};

/// After this many attempts that did not end, a message is dead-lettered without being handled.
pub(crate) const MAX_UNFINISHED: u64 = 3;

/// How long an attempt row is kept if nothing deletes it: as long as a queue keeps its message.
const ROW_TTL: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The row of a message's unfinished attempts.
fn attempt_key(message_id: &str) -> Key {
    Key::new(format!("ATTEMPT#{message_id}"), "ATTEMPT")
}

/// How many attempts of each message did not end. A message without such an attempt is missing in the result.
pub(crate) async fn unfinished(table: &Table, message_ids: &[&str]) -> Result<HashMap<String, u64>, Failure> {
    let rows = table.get_all(message_ids.iter().map(|id| attempt_key(id)).collect()).await?;
    let attempts = |id: &&str| Some(((*id).to_owned(), count_of(rows.get(&attempt_key(id))?, "attempts")?));
    Ok(message_ids.iter().filter_map(attempts).collect())
}

/// Notes that an attempt begins. `earlier` is the number of attempts that did not end.
pub(crate) async fn begin(table: &Table, message_ids: &[&str], earlier: u64, now: Timestamp) -> Result<(), Failure> {
    let row = |id: &&str| {
        let row = Row::new(attempt_key(id)).set("attempts", earlier + 1);
        row.set("expires_at", now.as_second() + ROW_TTL.as_secs())
    };
    put_all(table, message_ids.iter().map(row)).await
}

/// Notes that the attempts ended in an orderly way. Tries until `give_up`: while a table answers only some calls, a message whose
/// rows stay would be dead-lettered although it ended no process. If this fails, the messages are handled alone at their next receive.
pub(crate) async fn end(table: &Table, message_ids: &[&str], give_up: Instant) {
    if message_ids.is_empty() {
        return;
    }
    let mut last_error = None;
    let delete = async {
        for attempt in 0.. {
            match delete_all(table, message_ids.iter().map(|id| attempt_key(id))).await {
                Ok(()) => break,
                Err(error) => last_error = Some(error),
            }
            tokio::time::sleep(backoff::contention(attempt)).await;
        }
    };
    if timeout_at(give_up, delete).await.is_err() {
        let error = last_error.map(|error| error.to_string());
        tracing::warn!(error, "attempt rows were not deleted; their messages are handled alone at their next receive");
    }
}
