//! [`PickWaveReleased`].

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fact, InvalidValue, OrderId, Sku, WaveId};

/// The goods of these orders are to be picked. Emitted by `warehouse`, once per page of a wave; the sequence is the page's number.
/// From now on it is too late to cancel these orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PickWaveReleased {
    /// The wave: the pages that one run of the job writes.
    pub wave_id: WaveId,
    /// The page's number in the wave, from 1.
    #[schemars(range(min = 1))]
    pub page: u32,
    /// The number of pages that the wave had when this page was written. More may follow, and one may be missing: its orders were
    /// withdrawn in the meantime.
    #[schemars(range(min = 1))]
    pub pages: u32,
    /// When the wave was released (RFC 3339, UTC), the same in all its pages.
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(deserialize_with = "crate::time::deserialize_timestamp")]
    pub released_at: Timestamp,
    /// The orders of this page, 1 to 90. An order is never split over two pages.
    #[schemars(length(min = 1, max = 90))]
    pub order_ids: Vec<OrderId>,
    /// The products to pick for these orders, each once.
    #[schemars(length(min = 1))]
    pub picks: Vec<Pick>,
}

/// One product of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pick {
    /// The product.
    pub sku: Sku,
    /// The number of pieces over all orders of the page.
    #[schemars(range(min = 1))]
    pub quantity: u32,
    /// The orders that need the product.
    pub order_ids: Vec<OrderId>,
}

impl PickWaveReleased {
    /// The most orders of one page. A consumer writes one row per order and its marker in one DynamoDB transaction (at
    /// most 100 actions, <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>,
    /// 2026-11-21).
    pub const MAX_ORDERS: usize = 90;

    /// The most order lines of one page (the orders named by its picks, summed). With the longest identifiers this is
    /// 170 KB: below the 256 KB that every service on the way accepts, and below the 400 KB of a DynamoDB item.
    pub const MAX_LINES: usize = 1000;

    /// The number of order lines in the page: the orders named by its picks, summed.
    pub fn line_count(&self) -> usize {
        self.picks.iter().map(|pick| pick.order_ids.len()).sum()
    }
}

impl Fact for PickWaveReleased {
    const TYPE: &'static str = "PickWaveReleased";
    const VERSION: u32 = 1;
    const AGGREGATE: &'static str = "wave";

    fn aggregate_id(&self) -> &str {
        self.wave_id.as_str()
    }

    fn timestamp_field(&self) -> (&'static str, Timestamp) {
        ("released_at", self.released_at)
    }

    fn validate(&self) -> Result<(), InvalidValue> {
        if !(1..=self.pages).contains(&self.page) {
            return Err(InvalidValue::new("page must be from 1 to pages"));
        }
        if !(1..=Self::MAX_ORDERS).contains(&self.order_ids.len()) || self.line_count() > Self::MAX_LINES {
            let (orders, lines) = (Self::MAX_ORDERS, Self::MAX_LINES);
            return Err(InvalidValue(format!("a page must hold 1 to {orders} orders and at most {lines} lines")));
        }
        let orders =
            distinct(&self.order_ids).ok_or_else(|| InvalidValue::new("order_ids must name each order once"))?;
        let skus: Vec<_> = self.picks.iter().map(|pick| &pick.sku).collect();
        distinct(&skus).ok_or_else(|| InvalidValue::new("picks must name each sku once"))?;
        for pick in &self.picks {
            distinct(&pick.order_ids).ok_or_else(|| InvalidValue::new("a pick must name each order once"))?;
            // Each order needs at least one piece, so fewer pieces than orders means that the sum is wrong.
            if (pick.quantity as usize) < pick.order_ids.len().max(1) {
                return Err(InvalidValue::new("a pick must hold at least a piece for each of its orders"));
            }
        }
        let picked: BTreeSet<_> = self.picks.iter().flat_map(|pick| &pick.order_ids).collect();
        if picked != orders {
            return Err(InvalidValue::new("picks must be for the orders in order_ids, all of them and no others"));
        }
        Ok(())
    }
}

/// The values as a set; none if a value occurs twice.
fn distinct<T: Ord>(values: &[T]) -> Option<BTreeSet<&T>> {
    let set: BTreeSet<&T> = values.iter().collect();
    (set.len() == values.len()).then_some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> PickWaveReleased {
        let order = |id: &str| OrderId::parse(id).unwrap();
        let pick = |sku: &str, quantity, order_ids: &[&str]| Pick {
            sku: Sku::parse(sku).unwrap(),
            quantity,
            order_ids: order_ids.iter().map(|id| order(id)).collect(),
        };
        PickWaveReleased {
            wave_id: WaveId::parse("20260526T1420Z").unwrap(),
            page: 1,
            pages: 1,
            released_at: "2026-05-26T14:25:30Z".parse().unwrap(),
            order_ids: vec![order("a"), order("b")],
            picks: vec![pick("MUG-01", 3, &["a", "b"]), pick("TEA-07", 1, &["b"])],
        }
    }

    #[test]
    fn inconsistent_page_is_invalid() {
        assert_eq!(page().validate(), Ok(()));
        let refused = |change: fn(&mut PickWaveReleased), why: &str| {
            let mut page = page();
            change(&mut page);
            let error = page.validate().expect_err(why).0;
            assert!(error.contains(why), "{error}");
        };
        refused(|page| page.page = 2, "from 1 to pages");
        refused(|page| page.page = 0, "from 1 to pages");
        refused(|page| page.order_ids.clear(), "1 to 90 orders");
        refused(|page| page.order_ids.push(page.order_ids[0].clone()), "each order once");
        refused(|page| page.picks.push(page.picks[0].clone()), "each sku once");
        refused(|page| page.picks[0].quantity = 1, "at least a piece");
        refused(|page| page.order_ids.truncate(1), "all of them and no others");
        refused(|page| page.picks.truncate(0), "all of them and no others");
    }

    #[test]
    fn largest_page_fits_into_a_bus_entry() {
        let long = |n: usize| format!("{n:064}");
        let mut page = page();
        page.wave_id = WaveId::parse(long(0)).unwrap();
        page.order_ids = (0..PickWaveReleased::MAX_ORDERS).map(|n| OrderId::parse(long(n)).unwrap()).collect();
        page.picks = (0..PickWaveReleased::MAX_LINES)
            .map(|n| Pick {
                sku: Sku::parse(long(n)).unwrap(),
                quantity: u32::MAX,
                order_ids: vec![page.order_ids[n % PickWaveReleased::MAX_ORDERS].clone()],
            })
            .collect();
        assert_eq!(page.validate(), Ok(()));
        let bytes = serde_json::to_string(&page).unwrap().len();
        assert!(bytes < 200_000, "{bytes} bytes");
    }
}
