//! Remembers what each user bought and what is bought together, and works out what to offer them.
//!
//! * [`Recommendations`]: the consumer; it states what one order adds
//! * [`recent`]: the products that a user bought last, of their purchases
//! * [`pairs`]: products of one order, two by two, and how often each two were bought together
//! * `touched`: who has bought something lately, minute by minute
//! * [`RebuildFeatures`]: the hourly job, which writes each such user's [`Features`]
//!
//! Rows:
//!
//! | pk | sk | |
//! |---|---|---|
//! | `USER#<user>` | `PURCHASE#<placed_at>#<order>` | the products of one order; also the marker |
//! | `USER#<user>` | `FEATURES` | what to offer |
//! | `SKU#<a>` | `WITH#<b>#<shard>` | in how many orders `a` and `b` were together; likewise the other way round |
//! | `TOUCHED` | `<minute>#<shard>` | users, by how many orders of theirs came in then |
//! | `REBUILD` | `CURSOR` | up to when every touched user's features are rebuilt |
//!
//! What an order costs, in write units (a transaction takes two for each row, and all rows are well under a kilobyte): 2 for the
//! purchase, 2 for the touched row, which the orders of a batch share, and 4 for each pair. That is 4 for one product, 16 for
//! three, 64 for six and more; in a full batch 2.2, 14.2 and 62.2.

mod features;
pub mod pairs;
mod partners;
mod rebuild;
mod recent;
mod touched;

use switchyard_chassis::{Consumer, Effects, Env, Failure, Received};
use switchyard_events::{OrderPlaced, Sku};

pub use features::{Features, MAX_RECOMMENDATIONS, read_features, top_products};
pub use rebuild::RebuildFeatures;
pub use recent::{MAX_RECENT_PRODUCTS, Purchase, newest_products, read_purchases, read_recent_products};

/// The recommendations consumer.
pub struct Recommendations;

impl Recommendations {
    /// Needs no configuration of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Consumer for Recommendations {
    const NAME: &'static str = "recommendations";
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        let skus: Vec<Sku> = order.items.iter().map(|line| line.sku.clone()).collect();
        effects.record(recent::row(order, &skus, effects.now()));
        for (one, other) in pairs::select_pairs(&order.order_id, &skus) {
            pairs::count_pair(effects, &one, &other);
            pairs::count_pair(effects, &other, &one);
        }
        touched::touch(effects, &order.user_id);
        Ok(())
    }
}
