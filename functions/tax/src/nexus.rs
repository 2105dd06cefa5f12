//! How near a state's threshold is.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use switchyard_events::{CountedSales, RequiredThresholds, Usd};

use crate::{Limit, Month, MonthlySums, Period, Sums, Threshold, TransactionRule};

/// Whole months that a state adds up together, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its first month.
    pub first: Month,
    /// Its last month, which may be still to come.
    pub last: Month,
}

impl Period {
    /// The windows that end in a year, in their order. Sums only grow, so a window that is passed before it ends is passed.
    pub fn windows(self, year: i16) -> Vec<Window> {
        let last_months: &[i32] = match self {
            Self::PreviousOrCurrentYear | Self::PreviousYear => &[12],
            Self::TwelveMonths => &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
            Self::FourQuarters => &[3, 6, 9, 12],
            Self::FourSalesTaxQuarters => &[2, 5, 8, 11],
            Self::YearToSeptember => &[9],
        };
        let window = |&month: &i32| {
            let last = Month::new(year, month);
            let first = last.plus(-11);
            Window { first, last }
        };
        last_months.iter().map(window).collect()
    }

    /// The calendar years that these windows reach into.
    pub fn years(self, year: i16) -> Vec<i16> {
        let first = self.windows(year).first().map_or(year, |window| window.first.year());
        (first..=year).collect()
    }
}

/// Where a seller stands in a state and year: in the window that comes nearest to the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NexusProgress {
    /// The window.
    pub window: Window,
    /// What the sales that count come to in it.
    pub sales: Usd,
    /// How many orders that are.
    pub transactions: u64,
    /// By how much more the amount would be passed.
    pub sales_left: Usd,
    /// By how many more orders their number would be passed, where it counts.
    pub transactions_left: Option<u64>,
    /// How much of the way is gone; 1 is the threshold.
    pub fraction: Decimal,
    /// Whether the threshold is passed.
    pub crossed: bool,
}

impl NexusProgress {
    /// Compares what was sold with a threshold.
    pub fn new(threshold: &Threshold, year: i16, months: &MonthlySums) -> Self {
        let windows = threshold.period.windows(year).into_iter();
        let candidates = windows.map(|window| Self::in_window(threshold, window, months));
        let nearest = candidates.max_by_key(|progress| (progress.crossed, progress.fraction));
        nearest.unwrap_or_else(|| {
            let (first, last) = (Month::new(year, 1), Month::new(year, 12));
            Self::in_window(threshold, Window { first, last }, months)
        })
    }

    /// How much of the way is gone, in percent with one decimal; for showing, not for deciding.
    pub fn percent(&self) -> f64 {
        let percent = (self.fraction * Decimal::ONE_HUNDRED).round_dp(1);
        percent.to_f64().unwrap_or_default()
    }

    fn in_window(threshold: &Threshold, window: Window, months: &MonthlySums) -> Self {
        let (sales, transactions) = counted(threshold.counts, months.between(window.first, window.last));
        let amount_passed = threshold.sales.is_passed_by(sales);
        let amount_gone = ratio(sales.decimal(), threshold.sales.value().decimal());
        let number_gone = |limit: Limit<u64>| ratio(transactions.into(), limit.value().into());
        let (crossed, fraction) = match threshold.transactions {
            TransactionRule::Uncounted => (amount_passed, amount_gone),
            TransactionRule::Or(limit) => {
                (amount_passed || limit.is_passed_by(transactions), amount_gone.max(number_gone(limit)))
            }
            TransactionRule::And(limit) => {
                (amount_passed && limit.is_passed_by(transactions), amount_gone.min(number_gone(limit)))
            }
        };
        Self {
            window,
            sales,
            transactions,
            sales_left: threshold.sales.left(sales),
            transactions_left: threshold.transactions.limit().map(|limit| limit.left(transactions)),
            fraction,
            crossed,
        }
    }
}

/// What a state counts of the sums. None of these sales is for resale: the shop sells to those who use what they buy.
fn counted(counts: CountedSales, sums: Sums) -> (Usd, u64) {
    match counts {
        CountedSales::Gross | CountedSales::Retail => (sums.revenue, sums.transactions),
        CountedSales::Taxable => (sums.taxable, sums.taxable_transactions),
    }
}

fn ratio(part: Decimal, whole: Decimal) -> Decimal {
    part.checked_div(whole).unwrap_or_default()
}

impl Limit<Usd> {
    /// What is missing for it to be passed, to the cent.
    fn left(self, value: Usd) -> Usd {
        let first = match self {
            Self::MoreThan(figure) => figure + Usd::from_cents(1),
            Self::AtLeast(figure) => figure,
        };
        (first - value).max(Usd::ZERO)
    }
}

impl Limit<u64> {
    fn left(self, value: u64) -> u64 {
        let first = match self {
            Self::MoreThan(figure) => figure + 1,
            Self::AtLeast(figure) => figure,
        };
        first.saturating_sub(value)
    }
}

impl TransactionRule {
    /// The number of orders to be passed, where it counts.
    pub fn limit(self) -> Option<Limit<u64>> {
        match self {
            Self::Uncounted => None,
            Self::Or(limit) | Self::And(limit) => Some(limit),
        }
    }

    /// Whether one threshold is enough.
    pub fn needs(self) -> RequiredThresholds {
        match self {
            Self::Uncounted => RequiredThresholds::Amount,
            Self::Or(_) => RequiredThresholds::Either,
            Self::And(_) => RequiredThresholds::Both,
        }
    }
}
