//! How near one state's threshold is.

use jiff::civil::Date;
use serde::Serialize;
use switchyard_events::{CountedSales, RequiredThresholds, Usd};
use tax::{Limit, MonthlySums, NexusProgress, Period, Threshold};

use crate::terminal::table::dollars;

/// Progress towards a state's threshold, in the period that comes nearest to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateNexus {
    /// Which sales the state counts: `gross`, `retail` or `taxable`.
    pub counts: CountedSales,
    /// How the state's law names the period.
    pub period: Period,
    pub period_from: Date,
    pub period_to: Date,
    /// The sales that count in the period.
    pub sales_usd: Usd,
    /// The number of these orders.
    pub transactions: u64,
    /// `{"more_than": …}` or `{"at_least": …}`.
    pub threshold_usd: Limit<Usd>,
    /// Null if the state does not count orders.
    pub threshold_transactions: Option<Limit<u64>>,
    /// `amount`, `either` or `both`.
    pub needs: RequiredThresholds,
    /// The sales and the orders that are missing to pass the thresholds.
    pub sales_left_usd: Usd,
    pub transactions_left: Option<u64>,
    /// How much of the threshold is reached.
    pub percent: f64,
    pub crossed: bool,
    /// When the crossing was announced (RFC 3339).
    pub announced_at: Option<String>,
}

impl StateNexus {
    pub(crate) fn new(threshold: &Threshold, year: i16, months: &MonthlySums, announced_at: Option<String>) -> Self {
        let progress = NexusProgress::new(threshold, year, months);
        Self {
            counts: threshold.counts,
            period: threshold.period,
            period_from: progress.window.first.first_day(),
            period_to: progress.window.last.last_day(),
            sales_usd: progress.sales,
            transactions: progress.transactions,
            threshold_usd: threshold.sales,
            threshold_transactions: threshold.transactions.limit(),
            needs: threshold.transactions.needs(),
            sales_left_usd: progress.sales_left,
            transactions_left: progress.transactions_left,
            percent: progress.percent(),
            crossed: progress.crossed,
            announced_at,
        }
    }

    /// The columns of the table for people from `counted` on.
    pub(crate) fn cells(&self) -> [String; 5] {
        let counts = match self.counts {
            CountedSales::Gross | CountedSales::Retail => "",
            CountedSales::Taxable => "taxable ",
        };
        [
            format!("{counts}{}", dollars(self.sales_usd)),
            self.months(),
            self.threshold(),
            format!("{:.1} %", self.percent),
            self.left(),
        ]
    }

    /// `2026`, or `2025-10 to 2026-09`.
    fn months(&self) -> String {
        let (from, to) = (self.period_from, self.period_to);
        if from.month() == 1 && to.month() == 12 {
            return to.year().to_string();
        }
        format!("{} to {}", from.strftime("%Y-%m"), to.strftime("%Y-%m"))
    }

    fn threshold(&self) -> String {
        let sales = sign(self.threshold_usd, dollars);
        let orders = self.threshold_transactions.map(|limit| sign(limit, |number| format!("{number} orders")));
        self.join(sales, orders)
    }

    fn left(&self) -> String {
        match &self.announced_at {
            Some(moment) => return format!("crossed, announced {}", moment.get(..10).unwrap_or(moment)),
            None if self.crossed => return "crossed, to be announced".to_owned(),
            None => {}
        }
        let orders = self.transactions_left.map(|number| format!("{number} orders"));
        self.join(dollars(self.sales_left_usd), orders)
    }

    fn join(&self, sales: String, orders: Option<String>) -> String {
        match (orders, self.needs) {
            (Some(orders), RequiredThresholds::Both) => format!("{sales} and {orders}"),
            (Some(orders), _) => format!("{sales} or {orders}"),
            (None, _) => sales,
        }
    }
}

fn sign<T: PartialOrd + Copy>(limit: Limit<T>, show: impl Fn(T) -> String) -> String {
    let sign = match limit {
        Limit::MoreThan(_) => ">",
        Limit::AtLeast(_) => "≥",
    };
    format!("{sign} {}", show(limit.value()))
}
