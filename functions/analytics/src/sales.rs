//! Sums of sales.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use switchyard_chassis::{Item, Update, number_of, usd_of};
use switchyard_events::Usd;

/// The sums of a region, a product or a day, without cancelled orders.
///
/// A single row may be negative: an order and its cancellation may be added to different shards, and the cancellation may come
/// first. Once both are applied, the sum over all shards is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sales {
    /// The number of orders. For a product: the orders that contain it.
    pub orders: i64,
    /// The number of pieces.
    pub units: i64,
    /// The amount in US dollars.
    pub revenue: Usd,
    /// The number of cancelled orders, which the other sums do not contain.
    pub cancelled: i64,
}

impl Sales {
    /// What a cancellation adds, if placing the order added these sums.
    #[must_use]
    pub fn cancelled(self) -> Self {
        Self { orders: -self.orders, units: -self.units, revenue: -self.revenue, cancelled: self.orders }
    }

    /// The update that adds these sums to a row.
    pub(crate) fn to_update(self) -> Update {
        let update = Update::new().add("orders", self.orders).add("units", self.units);
        let update = update.add("revenue_usd", self.revenue.decimal());
        if self.cancelled == 0 { update } else { update.add("cancelled", self.cancelled) }
    }

    /// Parses a row of sums. `None` if an attribute is missing or of the wrong type; only `cancelled` may be missing.
    pub(crate) fn from_item(row: &Item) -> Option<Self> {
        let count = |name| number_of(row, name).filter(Decimal::is_integer)?.to_i64();
        Some(Self {
            orders: count("orders")?,
            units: count("units")?,
            revenue: usd_of(row, "revenue_usd")?,
            cancelled: if row.contains_key("cancelled") { count("cancelled")? } else { 0 },
        })
    }
}

impl Add for Sales {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            orders: self.orders + other.orders,
            units: self.units + other.units,
            revenue: self.revenue + other.revenue,
            cancelled: self.cancelled + other.cancelled,
        }
    }
}

impl AddAssign for Sales {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Sales {
    fn sum<I: Iterator<Item = Self>>(sales: I) -> Self {
        sales.fold(Self::default(), Add::add)
    }
}
