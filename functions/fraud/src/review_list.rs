//! The flagged orders that wait for a review.

use jiff::Timestamp;
use serde::Serialize;
use switchyard_chassis::{Failure, Item, Key, Table, count_of, is_pending, pending_since, text_of, usd_of};
use switchyard_events::{FlagReason, Usd};

use crate::keys;
use crate::review::REVIEW;

/// A flagged order that waits for a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingOrder {
    /// The order.
    pub order_id: String,
    /// When it was flagged.
    pub flagged_at: Option<Timestamp>,
    /// How suspicious it is, 0 to 100.
    pub score: u64,
    /// Why, the reason with the most points first.
    pub reasons: Vec<FlagReason>,
    /// What it costs; unknown for an order that was flagged before the amount was stored with the score.
    pub total_usd: Option<Usd>,
}

/// The orders that wait for a review, the one that was flagged first comes first. `table` must be that of the fraud consumer.
pub async fn waiting_orders(table: &Table) -> Result<Vec<WaitingOrder>, Failure> {
    let mut pending = table.pending(REVIEW);
    let mut waiting = Vec::new();
    while let Some(keys) = pending.next().await? {
        let rows = table.get_all(keys).await?;
        waiting.extend(rows.iter().filter_map(|(key, row)| WaitingOrder::from_row(key, row)));
    }
    waiting.sort_by(|one, other| (one.flagged_at, &one.order_id).cmp(&(other.flagged_at, &other.order_id)));
    Ok(waiting)
}

impl WaitingOrder {
    /// Parses the score's row; `None` if it does not wait.
    fn from_row(key: &Key, row: &Item) -> Option<Self> {
        if !is_pending(row) {
            return None;
        }
        let flagged_at = text_of(row, "processed_at").and_then(|at| at.parse().ok());
        Some(Self {
            order_id: keys::order_id(key)?.to_string(),
            flagged_at: flagged_at.or_else(|| pending_since(row)),
            score: count_of(row, "score").unwrap_or_default(),
            reasons: reasons(row),
            total_usd: usd_of(row, "total_usd"),
        })
    }
}

fn reasons(row: &Item) -> Vec<FlagReason> {
    let stored = row.get("reasons").and_then(|reasons| reasons.as_m().ok()).into_iter().flatten();
    let parsed = stored.filter_map(|(code, points)| {
        Some(FlagReason { code: code.clone(), points: points.as_n().ok()?.parse().ok()? })
    });
    let mut reasons: Vec<_> = parsed.collect();
    reasons.sort_by(|one, other| (other.points, &one.code).cmp(&(one.points, &other.code)));
    reasons
}
