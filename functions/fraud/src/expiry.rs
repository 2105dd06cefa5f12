//! `fraud-expiry`: rejects flagged orders that were not reviewed in time.

use futures_util::{FutureExt, StreamExt, stream};
use serde_json::{Value as Json, json};
use switchyard_chassis::{Env, Failure, Job, Key, Scheduled, pending_since};
use switchyard_events::OrderId;
use tokio::time::Instant;

use crate::config::ReviewDays;
use crate::decision::Decision;
use crate::keys;
use crate::review::{REVIEW, ReviewOutcome, review};
use crate::unlisted::list_unlisted;

/// The number of rows that are read at once; one `BatchGetItem` takes so many.
const ROWS_PER_READ: usize = 100;

/// The number of orders that are rejected concurrently.
const CONCURRENCY: usize = 8;

/// The job. It has no state of its own; the table shows which orders wait.
pub struct ExpireReviews {
    days: ReviewDays,
}

impl ExpireReviews {
    /// A job that rejects orders after so many days.
    pub fn after(days: ReviewDays) -> Self {
        Self { days }
    }

    /// Reads `REVIEW_DAYS` (1 to 365, default 7).
    pub fn from_env(env: &mut Env) -> Self {
        Self::after(env.or("REVIEW_DAYS", ReviewDays::default()))
    }
}

impl Scheduled for ExpireReviews {
    const NAME: &'static str = "fraud-expiry";
    const PRODUCER: &'static str = "fraud";

    async fn run(&self, job: &Job) -> Result<Json, Failure> {
        // Boxed, since the compiler refuses futures that are nested so deeply.
        let rejected = self.reject_expired(job).boxed_local().await;
        // Also after a failure: one order that cannot be rejected must not keep others off the list.
        let listed = list_unlisted(job).boxed_local().await?;
        let rejected = rejected?;
        let usage = job.table.take_usage();
        Ok(json!({"rejected": rejected, "listed": listed, "calls": usage.calls, "units": usage.units}))
    }
}

impl ExpireReviews {
    /// Returns the number of orders that were rejected. A chunk of the index is sorted, and a later chunk only has rows that have
    /// waited less than those of the same partition before them. So the search ends with a chunk whose first row is not due.
    async fn reject_expired(&self, job: &Job) -> Result<u64, Failure> {
        let mut pending = job.table.pending(REVIEW);
        let (mut rejected, mut failed) = (0, None);
        while let Some(keys) = pending.next().await? {
            let mut is_any_due = keys.is_empty();
            for keys in keys.chunks(ROWS_PER_READ) {
                let Due { order_ids, is_complete } = self.read_due(job, keys).await?;
                is_any_due |= !order_ids.is_empty() || is_complete;
                let results = stream::iter(&order_ids).map(|order_id| self.reject(job, order_id));
                let results: Vec<_> = results.buffer_unordered(CONCURRENCY).collect().await;
                for result in results {
                    match result {
                        Ok(ReviewOutcome::Decided(_)) => rejected += 1,
                        // A person decided, or the order was cancelled, in the meantime.
                        Ok(_) => {}
                        Err(failure) => failed = failed.or(Some(failure)),
                    }
                }
                if !is_complete {
                    break;
                }
            }
            if !is_any_due {
                break;
            }
        }
        failed.map_or(Ok(rejected), Err)
    }

    /// Which of these rows, sorted by how long they wait, have waited too long.
    async fn read_due(&self, job: &Job, keys: &[Key]) -> Result<Due, Failure> {
        check_deadline(job)?;
        let last_since = job.now() - self.days.duration();
        let rows = job.table.get_all(keys.to_vec()).await?;
        let mut due = Due { order_ids: Vec::new(), is_complete: true };
        for key in keys {
            match rows.get(key).and_then(pending_since) {
                Some(since) if since <= last_since => due.order_ids.extend(keys::order_id(key)),
                Some(_) => due.is_complete = false,
                // The index is behind: the row does not wait any more.
                None => {}
            }
        }
        Ok(due)
    }

    async fn reject(&self, job: &Job, order_id: &OrderId) -> Result<ReviewOutcome, Failure> {
        check_deadline(job)?;
        review(job, order_id, &Decision::expiry(self.days)).await
    }
}

/// The orders of some rows that have waited too long.
struct Due {
    order_ids: Vec<OrderId>,
    /// Whether no row has waited less than that, so that the rows behind them may be due, too.
    is_complete: bool,
}

pub(crate) fn check_deadline(job: &Job) -> Result<(), Failure> {
    if Instant::now() < job.deadline {
        return Ok(());
    }
    Err(Failure::retry("the deadline passed before all waiting orders were read; the next run does the rest"))
}
