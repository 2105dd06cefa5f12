//! A person has looked at a flagged order.

use serde::Deserialize;
use switchyard_chassis::{Committed, Failure, Item, Job, Key, Row, text_of};
use switchyard_events::{OrderConfirmed, OrderFlagged, OrderId, OutboxEntry};

use crate::score_key;

/// What became of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewOutcome {
    /// `OrderConfirmed` is on its way, as the order's third fact.
    Confirmed,
    /// It had been said before.
    AlreadyConfirmed,
    /// The order is not flagged, or not scored yet: there is nothing to review.
    NotFlagged,
}

/// `OrderFlagged` is an order's second fact; its confirmation after a review is the third.
const AFTER_REVIEW: u64 = 3;

/// Confirms a flagged order after all: once, however often it is asked for. The job works on the fraud consumer's table.
pub async fn review(job: &Job, order_id: &OrderId) -> Result<ReviewOutcome, Failure> {
    let row = job.table.get(&score_key(order_id)).await?;
    let Some(flagged) = row.as_ref().and_then(flagged) else {
        return Ok(ReviewOutcome::NotFlagged);
    };
    let mut effects = job.effects();
    let (user_id, score, confirmed_at) = (flagged.user_id, flagged.score, job.now());
    effects.record(Row::new(Key::new(format!("ORDER#{order_id}"), "REVIEW")).set("score", score));
    effects.emit(OrderConfirmed { order_id: order_id.clone(), user_id, score, confirmed_at }, AFTER_REVIEW)?;
    match job.commit(effects).await? {
        Committed::Done => Ok(ReviewOutcome::Confirmed),
        Committed::AlreadyDone | Committed::ConditionFailed => Ok(ReviewOutcome::AlreadyConfirmed),
    }
}

/// The `OrderFlagged` that a score's row has sent: the outbox stays in the row.
fn flagged(row: &Item) -> Option<OrderFlagged> {
    #[derive(Deserialize)]
    struct Detail {
        data: OrderFlagged,
    }
    let entries = OutboxEntry::from_attribute(text_of(row, OutboxEntry::ATTRIBUTE)?).ok()?;
    let entry = entries.iter().find(|entry| entry.detail_type == "OrderFlagged")?;
    Some(serde_json::from_str::<Detail>(entry.detail.get()).ok()?.data)
}
