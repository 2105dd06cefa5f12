//! Orders that were flagged before there was a review list: their rows are not in the index.
//!
//! The job searches the whole table for them, in its first run and again at least an hour later, when no function of the older version
//! can be running any more. After that it never searches again. This module can be deleted when no such order can be left.

use jiff::{SignedDuration, Timestamp};
use switchyard_chassis::{Committed, Condition, Failure, Item, Job, Key, Row, Update, text_of};
use switchyard_events::OrderId;
use tokio::time::Instant;

use crate::keys::{self, cancelled_key, listed_later_key, review_key, score_key, search_key};
use crate::review::REVIEW;

/// How long a function of the older version can still flag orders: Lambda ends every invocation after 15 minutes
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>, 2026-11-21).
const OLD_VERSION_RUNS: SignedDuration = SignedDuration::from_hours(1);

/// How far the search is.
#[derive(Debug, Clone, Default, PartialEq)]
struct Search {
    /// When the job ran for the first time.
    first_run_at: Timestamp,
    /// When the present search began.
    started_at: Timestamp,
    /// The key at which an earlier run stopped.
    after: Option<Key>,
    /// Whether nothing is left to search.
    is_done: bool,
}

/// Puts flagged orders without a decision on the review list. Returns their number.
pub(crate) async fn list_unlisted(job: &Job) -> Result<u64, Failure> {
    let stored = job.table.get(&search_key()).await?;
    let search = stored.as_ref().and_then(Search::from_item);
    let mut search = search.unwrap_or(Search { first_run_at: job.now(), ..Search::default() }).resumed(job.now());
    let mut listed = 0;
    while !search.is_done && Instant::now() < job.deadline {
        let page = job.table.scan(&filter(), search.after.as_ref()).await?;
        for order_id in page.rows.iter().filter_map(Key::from_item).filter_map(|key| keys::order_id(&key)) {
            listed += u64::from(list(job, &order_id).await?);
        }
        search = search.after_page(page.last);
        job.table.put(search.row()).await?;
        if search.after.is_none() {
            break;
        }
    }
    Ok(listed)
}

/// Only the rows of scores have `flagged`.
fn filter() -> Condition {
    Condition::equals("flagged", true).and_also(Condition::missing("pending"))
}

/// Puts one order on the list, unless it is decided or cancelled. It waits from now on: until now there was no command to review it.
async fn list(job: &Job, order_id: &OrderId) -> Result<bool, Failure> {
    let mut effects = job.effects();
    let key = score_key(order_id);
    effects.record(Row::new(listed_later_key(order_id)));
    effects
        .update(key.clone(), Update::new().pending(&key, REVIEW, job.now()).when(Condition::equals("flagged", true)));
    effects.check(review_key(order_id), Condition::missing("event_id"));
    effects.check(cancelled_key(order_id), Condition::missing("event_id"));
    Ok(job.commit(effects).await? == Committed::Done)
}

impl Search {
    fn from_item(row: &Item) -> Option<Self> {
        let time = |name: &str| text_of(row, name)?.parse().ok();
        let after = Option::zip(text_of(row, "after_pk"), text_of(row, "after_sk"));
        Some(Self {
            first_run_at: time("first_run_at")?,
            started_at: time("started_at")?,
            after: after.map(|(pk, sk)| Key::new(pk, sk)),
            is_done: row.contains_key("done_at"),
        })
    }

    fn row(&self) -> Row {
        let row = Row::new(search_key()).set("first_run_at", self.first_run_at).set("started_at", self.started_at);
        match &self.after {
            Some(after) => row.set("after_pk", after.pk.as_str()).set("after_sk", after.sk.as_str()),
            None if self.is_done => row.set("done_at", self.started_at),
            None => row,
        }
    }

    /// A search that stopped at a key goes on there; else it begins now.
    fn resumed(self, now: Timestamp) -> Self {
        let started_at = if self.after.is_some() || self.is_done { self.started_at } else { now };
        Self { started_at, ..self }
    }

    /// The search after a page. The last page of a search that began late enough ends all searching.
    fn after_page(self, last: Option<Key>) -> Self {
        let began_late = self.started_at.duration_since(self.first_run_at) >= OLD_VERSION_RUNS;
        Self { is_done: last.is_none() && began_late, after: last, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
    }

    fn stored(search: &Search) -> Search {
        Search::from_item(&search.row().into_item()).unwrap()
    }

    #[test]
    fn search_ends_with_one_that_began_an_hour_after_the_first_run() {
        let first = Search { first_run_at: at(0), ..Search::default() }.resumed(at(0));
        let stopped = stored(&first.after_page(Some(Key::new("ORDER#1", "SCORE"))));
        assert_eq!((&stopped.after, stopped.is_done), (&Some(Key::new("ORDER#1", "SCORE")), false));
        // It began in the first run, so it is not the last one, although it ends later.
        let first_ended = stored(&stopped.resumed(at(61)).after_page(None));
        assert!(!first_ended.is_done);
        let soon = stored(&first_ended.resumed(at(59)).after_page(None));
        assert!(!soon.is_done);
        let last = stored(&soon.resumed(at(60)).after_page(None));
        assert!(last.is_done);
        assert_eq!(last.clone().resumed(at(120)), last);
    }
}
