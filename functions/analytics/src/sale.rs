//! What an order adds to what was sold.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use switchyard_chassis::{Key, Row, Value};
use switchyard_events::{OrderLine, OrderPlaced, Sku, Subdivision, Usd};

use crate::{Sales, region_key, sku_key};

/// An order as analytics sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// The day (UTC) on which it was placed.
    pub day: Date,
    /// Where the goods go.
    pub region: Subdivision,
    /// Of each product how many, and what they come to.
    pub lines: Vec<(Sku, u32, Usd)>,
}

impl Sale {
    /// The sale that an order is.
    pub fn of(order: &OrderPlaced) -> Self {
        let line = |line: &OrderLine| (line.sku.clone(), line.quantity.get(), line.amount());
        Self {
            day: order.placed_at.to_zoned(TimeZone::UTC).date(),
            region: order.ship_to.reveal().subdivision(),
            lines: order.items.iter().map(line).collect(),
        }
    }

    /// All of it.
    pub fn sales(&self) -> Sales {
        Sales {
            orders: 1,
            units: self.lines.iter().map(|(_, quantity, _)| u64::from(*quantity)).sum(),
            revenue: self.lines.iter().map(|(_, _, amount)| *amount).sum(),
        }
    }

    /// The sums that it belongs to, and what it adds to each.
    pub fn additions(&self) -> Vec<(Key, Sales)> {
        let day = self.day.to_string();
        let of_line = |(sku, quantity, amount): &(Sku, u32, Usd)| {
            let sales = Sales { orders: 1, units: (*quantity).into(), revenue: *amount };
            (sku_key(&day, sku.as_str()), sales)
        };
        let of_region = (region_key(&day, self.region.as_str()), self.sales());
        std::iter::once(of_region).chain(self.lines.iter().map(of_line)).collect()
    }

    /// The row that is kept of it. One row holds all lines: a row of its own for each would cost two write units a line.
    pub(crate) fn row(&self, order: &OrderPlaced) -> Row {
        let Sales { units, revenue, .. } = self.sales();
        Row::new(Key::new(format!("ORDER#{}", order.order_id), "SALE"))
            .set("day", self.day.to_string())
            .set("placed_at", order.placed_at)
            .set("region", self.region.as_str())
            .set("units", units)
            .set("revenue_usd", revenue)
            .set("lines", self.lines.iter().map(line).collect::<Vec<_>>())
    }
}

fn line((sku, quantity, amount): &(Sku, u32, Usd)) -> Value {
    Value::from([("sku", sku.as_str().into()), ("quantity", (*quantity).into()), ("amount_usd", (*amount).into())])
}
