//! What one order adds to the sums, and what its cancellation takes away.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use switchyard_chassis::{Key, Row, Value};
use switchyard_events::{OrderCancelled, OrderLine, OrderPlaced, PlacedOrCancelled, Sku, Subdivision, Usd};

use crate::keys::{cancellation_key, region_key, sale_key, sku_key};
use crate::sales::Sales;

/// An order, reduced to what the sums need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// The day (UTC) on which the order was placed.
    pub day: Date,
    /// The region that the goods are shipped to.
    pub region: Subdivision,
    /// One entry per order line.
    pub lines: Vec<SaleLine>,
}

/// One product of a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleLine {
    /// The product.
    pub sku: Sku,
    /// The number of pieces.
    pub quantity: u32,
    /// Unit price times quantity.
    pub amount: Usd,
}

impl Sale {
    /// Reduces an order.
    pub fn from_order(order: &OrderPlaced) -> Self {
        Self {
            day: order.placed_at.to_zoned(TimeZone::UTC).date(),
            region: order.ship_to.reveal().subdivision(),
            lines: order.items.iter().map(SaleLine::from_order_line).collect(),
        }
    }

    /// The order's totals.
    pub fn sales(&self) -> Sales {
        Sales {
            orders: 1,
            units: self.lines.iter().map(|line| i64::from(line.quantity)).sum(),
            revenue: self.lines.iter().map(|line| line.amount).sum(),
            cancelled: 0,
        }
    }

    /// The keys of the sums that an event of the order changes, and what it adds to each. A cancellation takes away what the order adds.
    pub fn additions_of(&self, event: &PlacedOrCancelled) -> Vec<(Key, Sales)> {
        let mut additions = self.additions();
        if let PlacedOrCancelled::Cancelled(_) = event {
            for (_, sales) in &mut additions {
                *sales = sales.cancelled();
            }
        }
        additions
    }

    /// The keys of the sums that the order belongs to, and what it adds to each: first its region, then its products.
    pub fn additions(&self) -> Vec<(Key, Sales)> {
        let day = self.day.to_string();
        let region = (region_key(&day, self.region.as_str()), self.sales());
        let products = self.lines.iter().map(|line| (sku_key(&day, line.sku.as_str()), line.sales()));
        std::iter::once(region).chain(products).collect()
    }

    /// The row of the order. It contains all lines: with a row for each line, every line would cost two write units.
    pub(crate) fn row(&self, order: &OrderPlaced) -> Row {
        let Sales { units, revenue, .. } = self.sales();
        Row::new(sale_key(&order.order_id))
            .set("day", self.day.to_string())
            .set("placed_at", order.placed_at)
            .set("region", self.region.as_str())
            .set("units", units)
            .set("revenue_usd", revenue)
            .set("lines", self.lines.iter().map(SaleLine::to_value).collect::<Vec<_>>())
    }

    /// The row of the order's cancellation. What it took out of the sums is in the order's row.
    pub(crate) fn cancellation_row(&self, cancelled: &OrderCancelled) -> Row {
        Row::new(cancellation_key(&cancelled.order.order_id))
            .set("day", self.day.to_string())
            .set("cancelled_at", cancelled.cancelled_at)
            .set("reason", cancelled.reason.as_str())
    }
}

impl SaleLine {
    fn from_order_line(line: &OrderLine) -> Self {
        Self { sku: line.sku.clone(), quantity: line.quantity.get(), amount: line.amount() }
    }

    fn sales(&self) -> Sales {
        Sales { orders: 1, units: self.quantity.into(), revenue: self.amount, cancelled: 0 }
    }

    fn to_value(&self) -> Value {
        Value::from([
            ("sku", self.sku.as_str().into()),
            ("quantity", self.quantity.into()),
            ("amount_usd", self.amount.into()),
        ])
    }
}
