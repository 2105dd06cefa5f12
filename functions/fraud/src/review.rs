//! The decision about a flagged order: by a person, or by the job when no person decided in time.

use jiff::Timestamp;
use serde::Deserialize;
use switchyard_chassis::{Committed, Condition, Failure, Item, Job, Row, Update, text_of};
use switchyard_events::{OrderConfirmed, OrderFlagged, OrderId, OrderRejected, OutboxEntry, RejectionCause};

use crate::decision::{Decision, StoredDecision, Verdict};
use crate::keys::{cancelled_key, review_key, score_key};

/// The kind of pending rows that wait for a review.
pub(crate) const REVIEW: &str = "REVIEW";

/// The sequence number of `OrderConfirmed` or `OrderRejected` after a review. Sequence 2 is the `OrderFlagged` that the review
/// follows.
const REVIEW_SEQUENCE: u64 = 3;

/// How often the rows are read. A decision that cannot be written was overtaken by one or by a cancellation, which the next read
/// finds.
const MAX_READS: u32 = 3;

/// The result of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReviewOutcome {
    /// The decision is stored, and its event is in the outbox.
    Decided(StoredDecision),
    /// This earlier decision counts. Nothing has changed.
    AlreadyDecided(StoredDecision),
    /// The order is cancelled, so there is nothing to decide.
    Cancelled {
        /// When it was cancelled.
        at: Option<Timestamp>,
    },
    /// The order was confirmed without a review.
    NotFlagged,
    /// There is no score yet, or no such order.
    NotScored,
}

/// Decides about a flagged order. Of concurrent decisions and cancellations exactly one counts. `job` must have the table of the fraud
/// consumer.
///
/// Needs nothing of the index, so it also decides about orders that were flagged before there was one.
pub async fn review(job: &Job, order_id: &OrderId, decision: &Decision) -> Result<ReviewOutcome, Failure> {
    // Distinguishes this decision from an equal one of another process, if the answer to the write is lost.
    let decision_id = format!("{:016x}", fastrand::u64(..));
    for _ in 0..MAX_READS {
        let keys = [score_key(order_id), review_key(order_id), cancelled_key(order_id)];
        let [score_key, review_key, cancelled_key] = &keys;
        let rows = job.table.get_all(keys.to_vec()).await?;
        if let Some(row) = rows.get(review_key) {
            let stored = StoredDecision::from_item(row);
            let is_ours = text_of(row, "decision_id") == Some(&decision_id);
            return Ok(if is_ours { ReviewOutcome::Decided(stored) } else { ReviewOutcome::AlreadyDecided(stored) });
        }
        if let Some(row) = rows.get(cancelled_key) {
            let at = text_of(row, "cancelled_at").and_then(|at| at.parse().ok());
            return Ok(ReviewOutcome::Cancelled { at });
        }
        let Some(row) = rows.get(score_key) else {
            return Ok(ReviewOutcome::NotScored);
        };
        let Some(flagged) = stored_order_flagged(row) else {
            return Ok(ReviewOutcome::NotFlagged);
        };
        if decide(job, flagged, decision, &decision_id).await? == Committed::Done {
            return Ok(ReviewOutcome::Decided(decision.stored(job.now())));
        }
    }
    Err(Failure::retry("the order is decided or cancelled at this moment, and neither can be read yet; try again"))
}

/// Writes the decision and its event, and takes the order off the review list.
async fn decide(
    job: &Job,
    flagged: OrderFlagged,
    decision: &Decision,
    decision_id: &str,
) -> Result<Committed, Failure> {
    let OrderFlagged { order_id, user_id, score, .. } = flagged;
    let now = job.now();
    let mut effects = job.effects();
    let row = Row::new(review_key(&order_id)).set("score", score).set("decision_id", decision_id);
    effects.record(decision.stored(now).add_to(row));
    effects.update(score_key(&order_id), Update::new().no_longer_pending().when(Condition::equals("flagged", true)));
    effects.check(cancelled_key(&order_id), Condition::missing("event_id"));
    match decision.verdict {
        Verdict::Confirmed => {
            effects.emit(OrderConfirmed { order_id, user_id, score, confirmed_at: now }, REVIEW_SEQUENCE)?;
        }
        Verdict::Rejected => {
            let cause = if decision.is_expiry { RejectionCause::Expiry } else { RejectionCause::Review };
            effects.emit(OrderRejected { order_id, user_id, score, cause, rejected_at: now }, REVIEW_SEQUENCE)?;
        }
    }
    job.commit(effects).await
}

/// The `OrderFlagged` in the outbox of a score's row; the outbox remains in the row after it is published.
fn stored_order_flagged(row: &Item) -> Option<OrderFlagged> {
    #[derive(Deserialize)]
    struct Detail {
        data: OrderFlagged,
    }
    let entries = OutboxEntry::from_attribute(text_of(row, OutboxEntry::ATTRIBUTE)?).ok()?;
    let entry = entries.iter().find(|entry| entry.detail_type == "OrderFlagged")?;
    Some(serde_json::from_str::<Detail>(entry.detail.get()).ok()?.data)
}
