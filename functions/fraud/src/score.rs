//! How suspicious an order is, and why.

use switchyard_chassis::Value;
use switchyard_events::FlagReason;

use crate::model::Model;
use crate::rules::rules;
use crate::signals::Signals;

/// The highest score.
pub const MAX_SCORE: u8 = 100;

/// A score and its reasons: the score is the sum of their points, held within 0 and [`MAX_SCORE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// 0 (not at all suspicious) to [`MAX_SCORE`].
    pub points: u8,
    /// Every rule that applies and every feature of the model that says something, most weighty first. Points below 0 speak for
    /// the order.
    pub reasons: Vec<FlagReason>,
}

impl Score {
    /// Asks the rules and the model.
    pub fn of(signals: &Signals, model: &Model) -> Self {
        let all = rules(signals).into_iter().chain(model.points(signals));
        let named = all.filter(|(_, points)| *points != 0);
        let mut reasons: Vec<_> = named.map(|(code, points)| FlagReason { code: code.into(), points }).collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.points));
        let sum: i32 = reasons.iter().map(|reason| i32::from(reason.points)).sum();
        let points = u8::try_from(sum.clamp(0, MAX_SCORE.into())).unwrap_or(MAX_SCORE);
        Self { points, reasons }
    }

    /// The reasons as a row holds them: points by code.
    pub fn stored_reasons(&self) -> Value {
        let stored = self.reasons.iter().map(|reason| (reason.code.clone(), Value::from(reason.points).0));
        Value::map(stored.collect())
    }
}
