//! One state's sales.

use anyhow::{Context, Result};
use serde::Serialize;
use switchyard_chassis::{Table, text_of};
use switchyard_events::Usd;
use tax::{MonthlySums, State, crossed_key};

use crate::commands::tax::state_nexus::StateNexus;
use crate::terminal::table::dollars;

/// One state and its sums of the calendar year.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateTaxLine {
    pub jurisdiction: String,
    pub name: String,
    pub revenue_usd: Usd,
    pub taxable_usd: Usd,
    pub exempt_usd: Usd,
    pub transactions: i64,
    /// Null if the state has no sales tax.
    pub nexus: Option<StateNexus>,
}

impl StateTaxLine {
    /// Reads the state's sums from the tax consumer's table, or one like it.
    pub(crate) async fn read(table: &Table, state: &State, year: i16) -> Result<Self> {
        let code = state.jurisdiction.as_str();
        let years = state.threshold.map_or_else(|| vec![year], |threshold| threshold.period.years(year));
        let months = MonthlySums::read(table, code, years).await.with_context(|| format!("the sums of {code}"))?;
        let crossed = table.get(&crossed_key(code, year)).await.with_context(|| format!("the crossing of {code}"))?;
        let announced_at = crossed.and_then(|row| text_of(&row, "processed_at").map(str::to_owned));
        let sums = months.year(year);
        Ok(Self {
            jurisdiction: code.to_owned(),
            name: state.name.clone(),
            revenue_usd: sums.revenue,
            taxable_usd: sums.taxable,
            exempt_usd: sums.exempt,
            transactions: sums.transactions,
            nexus: state.threshold.map(|threshold| StateNexus::new(&threshold, year, &months, announced_at)),
        })
    }

    /// Whether anything was sold in the year, or in the part of the measured period before it.
    pub(crate) fn has_sales(&self) -> bool {
        self.transactions > 0 || self.nexus.as_ref().is_some_and(|nexus| nexus.transactions > 0)
    }

    /// Such as `CA`.
    pub(crate) fn code(&self) -> &str {
        self.jurisdiction.trim_start_matches("US-")
    }

    /// A row of the table for people.
    pub(crate) fn cells(&self) -> Vec<String> {
        let mut cells =
            vec![self.code().to_owned(), self.name.clone(), dollars(self.revenue_usd), self.transactions.to_string()];
        match &self.nexus {
            Some(nexus) => cells.extend(nexus.cells()),
            None => cells.extend(["-", "", "no sales tax", "", ""].map(str::to_owned)),
        }
        cells
    }
}
