//! How close the sales into a state are to its threshold.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use switchyard_events::{CountedSales, Usd};

use crate::limit::Limit;
use crate::month::{Month, Window};
use crate::sums::{MonthlySums, Sums};
use crate::thresholds::{Threshold, TransactionRule};

/// How close the sales of a year are to a threshold, in the window that is closest to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NexusProgress {
    /// The window.
    pub window: Window,
    /// The amount of the sales that the state counts, in the window.
    pub sales: Usd,
    /// The number of the orders that the state counts, in the window.
    pub transactions: u64,
    /// The additional amount that would pass the limit.
    pub sales_left: Usd,
    /// The additional number of orders that would pass the limit; `None` where the state counts no orders.
    pub transactions_left: Option<u64>,
    /// The counted sales (or orders) divided by the limit: 1 is the limit.
    pub fraction: Decimal,
    /// Whether the threshold is crossed.
    pub crossed: bool,
}

impl NexusProgress {
    /// Compares sums with a threshold, in all windows that end in `year`.
    pub fn new(threshold: &Threshold, year: i16, months: &MonthlySums) -> Self {
        let windows = threshold.period.windows(year).into_iter();
        let candidates = windows.map(|window| Self::in_window(threshold, window, months));
        let closest = candidates.max_by_key(|progress| (progress.crossed, progress.fraction));
        closest.unwrap_or_else(|| {
            let (first, last) = (Month::new(year, 1), Month::new(year, 12));
            Self::in_window(threshold, Window { first, last }, months)
        })
    }

    /// The fraction in percent with one decimal; for display only, not for decisions.
    pub fn percent(&self) -> f64 {
        let percent = (self.fraction * Decimal::ONE_HUNDRED).round_dp(1);
        percent.to_f64().unwrap_or_default()
    }

    fn in_window(threshold: &Threshold, window: Window, months: &MonthlySums) -> Self {
        let (sales, transactions) = counted(threshold.counts, months.between(window.first, window.last));
        let amount_passed = threshold.sales.is_passed_by(sales);
        let amount_fraction = ratio(sales.decimal(), threshold.sales.value().decimal());
        let count_fraction = |limit: Limit<u64>| ratio(transactions.into(), limit.value().into());
        let (crossed, fraction) = match threshold.transactions {
            TransactionRule::Uncounted => (amount_passed, amount_fraction),
            TransactionRule::Or(limit) => {
                (amount_passed || limit.is_passed_by(transactions), amount_fraction.max(count_fraction(limit)))
            }
            TransactionRule::And(limit) => {
                (amount_passed && limit.is_passed_by(transactions), amount_fraction.min(count_fraction(limit)))
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

/// The amount and the number of orders that a state counts. The shop does not sell for resale, so retail equals gross.
fn counted(counts: CountedSales, sums: Sums) -> (Usd, u64) {
    let (sales, transactions) = match counts {
        CountedSales::Gross | CountedSales::Retail => (sums.revenue, sums.transactions),
        CountedSales::Taxable => (sums.taxable, sums.taxable_transactions),
    };
    // Negative only until the order of a reversal has arrived, too.
    (sales, u64::try_from(transactions).unwrap_or(0))
}

fn ratio(part: Decimal, whole: Decimal) -> Decimal {
    part.checked_div(whole).unwrap_or_default()
}
