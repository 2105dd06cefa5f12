//! Confirms a flagged order after a person reviewed it.

use serde::Deserialize;
use switchyard_chassis::{Committed, Failure, Item, Job, Row, text_of};
use switchyard_events::{OrderConfirmed, OrderFlagged, OrderId, OutboxEntry};

use crate::keys::{review_key, score_key};

/// The result of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewOutcome {
    /// `OrderConfirmed` is stored in the outbox, with sequence 3.
    Confirmed,
    /// An earlier review confirmed the order.
    AlreadyConfirmed,
    /// The order is not flagged or not scored yet, so there is nothing to review.
    NotFlagged,
}

/// The sequence number of `OrderConfirmed` after a review. Sequence 2 is the `OrderFlagged` that the review follows.
const REVIEW_SEQUENCE: u64 = 3;

/// Confirms a flagged order, once, however often it is called. `job` must have the table of the fraud consumer.
pub async fn review(job: &Job, order_id: &OrderId) -> Result<ReviewOutcome, Failure> {
    let row = job.table.get(&score_key(order_id)).await?;
    let Some(flagged) = row.as_ref().and_then(stored_order_flagged) else {
        return Ok(ReviewOutcome::NotFlagged);
    };
    let mut effects = job.effects();
    let (user_id, score, confirmed_at) = (flagged.user_id, flagged.score, job.now());
    effects.record(Row::new(review_key(order_id)).set("score", score));
    effects.emit(OrderConfirmed { order_id: order_id.clone(), user_id, score, confirmed_at }, REVIEW_SEQUENCE)?;
    match job.commit(effects).await? {
        Committed::Done => Ok(ReviewOutcome::Confirmed),
        Committed::AlreadyDone | Committed::ConditionFailed => Ok(ReviewOutcome::AlreadyConfirmed),
    }
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
