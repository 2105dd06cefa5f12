//! Sums of sales.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use switchyard_chassis::{Item, Update, count_of, usd_of};
use switchyard_events::Usd;

/// The sums of a region, a product or a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sales {
    /// The number of orders. For a product: the orders that contain it.
    pub orders: u64,
    /// The number of pieces.
    pub units: u64,
    /// The amount in US dollars.
    pub revenue: Usd,
}

impl Sales {
    /// The update that adds these sums to a row.
    pub(crate) fn to_update(self) -> Update {
        Update::new().add("orders", self.orders).add("units", self.units).add("revenue_usd", self.revenue.decimal())
    }

    /// Parses a row of sums. `None` if an attribute is missing or of the wrong type.
    pub(crate) fn from_item(row: &Item) -> Option<Self> {
        Some(Self {
            orders: count_of(row, "orders")?,
            units: count_of(row, "units")?,
            revenue: usd_of(row, "revenue_usd")?,
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
