//! What was sold into a jurisdiction.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use switchyard_chassis::{Failure, Item, Table, Update, count_of, text_of, usd_of};
use switchyard_events::Usd;

use crate::rollup_key;

/// A month of a year, such as 2026-05.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(i32);

impl Month {
    /// The `month`th of a year, counted from 1; 13 is the first of the next year, 0 the last of the year before.
    pub fn new(year: i16, month: i32) -> Self {
        Self(i32::from(year) * 12 + month - 1)
    }

    /// The month (UTC) that a moment lies in.
    pub fn from_timestamp(moment: Timestamp) -> Self {
        let date = moment.to_zoned(TimeZone::UTC).date();
        Self::new(date.year(), date.month().into())
    }

    /// Its year.
    pub fn year(self) -> i16 {
        i16::try_from(self.0.div_euclid(12)).unwrap_or(i16::MAX)
    }

    /// Which of its year it is, from 1.
    pub fn number(self) -> i8 {
        i8::try_from(self.0.rem_euclid(12)).unwrap_or(0) + 1
    }

    /// So many months later.
    pub fn plus(self, months: i32) -> Self {
        Self(self.0 + months)
    }

    /// Its first day.
    pub fn first_day(self) -> Date {
        Date::new(self.year(), self.number(), 1).unwrap_or(Date::MAX)
    }

    /// Its last day.
    pub fn last_day(self) -> Date {
        self.first_day().last_of_month()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}", self.year(), self.number())
    }
}

/// Sales, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// All of them: taxable and exempt.
    pub revenue: Usd,
    /// Taxable lines.
    pub taxable: Usd,
    /// Exempt lines.
    pub exempt: Usd,
    /// Orders.
    pub transactions: u64,
    /// Orders with a taxable line.
    pub taxable_transactions: u64,
}

impl Sums {
    /// The update that adds them to a row.
    pub(crate) fn to_update(self) -> Update {
        Update::new()
            .add("revenue_usd", self.revenue.decimal())
            .add("taxable_usd", self.taxable.decimal())
            .add("exempt_usd", self.exempt.decimal())
            .add("transactions", self.transactions)
            .add("taxable_transactions", self.taxable_transactions)
    }

    fn read(item: &Item) -> Result<Self, Failure> {
        let usd = |name| usd_of(item, name).ok_or_else(|| unreadable(item, name));
        let count = |name| count_of(item, name).ok_or_else(|| unreadable(item, name));
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

/// A jurisdiction's sums, month by month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MonthlySums(BTreeMap<Month, Sums>);

impl MonthlySums {
    /// Reads some years of a jurisdiction, strongly consistent, over all shards.
    pub async fn read(
        table: &Table,
        jurisdiction: &str,
        years: impl IntoIterator<Item = i16>,
    ) -> Result<Self, Failure> {
        let mut months = Self::default();
        for year in years {
            let key = rollup_key(jurisdiction, year);
            for row in table.query(&key.pk, &format!("{}#", key.sk)).await? {
                months.add(month_of(&row, year)?, Sums::read(&row)?);
            }
        }
        Ok(months)
    }

    /// Adds to a month.
    pub fn add(&mut self, month: Month, sums: Sums) {
        *self.0.entry(month).or_default() += sums;
    }

    /// What was sold from one month to another, both included.
    pub fn between(&self, first: Month, last: Month) -> Sums {
        self.0.range(first..=last).map(|(_, sums)| *sums).sum()
    }

    /// What was sold in a calendar year.
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
