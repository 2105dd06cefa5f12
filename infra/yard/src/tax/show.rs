//! The report for people.

use switchyard_events::{CountedSales, RequiredThresholds};
use tax::Limit;

use super::{StateNexus, StateTaxLine, TaxReport};
use crate::table::{self, dollars};

impl TaxReport {
    /// For people: states with sales in a table, the others by name.
    pub fn render(&self) -> String {
        let (sold, others): (Vec<_>, Vec<_>) = self.states.iter().partition(|line| line.has_sales());
        let head = format!("economic nexus in {}, thresholds of {}", self.year, self.thresholds_as_of);
        let mut parts = vec![head];
        if !sold.is_empty() {
            let rows: Vec<_> = sold.into_iter().map(StateTaxLine::row).collect();
            let headings = ["state", "", "revenue", "orders", "counted", "in", "threshold", "gone", "left"];
            let text = table::render(&headings, &[2, 3, 4, 7], &rows);
            parts.push(table::paint(&text, &[], &["crossed,"], &[]));
        }
        if !others.is_empty() {
            let mut codes: Vec<_> = others.iter().map(|line| line.code()).collect();
            codes.sort_unstable();
            parts.push(format!("nothing sold into {}", codes.join(" ")));
        }
        parts.join("\n\n")
    }
}

impl StateTaxLine {
    /// In the year itself, or in the part of the measured period that lies before it.
    fn has_sales(&self) -> bool {
        self.transactions > 0 || self.nexus.as_ref().is_some_and(|nexus| nexus.transactions > 0)
    }

    fn code(&self) -> &str {
        self.jurisdiction.trim_start_matches("US-")
    }

    fn row(&self) -> Vec<String> {
        let mut row =
            vec![self.code().to_owned(), self.name.clone(), dollars(self.revenue_usd), self.transactions.to_string()];
        match &self.nexus {
            Some(nexus) => row.extend(nexus.cells()),
            None => row.extend(["-", "", "no sales tax", "", ""].map(str::to_owned)),
        }
        row
    }
}

impl StateNexus {
    fn cells(&self) -> [String; 5] {
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
        self.joined(sales, orders)
    }

    fn left(&self) -> String {
        match &self.announced_at {
            Some(moment) => return format!("crossed, announced {}", moment.get(..10).unwrap_or(moment)),
            None if self.crossed => return "crossed, to be announced".to_owned(),
            None => {}
        }
        let orders = self.transactions_left.map(|number| format!("{number} orders"));
        self.joined(dollars(self.sales_left_usd), orders)
    }

    fn joined(&self, sales: String, orders: Option<String>) -> String {
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
