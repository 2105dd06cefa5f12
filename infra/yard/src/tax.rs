//! `yard tax`: what was sold into each state, and how near its economic-nexus threshold is.

mod show;

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::civil::Date;
use serde::Serialize;
use switchyard_chassis::{Table, text_of};
use switchyard_events::{CountedSales, RequiredThresholds, Usd};
use tax::{Limit, MonthlySums, NexusProgress, Period, State, Threshold, Thresholds, crossed_key};

use crate::{Cloud, Stack};

/// States that are read side by side.
const AT_ONCE: usize = 8;

/// All states in one year.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaxReport {
    pub year: i16,
    /// The date of the thresholds.
    pub thresholds_as_of: Date,
    /// Nearest to its threshold first.
    pub states: Vec<StateTaxLine>,
}

/// One state. The sums are the calendar year's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateTaxLine {
    pub jurisdiction: String,
    pub name: String,
    pub revenue_usd: Usd,
    pub taxable_usd: Usd,
    pub exempt_usd: Usd,
    pub transactions: u64,
    /// Null where the state taxes no sales.
    pub nexus: Option<StateNexus>,
}

/// Where a state's threshold stands, in the period that comes nearest to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateNexus {
    /// Which sales the state counts: `gross`, `retail` or `taxable`.
    pub counts: CountedSales,
    /// How the state's law names the period.
    pub period: Period,
    pub period_from: Date,
    pub period_to: Date,
    /// What the sales that count come to in it.
    pub sales_usd: Usd,
    /// How many orders these are.
    pub transactions: u64,
    /// `{"more_than": …}` or `{"at_least": …}`.
    pub threshold_usd: Limit<Usd>,
    /// Null where orders are not counted.
    pub threshold_transactions: Option<Limit<u64>>,
    /// `amount`, `either` or `both`.
    pub needs: RequiredThresholds,
    /// How much more sales, and how many more orders, would pass the thresholds.
    pub sales_left_usd: Usd,
    pub transactions_left: Option<u64>,
    /// How much of the way is gone.
    pub percent: f64,
    pub crossed: bool,
    /// When the crossing was announced (RFC 3339).
    pub announced_at: Option<String>,
}

impl TaxReport {
    /// Reads the sums of every state, strongly consistent, over all shards.
    pub async fn read(cloud: &Cloud, stack: &Stack, year: i16) -> Result<Self> {
        let table = Table::new(cloud.dynamodb.clone(), stack.consumer("tax")?.table.clone());
        Self::read_table(&table, year).await
    }

    /// The same of a table that need not be a stack's.
    pub async fn read_table(table: &Table, year: i16) -> Result<Self> {
        let thresholds = Thresholds::embedded().context("the thresholds packed with yard cannot be read")?;
        let lines = stream::iter(&thresholds.states).map(|state| line(table, state, year));
        let mut states: Vec<StateTaxLine> = lines.buffered(AT_ONCE).try_collect().await?;
        let rank = |line: &StateTaxLine| line.nexus.as_ref().map_or(-1.0, |nexus| nexus.percent);
        states.sort_by(|one, other| {
            let revenue = other.revenue_usd.cmp(&one.revenue_usd);
            rank(other).total_cmp(&rank(one)).then(revenue).then_with(|| one.jurisdiction.cmp(&other.jurisdiction))
        });
        Ok(Self { year, thresholds_as_of: thresholds.as_of, states })
    }
}

async fn line(table: &Table, state: &State, year: i16) -> Result<StateTaxLine> {
    let code = state.jurisdiction.as_str();
    let years = state.threshold.map_or_else(|| vec![year], |threshold| threshold.period.years(year));
    let months = MonthlySums::read(table, code, years).await.with_context(|| format!("the sums of {code}"))?;
    let crossed = table.get(&crossed_key(code, year)).await.with_context(|| format!("the crossing of {code}"))?;
    let announced_at = crossed.and_then(|row| text_of(&row, "processed_at").map(str::to_owned));
    let sums = months.year(year);
    Ok(StateTaxLine {
        jurisdiction: code.to_owned(),
        name: state.name.clone(),
        revenue_usd: sums.revenue,
        taxable_usd: sums.taxable,
        exempt_usd: sums.exempt,
        transactions: sums.transactions,
        nexus: state.threshold.map(|threshold| nexus(&threshold, year, &months, announced_at)),
    })
}

fn nexus(threshold: &Threshold, year: i16, months: &MonthlySums, announced_at: Option<String>) -> StateNexus {
    let progress = NexusProgress::new(threshold, year, months);
    StateNexus {
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

#[cfg(test)]
mod tests;
