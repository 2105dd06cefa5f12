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
//! | `USER#<user>` | `PURCHASE#<placed_at>#<order>` | the products of one order; also the marker |
//! | `USER#<user>` | `FEATURES` | the user's recommendations |
//! | `SKU#<a>` | `WITH#<b>#<shard>` | the number of orders that contain `a` and `b`; the same row exists for `b` and `a` |
//! | `TOUCHED` | `<minute>#<shard>` | the users whose orders arrived in that minute, with their numbers of orders |
//! | `REBUILD` | `CURSOR` | the time up to which all touched users' features are rebuilt |
//!
//! Write units of an order (a transaction takes two for each row, and all rows are well under a kilobyte): 2 for the purchase,
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
use switchyard_events::{OrderPlaced, Sku};

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
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        let skus: Vec<Sku> = order.items.iter().map(|line| line.sku.clone()).collect();
        effects.record(purchases::row(order, &skus, effects.now()));
        for (one, other) in pairs::select_pairs(&order.order_id, &skus) {
            pairs::count_pair(effects, &one, &other);
            pairs::count_pair(effects, &other, &one);
        }
        touched_users::touch(effects, &order.user_id);
        Ok(())
    }
}
