//! Scores every order and says whether it may be fulfilled. README.md says how a score comes about and how to train the model.
//!
//! Rows: `ORDER#<id>` / `SCORE` (score and reasons; also the marker), `USER#<id>` / `PROFILE` (what is usual for the user), and
//! `ORDER#<id>` / `REVIEW` (a person has confirmed a flagged order). The profile is written only over the version that was read,
//! so that of two orders at once the second sees the first.
//!
//! * [`Fraud`]: the business: look, score, decide
//! * [`Profile`], [`Recent`]: the user's orders before; [`Signals`]: the order beside them
//! * `rules` and [`Model`]: two opinions; [`Score`]: both together
//! * [`review`]: a person's decision about a flagged order

mod domains;
mod model;
mod profile;
mod recent;
mod review;
mod rules;
mod score;
mod signals;
mod threshold;

use jiff::Timestamp;
use switchyard_chassis::{Consumer, Effects, Env, Failure, Key, Received, Row};
use switchyard_events::{OrderConfirmed, OrderFlagged, OrderId, OrderPlaced};

pub use model::{FEATURES, Model, ModelError, features};
pub use profile::Profile;
pub use recent::Recent;
pub use review::{ReviewOutcome, review};
pub use score::{MAX_SCORE, Score};
pub use signals::Signals;
pub use threshold::FlagThreshold;

/// The fraud consumer.
pub struct Fraud {
    threshold: FlagThreshold,
    model: Model,
}

/// `checkout` says the first fact about an order; what fraud decides is the second.
const DECISION: u64 = 2;

impl Fraud {
    /// Flags from this score on, with the model packed with the function.
    pub fn with_threshold(threshold: FlagThreshold) -> Result<Self, ModelError> {
        Ok(Self { threshold, model: Model::packed()? })
    }

    /// Reads `FLAG_THRESHOLD` (1 to 100, default 60).
    pub fn from_env(env: &mut Env) -> Self {
        let threshold = env.or("FLAG_THRESHOLD", FlagThreshold::default());
        let model = Model::packed().unwrap_or_else(|error| {
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
        let key = Key::new(format!("USER#{}", order.user_id), "PROFILE");
        let profile = Profile::of(effects.read(key.clone()).await?.as_ref());
        let signals = Signals::of(order, &profile);
        let score = Score::of(&signals, &self.model);
        let flagged = self.threshold.is_reached(score.points);
        effects.record(
            Row::new(score_key(&order.order_id))
                .set("score", score.points)
                .set("flagged", flagged)
                .set("reasons", score.stored_reasons())
                .set("model", self.model.version.as_str())
                .set("within_1h", signals.within_1h as u64)
                .set("within_24h", signals.within_24h as u64),
        );
        let version = profile.version;
        effects.update(key, profile.with(order).update(version));
        if flagged {
            effects.emit(flagged_fact(order, score, effects.now()), DECISION)
        } else {
            effects.emit(confirmed_fact(order, score.points, effects.now()), DECISION)
        }
    }
}

/// Where an order's score lies.
fn score_key(order_id: &OrderId) -> Key {
    Key::new(format!("ORDER#{order_id}"), "SCORE")
}

fn flagged_fact(order: &OrderPlaced, score: Score, now: Timestamp) -> OrderFlagged {
    let (order_id, user_id) = (order.order_id.clone(), order.user_id.clone());
    OrderFlagged { order_id, user_id, score: score.points, reasons: score.reasons, flagged_at: now }
}

fn confirmed_fact(order: &OrderPlaced, score: u8, now: Timestamp) -> OrderConfirmed {
    let (order_id, user_id) = (order.order_id.clone(), order.user_id.clone());
    OrderConfirmed { order_id, user_id, score, confirmed_at: now }
}

#[cfg(test)]
mod tests;
