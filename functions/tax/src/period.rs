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
    /// The windows that end in a year, in order of time. Sums only grow, so a threshold that is crossed before the end of its
    /// window remains crossed.
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

    /// The calendar years that the windows of a year contain months of.
    pub fn years(self, year: i16) -> Vec<i16> {
        let first = self.windows(year).first().map_or(year, |window| window.first.year());
        (first..=year).collect()
    }
}
