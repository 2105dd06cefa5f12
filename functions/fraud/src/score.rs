//! The score of an order and its reasons.

use switchyard_chassis::{Row, Value};
use switchyard_events::{FlagReason, OrderPlaced};

use crate::keys::score_key;
use crate::model::Model;
use crate::rules::rules;
use crate::signals::Signals;

/// The highest score.
pub const MAX_SCORE: u8 = 100;

/// A score and its reasons: the score is the sum of their points, limited to 0 to [`MAX_SCORE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// 0 (not suspicious) to [`MAX_SCORE`].
    pub points: u8,
    /// Each rule and each feature of the model that gave points, highest first. Negative points make the order less suspicious.
    pub reasons: Vec<FlagReason>,
}

impl Score {
    /// Adds up the points of the rules and of the model.
    pub fn new(signals: &Signals, model: &Model) -> Self {
        let all = rules(signals).into_iter().chain(model.points(signals));
        let named = all.filter(|(_, points)| *points != 0);
        let mut reasons: Vec<_> = named.map(|(code, points)| FlagReason { code: code.into(), points }).collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.points));
        let sum: i32 = reasons.iter().map(|reason| i32::from(reason.points)).sum();
        let points = u8::try_from(sum.clamp(0, MAX_SCORE.into())).unwrap_or(MAX_SCORE);
        Self { points, reasons }
    }

    /// The row of an order's score.
    pub(crate) fn row(&self, order: &OrderPlaced, signals: &Signals, model: &Model, flagged: bool) -> Row {
        let row = Row::new(score_key(&order.order_id))
            .set("score", self.points)
            .set("flagged", flagged)
            .set("reasons", self.stored_reasons())
            .set("model", model.version.as_str())
            .set("within_1h", signals.within_1h as u64)
            .set("within_24h", signals.within_24h as u64);
        // For the reviewer.
        if flagged { row.set("total_usd", order.total_usd) } else { row }
    }

    /// The reasons as they are stored: points by code.
    fn stored_reasons(&self) -> Value {
        let stored = self.reasons.iter().map(|reason| (reason.code.clone(), Value::from(reason.points).0));
        Value::map(stored.collect())
    }
}
