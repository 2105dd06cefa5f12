//! The sales into a jurisdiction, by month.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use switchyard_chassis::{Failure, Item, Table, Update, number_of, text_of, usd_of};
use switchyard_events::Usd;

use crate::keys::rollup_key;
use crate::month::Month;

/// The sums of a month, a year or another period, without cancelled orders.
///
/// A single row, or a sum of only some entries, may be negative: a reversal may be added to another shard than its order, or before
/// it. Once both are applied, the sum over all shards is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Taxable and exempt sales.
    pub revenue: Usd,
    /// The amount of taxable lines.
    pub taxable: Usd,
    /// The amount of exempt lines.
    pub exempt: Usd,
    /// The number of orders.
    pub transactions: i64,
    /// The number of orders with a taxable line.
    pub taxable_transactions: i64,
}

impl Sums {
    /// The update that adds these sums to a row.
    pub(crate) fn to_update(self) -> Update {
        Update::new()
            .add("revenue_usd", self.revenue.decimal())
            .add("taxable_usd", self.taxable.decimal())
            .add("exempt_usd", self.exempt.decimal())
            .add("transactions", self.transactions)
            .add("taxable_transactions", self.taxable_transactions)
    }

    fn from_item(item: &Item) -> Result<Self, Failure> {
        let usd = |name| usd_of(item, name).ok_or_else(|| unreadable(item, name));
        let whole = |name| number_of(item, name).filter(Decimal::is_integer)?.to_i64();
        let count = |name| whole(name).ok_or_else(|| unreadable(item, name));
        Ok(Self {
            revenue: usd("revenue_usd")?,
            taxable: usd("taxable_usd")?,
            exempt: usd("exempt_usd")?,
            transactions: count("transactions")?,
            taxable_transactions: count("taxable_transactions")?,
        })
    }
}

impl Add for Sums {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            revenue: self.revenue + other.revenue,
            taxable: self.taxable + other.taxable,
            exempt: self.exempt + other.exempt,
            transactions: self.transactions + other.transactions,
            taxable_transactions: self.taxable_transactions + other.taxable_transactions,
        }
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Sums {
    fn sum<I: Iterator<Item = Self>>(sums: I) -> Self {
        sums.fold(Self::default(), Add::add)
    }
}

/// The sums of a jurisdiction by month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MonthlySums(BTreeMap<Month, Sums>);

impl MonthlySums {
    /// Reads calendar years of a jurisdiction, strongly consistent, over all shards. A row that cannot be parsed is rejected as
    /// `unreadable_sum`.
    pub async fn read(
        table: &Table,
        jurisdiction: &str,
        years: impl IntoIterator<Item = i16>,
    ) -> Result<Self, Failure> {
        let mut months = Self::default();
        for year in years {
            let key = rollup_key(jurisdiction, year);
            for row in table.query(&key.pk, &format!("{}#", key.sk)).await? {
                months.add(month_of(&row, year)?, Sums::from_item(&row)?);
            }
        }
        Ok(months)
    }

    /// Adds sums to a month.
    pub fn add(&mut self, month: Month, sums: Sums) {
        *self.0.entry(month).or_default() += sums;
    }

    /// The sums from one month to another, both included.
    pub fn between(&self, first: Month, last: Month) -> Sums {
        self.0.range(first..=last).map(|(_, sums)| *sums).sum()
    }

    /// The sums of a calendar year.
    pub fn year(&self, year: i16) -> Sums {
        self.between(Month::new(year, 1), Month::new(year, 12))
    }
}

/// The month in a row's sort key, `YEAR#<year>#<month>#<shard>`.
fn month_of(row: &Item, year: i16) -> Result<Month, Failure> {
    let sk = text_of(row, "sk").unwrap_or_default();
    let month = sk.split('#').nth(2).and_then(|month| month.parse().ok());
    let month = month.filter(|month| (1..=12).contains(month));
    month.map(|month| Month::new(year, month)).ok_or_else(|| unreadable(row, "month"))
}

fn unreadable(row: &Item, what: &str) -> Failure {
    let sk = text_of(row, "sk").unwrap_or_default();
    Failure::reject("unreadable_sum", format!("the {what} of the row {sk}"))
}
