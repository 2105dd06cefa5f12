//! Stores what each user bought and which products are bought together, and computes recommendations from that.
//!
//! * [`Recommendations`]: the consumer; it stores one order
//! * `purchases`: the products that a user bought, newest first
//! * [`pairs`]: pairs of products in one order, and in how many orders each pair was
//! * `touched_users`: which users' orders arrived, minute by minute
//! * [`RebuildFeatures`]: the hourly job, which writes the [`Features`] of each touched user
//!
//! Rows:
//!
//! | pk | sk | |
//! |---|---|---|
//! | `USER#<user>` | `PURCHASE#<placed_at>#<order>` | the products of one order; also the marker of `OrderPlaced` |
//! | `USER#<user>` | `PURCHASE#<placed_at>#<order>#CANCELLED` | hides the row above; also the marker of `OrderCancelled` |
//! | `USER#<user>` | `FEATURES` | the user's recommendations |
//! | `SKU#<a>` | `WITH#<b>#<shard>` | the number of orders that contain `a` and `b`; the same row exists for `b` and `a` |
//! | `TOUCHED` | `<minute>#<shard>` | the users whose orders or cancellations arrived in that minute, with their numbers |
//! | `REBUILD` | `CURSOR` | the time up to which all touched users' features are rebuilt |
//!
//! A cancelled order is no purchase and no order of its pairs; the next rebuild gives its user features without it. Nothing is read, and
//! order and cancellation may arrive in any order. As after an order, other users' features change when they are rebuilt next.
//!
//! Write units of an order, and as many of a cancellation (a transaction takes two for each row, and all rows are well under a kilobyte): 2 for the purchase,
//! 2 for the touched row, which the orders of a batch share, and 4 for each pair. That is 4 for one product, 16 for three, 64
//! for six and more; in a full batch 2.2, 14.2 and 62.2.

mod features;
mod job;
mod keys;
mod minute;
pub mod pairs;
mod partner_cache;
mod purchases;
mod touched_users;

use switchyard_chassis::{Consumer, Effects, Env, Failure, Received};
use switchyard_events::{PlacedOrCancelled, Sku};

pub use features::{Features, MAX_RECOMMENDATIONS, read_features, top_products};
pub use job::RebuildFeatures;
pub use purchases::{MAX_RECENT_PRODUCTS, Purchase, newest_products, read_purchases, read_recent_products};

/// The recommendations consumer.
pub struct Recommendations;

impl Recommendations {
    /// Needs no environment variables of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Consumer for Recommendations {
    const NAME: &'static str = "recommendations";
    type Event = PlacedOrCancelled;

    async fn handle(&self, event: &Received<PlacedOrCancelled>, effects: &mut Effects) -> Result<(), Failure> {
        let order = event.order();
        let skus: Vec<Sku> = order.items.iter().map(|line| line.sku.clone()).collect();
        let (row, orders) = match &event.event {
            PlacedOrCancelled::Placed(order) => (purchases::row(order, &skus, effects.now()), 1),
            PlacedOrCancelled::Cancelled(cancelled) => (purchases::cancellation_row(cancelled, effects.now()), -1),
        };
        effects.record(row);
        for (one, other) in pairs::select_pairs(&order.order_id, &skus) {
            pairs::count_pair(effects, &one, &other, orders);
            pairs::count_pair(effects, &other, &one, orders);
        }
        touched_users::touch(effects, &order.user_id);
        Ok(())
    }
}
