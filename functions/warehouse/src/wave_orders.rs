//! The rows that name the orders of a wave.
//!
//! All picks of a wave add to these rows, which also say whether the wave is closed. There are many of them, so that concurrent
//! batches rarely write to the same one. Closing a wave writes to all of them in one transaction.

use switchyard_chassis::{Condition, Effects, Failure, Update};
use switchyard_events::OrderId;

use crate::keys::{closed_key, wave_orders_key};
use crate::wave::Wave;

/// The number of rows that name the orders of a wave.
///
/// A row grows by 40 bytes an order, and so does the cost of adding to it: at a million orders a day, the 3,500 orders of a wave
/// take 2 KB in each row. Closing writes to all rows in one transaction of at most 100 writes. A row may have 400 KB, so a wave
/// may have about 600,000 orders.
pub const SHARD_COUNT: u32 = 64;

/// The maximum number of waves, from the current one on, among which an open one is searched.
const MAX_WAVES_AHEAD: usize = 12;

/// The prefix of attributes that name an order. Without it, an order called `pk` would collide with the key.
const ORDER_ATTRIBUTE_PREFIX: &str = "ORDER#";

/// Adds an order to a wave. If the wave closes before this is written, the condition fails and the handler runs again.
pub(crate) fn add_order(effects: &mut Effects, wave: Wave, order_id: &OrderId) {
    let attribute = format!("{ORDER_ATTRIBUTE_PREFIX}{order_id}");
    let update = Update::new().add(&attribute, 1).when(Condition::missing("closed_at"));
    effects.add_sharded(wave_orders_key(wave), SHARD_COUNT, update);
}

/// The order that an attribute names; `None` for other attributes.
pub(crate) fn order_id_of_attribute(attribute: &str) -> Option<OrderId> {
    OrderId::parse(attribute.strip_prefix(ORDER_ATTRIBUTE_PREFIX)?).ok()
}

/// The wave that accepts picks now. The first run of a handler assumes that the current wave is open, which saves a read. Only
/// a rerun, after that was wrong, searches for the first open wave.
pub(crate) async fn find_open_wave(effects: &mut Effects) -> Result<Wave, Failure> {
    let current = Wave::from_timestamp(effects.now());
    if !effects.is_rerun() {
        return Ok(current);
    }
    for wave in std::iter::successors(Some(current), |wave| Some(wave.next())).take(MAX_WAVES_AHEAD) {
        if effects.read(closed_key(wave)).await?.is_none() {
            return Ok(wave);
        }
    }
    Err(Failure::retry(format!("the next {MAX_WAVES_AHEAD} waves are closed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_attribute_allows_any_order_id() {
        assert_eq!(order_id_of_attribute("ORDER#closed_at").unwrap().as_str(), "closed_at");
        assert_eq!((order_id_of_attribute("closed_at"), order_id_of_attribute("pk")), (None, None));
    }
}
