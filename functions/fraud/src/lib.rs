//! Scores every order and confirms or flags it. README.md describes how a score is computed and how to train the model.
//!
//! | pk | sk | |
//! |---|---|---|
//! | `ORDER#<id>` | `SCORE` | the score and its reasons; also the marker. While the order waits for a review, the row is in the index |
//! | `USER#<id>` | `PROFILE` | what is usual for the user |
//! | `ORDER#<id>` | `REVIEW` | the decision about the flagged order, who made it and why |
//! | `ORDER#<id>` | `CANCELLED` | the order was cancelled; also the marker |
//! | `ORDER#<id>` | `LISTED_LATER` | the order was flagged before there was a review list |
//! | `JOB#fraud-expiry` | `UNLISTED` | how far the search for such orders is |
//!
//! A profile is written on condition that its version is the one that was read. So of two concurrent orders, the second is scored
//! with the first in its profile.
//!
//! A cancellation takes the order's amount and country out of the profile, once, in any order of arrival. Each handler reads the profile
//! first and then the row that shows whether the other event has arrived. Both events write the profile. So if the other event arrives
//! after that read, the profile's version is not the one that was read, and the handler runs again. If no cancellation of the user came
//! too early, which the profile says, an order needs no second read.
//!
//! * [`Fraud`]: the consumer; [`FraudEvent`]: the events that it subscribes to; [`FlagThreshold`]: its configuration
//! * [`Profile`], [`RecentOrders`]: the user's earlier orders; [`Signals`]: an order compared with them
//! * `rules`, [`Model`]: give points for the signals; [`Score`]: the sum of these points
//! * [`waiting_orders()`]: the orders that wait for a review; [`review()`]: confirms or rejects one, by a [`Decision`]
//! * [`ExpireReviews`]: the job that rejects the orders that were not reviewed in time

mod config;
mod decision;
mod disposable_domains;
mod event;
mod expiry;
mod keys;
mod model;
mod profile;
mod recent_orders;
mod review;
mod review_list;
mod rules;
mod score;
mod signals;
mod unlisted;

use jiff::Timestamp;
use switchyard_chassis::{Condition, Consumer, Effects, Env, Failure, Received, Row, Update, is_pending};
use switchyard_events::{OrderCancelled, OrderConfirmed, OrderFlagged, OrderPlaced};

use crate::keys::{cancelled_key, profile_key, score_key};
use crate::review::REVIEW;

pub use config::{FlagThreshold, ReviewDays};
pub use decision::{Decision, Reason, StoredDecision, Verdict};
pub use event::FraudEvent;
pub use expiry::ExpireReviews;
pub use model::{FEATURES, Model, ModelError, features};
pub use profile::Profile;
pub use recent_orders::RecentOrders;
pub use review::{ReviewOutcome, review};
pub use review_list::{WaitingOrder, waiting_orders};
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
    type Event = FraudEvent;

    async fn handle(&self, received: &Received<FraudEvent>, effects: &mut Effects) -> Result<(), Failure> {
        match &received.event {
            FraudEvent::Placed(order) => self.score(order, effects).await,
            FraudEvent::Cancelled(cancelled) => cancel(cancelled, effects).await,
        }
    }
}

impl Fraud {
    /// Scores an order and adds it to its user's profile.
    async fn score(&self, order: &OrderPlaced, effects: &mut Effects) -> Result<(), Failure> {
        let key = profile_key(&order.user_id);
        let profile = Profile::from_item(effects.read(key.clone()).await?.as_ref());
        // Read after the profile: see the crate's documentation.
        let is_cancelled =
            profile.early_cancellations > 0 && effects.read(cancelled_key(&order.order_id)).await?.is_some();
        let signals = Signals::new(order, &profile);
        let score = Score::new(&signals, &self.model);
        let flagged = self.threshold.is_reached_by(score.points);
        let row = score.row(order, &signals, &self.model, flagged);
        effects.record(if flagged && !is_cancelled { row.pending(REVIEW, effects.now()) } else { row });
        let read_version = profile.version;
        let profile = if is_cancelled { profile.with_cancelled_order(order) } else { profile.with_order(order) };
        effects.update(key, profile.update(read_version));
        if flagged {
            effects.emit(order_flagged(order, score, effects.now()), SCORE_SEQUENCE)
        } else {
            effects.emit(order_confirmed(order, score.points, effects.now()), SCORE_SEQUENCE)
        }
    }
}

/// Takes a cancelled order out of its user's profile, as far as it may be forgotten, and off the review list.
async fn cancel(cancelled: &OrderCancelled, effects: &mut Effects) -> Result<(), Failure> {
    let order = &cancelled.order;
    let key = profile_key(&order.user_id);
    let profile = Profile::from_item(effects.read(key.clone()).await?.as_ref());
    // Read after the profile: see the crate's documentation.
    let score_key = score_key(&order.order_id);
    let score = effects.read(score_key.clone()).await?;
    let row = Row::new(cancelled_key(&order.order_id));
    effects.record(row.set("cancelled_at", cancelled.cancelled_at).set("reason", cancelled.reason.as_str()));
    let read_version = profile.version;
    let profile = match &score {
        Some(_) => profile.with_cancellation(order),
        None => profile.with_early_cancellation(),
    };
    effects.update(key, profile.update(read_version));
    if score.as_ref().is_some_and(is_pending) {
        effects.update(score_key, Update::new().no_longer_pending().when(Condition::pending()));
    }
    Ok(())
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
