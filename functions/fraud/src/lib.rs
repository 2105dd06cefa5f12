//! Scores every order and says whether it may be fulfilled.
//!
//! Rows: `ORDER#<id>` / `SCORE` (score and reasons; also the marker) and `USER#<id>` / `PROFILE` (what is usual for the user).
//! The profile is written only over the version that was read, so that of two orders at once the second sees the first.

mod profile;
mod rules;

use switchyard_chassis::{Consumer, Effects, Env, Failure, Key, Received, Row, Value};
use switchyard_events::{OrderConfirmed, OrderFlagged, OrderPlaced, Reason};

pub use profile::Profile;
pub use rules::{MAX_SCORE, reasons};

/// The fraud consumer.
pub struct Fraud {
    /// An order is flagged at this score or above (0 to 100).
    pub threshold: u8,
}

/// `checkout` says the first fact about an order; what fraud decides is the second.
const SEQUENCE: u64 = 2;

impl Fraud {
    /// Reads `FLAG_THRESHOLD` (default 60).
    pub fn from_env(env: &mut Env) -> Self {
        Self {
            threshold: env.or("FLAG_THRESHOLD", 60),
        }
    }
}

impl Consumer for Fraud {
    const NAME: &'static str = "fraud";
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        let key = Key::new(format!("USER#{}", order.user_id), "PROFILE");
        let profile = Profile::of(effects.read(key.clone()).await?.as_ref());
        let reasons = reasons(order, &profile);
        let score = score(&reasons);
        let flagged = score >= self.threshold;
        effects.record(
            Row::new(Key::new(format!("ORDER#{}", order.order_id), "SCORE"))
                .set("score", score)
                .set("flagged", flagged)
                .set("reasons", reasons.iter().map(listed).collect::<Vec<_>>()),
        );
        effects.update(key, profile.with(order).update(profile.version));
        if flagged {
            effects.emit(flagged_fact(order, score, reasons, effects.now()), SEQUENCE)
        } else {
            effects.emit(confirmed_fact(order, score, effects.now()), SEQUENCE)
        }
    }
}

/// The points of all reasons, at most [`MAX_SCORE`].
pub fn score(reasons: &[Reason]) -> u8 {
    let points: i32 = reasons.iter().map(|reason| i32::from(reason.points)).sum();
    u8::try_from(points.clamp(0, i32::from(MAX_SCORE))).unwrap_or(MAX_SCORE)
}

fn listed(reason: &Reason) -> Value {
    Value::from([("code", reason.code.as_str().into()), ("points", reason.points.into())])
}

fn flagged_fact(order: &OrderPlaced, score: u8, reasons: Vec<Reason>, now: jiff::Timestamp) -> OrderFlagged {
    let (order_id, user_id) = (order.order_id.clone(), order.user_id.clone());
    OrderFlagged {
        order_id,
        user_id,
        score,
        reasons,
        flagged_at: now,
    }
}

fn confirmed_fact(order: &OrderPlaced, score: u8, now: jiff::Timestamp) -> OrderConfirmed {
    OrderConfirmed {
        order_id: order.order_id.clone(),
        user_id: order.user_id.clone(),
        score,
        confirmed_at: now,
    }
}
