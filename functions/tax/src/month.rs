//! Months of the calendar, and windows of several months.

use std::fmt;

use jiff::civil::Date;

/// A month of a year, such as 2026-05.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(i32);

/// Consecutive whole months, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first month.
    pub first: Month,
    /// The last month, which may be in the future.
    pub last: Month,
}

impl Month {
    /// A month by its number, from 1. Numbers outside 1 to 12 count on into other years: 13 is January of the next year, 0 is
    /// December of the previous year.
    pub fn new(year: i16, number: i32) -> Self {
        Self(i32::from(year) * 12 + number - 1)
    }

    /// The month that contains a day.
    pub fn from_date(date: Date) -> Self {
        Self::new(date.year(), date.month().into())
    }

    /// The year, such as 2026.
    pub fn year(self) -> i16 {
        i16::try_from(self.0.div_euclid(12)).unwrap_or(i16::MAX)
    }

    /// The number of the month in its year, 1 to 12.
    pub fn number(self) -> i8 {
        i8::try_from(self.0.rem_euclid(12)).unwrap_or(0) + 1
    }

    /// The month that is `months` later; earlier if negative.
    pub fn plus(self, months: i32) -> Self {
        Self(self.0 + months)
    }

    /// The first day of the month.
    pub fn first_day(self) -> Date {
        Date::new(self.year(), self.number(), 1).unwrap_or(Date::MAX)
    }

    /// The last day of the month.
    pub fn last_day(self) -> Date {
        self.first_day().last_of_month()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}", self.year(), self.number())
    }
}
