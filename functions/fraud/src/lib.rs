//! Scores every order and confirms or flags it. README.md describes how a score is computed and how to train the model.
//!
//! | pk | sk | |
//! |---|---|---|
//! | `ORDER#<id>` | `SCORE` | the score and its reasons; also the marker |
//! | `USER#<id>` | `PROFILE` | what is usual for the user |
//! | `ORDER#<id>` | `REVIEW` | a reviewer confirmed the flagged order |
//!
//! A profile is written on condition that its version is the one that was read. So of two concurrent orders, the second is scored
//! with the first in its profile.
//!
//! * [`Fraud`]: the consumer; [`FlagThreshold`]: its configuration
//! * [`Profile`], [`RecentOrders`]: the user's earlier orders; [`Signals`]: an order compared with them
//! * `rules`, [`Model`]: give points for the signals; [`Score`]: the sum of these points
//! * [`review()`]: confirms a flagged order after a review

mod config;
mod disposable_domains;
mod keys;
mod model;
mod profile;
mod recent_orders;
mod review;
mod rules;
mod score;
mod signals;

use jiff::Timestamp;
use switchyard_chassis::{Consumer, Effects, Env, Failure, Received};
use switchyard_events::{OrderConfirmed, OrderFlagged, OrderPlaced};

use crate::keys::profile_key;

pub use config::FlagThreshold;
pub use model::{FEATURES, Model, ModelError, features};
pub use profile::Profile;
pub use recent_orders::RecentOrders;
pub use review::{ReviewOutcome, review};
pub use score::{MAX_SCORE, Score};
pub use signals::Signals;

/// The fraud consumer.
pub struct Fraud {
    threshold: FlagThreshold,
    model: Model,
}

/// The sequence number of `OrderConfirmed` or `OrderFlagged` after scoring. Sequence 1 is `OrderPlaced`.
const SCORE_SEQUENCE: u64 = 2;

impl Fraud {
    /// A consumer with this threshold and the embedded model.
    pub fn with_threshold(threshold: FlagThreshold) -> Result<Self, ModelError> {
        Ok(Self { threshold, model: Model::embedded()? })
    }

    /// Reads `FLAG_THRESHOLD` (1 to 100, default 60).
    pub fn from_env(env: &mut Env) -> Self {
        let threshold = env.or("FLAG_THRESHOLD", FlagThreshold::default());
        let model = Model::embedded().unwrap_or_else(|error| {
            env.mistake(error);
            Model::default()
        });
        Self { threshold, model }
    }
}

impl Consumer for Fraud {
    const NAME: &'static str = "fraud";
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        let key = profile_key(&order.user_id);
        let profile = Profile::from_item(effects.read(key.clone()).await?.as_ref());
        let signals = Signals::new(order, &profile);
        let score = Score::new(&signals, &self.model);
        let flagged = self.threshold.is_reached_by(score.points);
        effects.record(score.row(order, &signals, &self.model, flagged));
        let read_version = profile.version;
        effects.update(key, profile.with_order(order).update(read_version));
        if flagged {
            effects.emit(order_flagged(order, score, effects.now()), SCORE_SEQUENCE)
        } else {
            effects.emit(order_confirmed(order, score.points, effects.now()), SCORE_SEQUENCE)
        }
    }
}

fn order_flagged(order: &OrderPlaced, score: Score, now: Timestamp) -> OrderFlagged {
    let (order_id, user_id) = (order.order_id.clone(), order.user_id.clone());
    OrderFlagged { order_id, user_id, score: score.points, reasons: score.reasons, flagged_at: now }
}

fn order_confirmed(order: &OrderPlaced, score: u8, now: Timestamp) -> OrderConfirmed {
    let (order_id, user_id) = (order.order_id.clone(), order.user_id.clone());
    OrderConfirmed { order_id, user_id, score, confirmed_at: now }
}

#[cfg(test)]
mod tests;
