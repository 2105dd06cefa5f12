//! The periods over which states add up sales.

use serde::{Deserialize, Serialize};

use crate::month::{Month, Window};

/// The period over which a state adds up sales.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// The previous or the current calendar year: the obligation begins in the year itself.
    PreviousOrCurrentYear,
    /// The previous calendar year: the obligation begins with the next year.
    PreviousYear,
    /// Any twelve consecutive months.
    TwelveMonths,
    /// The four calendar quarters before the current one.
    FourQuarters,
    /// Four quarters that end in February, May, August and November.
    FourSalesTaxQuarters,
    /// The twelve months that end with September.
    YearToSeptember,
}

impl Period {
    /// The windows that end in a year, in order of time.
    pub fn windows(self, year: i16) -> Vec<Window> {
        let last_months: &[i32] = match self {
            Self::PreviousOrCurrentYear | Self::PreviousYear => &[12],
            Self::TwelveMonths => &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
            Self::FourQuarters => &[3, 6, 9, 12],
            Self::FourSalesTaxQuarters => &[2, 5, 8, 11],
            Self::YearToSeptember => &[9],
        };
        let window = |&number: &i32| {
            let last = Month::new(year, number);
            let first = last.plus(-11);
            Window { first, last }
        };
        last_months.iter().map(window).collect()
    }

    /// The years whose windows are examined in a month: the year before, since orders may be late by weeks and an announcement is owed
    /// whenever its crossing becomes known; the year itself; and the next one if the month is in none of this year's windows. Such a
    /// month is in a window that has begun and ends next year: October in a year to September, December in quarters to November.
    ///
    /// Other windows of the next year that have begun need no look: what they contain so far is also in the window that ends with this
    /// month, or later in this year.
    pub fn examined_years(self, month: Month) -> Vec<i16> {
        let year = month.year();
        let ended = self.windows(year).iter().all(|window| window.last < month);
        let last = if ended { year + 1 } else { year };
        (year - 1..=last).collect()
    }

    /// The calendar years that the windows of a year contain months of.
    pub fn years(self, year: i16) -> Vec<i16> {
        let first = self.windows(year).first().map_or(year, |window| window.first.year());
        (first..=year).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Period; 6] = [
        Period::PreviousOrCurrentYear,
        Period::PreviousYear,
        Period::TwelveMonths,
        Period::FourQuarters,
        Period::FourSalesTaxQuarters,
        Period::YearToSeptember,
    ];

    #[test]
    fn next_year_is_examined_once_its_window_has_begun() {
        let check = |period: Period, months_with_next_year: &[i32]| {
            for number in 1..=12 {
                let last = if months_with_next_year.contains(&number) { 2027 } else { 2026 };
                let expected: Vec<i16> = (2025..=last).collect();
                assert_eq!(period.examined_years(Month::new(2026, number)), expected, "{period:?} in month {number}");
            }
        };
        check(Period::YearToSeptember, &[10, 11, 12]);
        check(Period::FourSalesTaxQuarters, &[12]);
        for period in [Period::PreviousOrCurrentYear, Period::PreviousYear, Period::TwelveMonths, Period::FourQuarters]
        {
            check(period, &[]);
        }
    }

    #[test]
    fn every_month_is_in_a_window_that_is_examined_in_it() {
        for period in ALL {
            for number in 1..=24 {
                let month = Month::new(2025, number);
                let windows = period.examined_years(month).into_iter().flat_map(|year| period.windows(year));
                let contains = windows.filter(|window| (window.first..=window.last).contains(&month)).count();
                assert!(contains > 0, "{period:?} {month}");
            }
        }
    }
}
