//! What was sold on a day.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use jiff::civil::Date;
use switchyard_chassis::{Failure, Item, Table, Update, count_of, text_of, usd_of};
use switchyard_events::Usd;

use crate::rollup_key;

/// Sales, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sales {
    /// Orders; of a product, those that hold it.
    pub orders: u64,
    /// Pieces.
    pub units: u64,
    /// What they come to.
    pub revenue: Usd,
}

/// A day's sums over all shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailySales {
    /// The day (UTC).
    pub date: Date,
    /// By region, such as `US-CA`.
    pub regions: BTreeMap<String, Sales>,
    /// By product.
    pub skus: BTreeMap<String, Sales>,
}

impl DailySales {
    /// A day without sales.
    pub fn new(date: Date) -> Self {
        let (regions, skus) = (BTreeMap::new(), BTreeMap::new());
        Self { date, regions, skus }
    }

    /// Reads a day, strongly consistent.
    pub async fn read(table: &Table, date: Date) -> Result<Self, Failure> {
        let mut day = Self::new(date);
        for row in table.query(&rollup_key(&date.to_string()).pk, "").await? {
            day.take(&row)?;
        }
        Ok(day)
    }

    /// All that was sold on it.
    pub fn total(&self) -> Sales {
        self.regions.values().copied().sum()
    }

    /// Adds a row, `REGION#<region>#<shard>` or `SKU#<sku>#<shard>`.
    fn take(&mut self, row: &Item) -> Result<(), Failure> {
        let sk = text_of(row, "sk").unwrap_or_default();
        let mut parts = sk.split('#');
        let sums = match parts.next() {
            Some("REGION") => &mut self.regions,
            Some("SKU") => &mut self.skus,
            _ => return Err(unreadable(sk)),
        };
        let name = parts.next().ok_or_else(|| unreadable(sk))?;
        *sums.entry(name.to_owned()).or_default() += Sales::read(row).ok_or_else(|| unreadable(sk))?;
        Ok(())
    }
}

impl Sales {
    /// The update that adds them to a row.
    pub(crate) fn to_update(self) -> Update {
        Update::new().add("orders", self.orders).add("units", self.units).add("revenue_usd", self.revenue.decimal())
    }

    fn read(row: &Item) -> Option<Self> {
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

fn unreadable(sk: &str) -> Failure {
    Failure::reject("unreadable_sum", format!("the row {sk}"))
}
