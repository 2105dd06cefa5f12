//! All states in one year.

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::civil::Date;
use serde::Serialize;
use switchyard_chassis::Table;
use tax::Thresholds;

use crate::aws::clients::Cloud;
use crate::commands::tax::state_line::StateTaxLine;
use crate::stack::deployed::Stack;
use crate::terminal::table;

/// How many states are read concurrently.
const READ_CONCURRENCY: usize = 8;

/// All states in one year.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaxReport {
    pub year: i16,
    /// The date of the thresholds.
    pub thresholds_as_of: Date,
    /// Nearest to its threshold first.
    pub states: Vec<StateTaxLine>,
}

impl TaxReport {
    /// Reads the sums of every state, strongly consistent, over all shards.
    pub async fn read(cloud: &Cloud, stack: &Stack, year: i16) -> Result<Self> {
        let table = Table::new(cloud.dynamodb.clone(), stack.consumer("tax")?.table.clone());
        Self::read_table(&table, year).await
    }

    /// Reads the sums of every state from the tax consumer's table, or one like it.
    pub async fn read_table(table: &Table, year: i16) -> Result<Self> {
        let thresholds = Thresholds::embedded().context("the thresholds packed with yard cannot be read")?;
        let lines = stream::iter(&thresholds.states).map(|state| StateTaxLine::read(table, state, year));
        let mut states: Vec<StateTaxLine> = lines.buffered(READ_CONCURRENCY).try_collect().await?;
        let percent = |line: &StateTaxLine| line.nexus.as_ref().map_or(-1.0, |nexus| nexus.percent);
        states.sort_by(|one, other| {
            let revenue = other.revenue_usd.cmp(&one.revenue_usd);
            percent(other)
                .total_cmp(&percent(one))
                .then(revenue)
                .then_with(|| one.jurisdiction.cmp(&other.jurisdiction))
        });
        Ok(Self { year, thresholds_as_of: thresholds.as_of, states })
    }

    /// For people: states with sales in a table, the others by name.
    pub fn render(&self) -> String {
        let (sold, others): (Vec<_>, Vec<_>) = self.states.iter().partition(|line| line.has_sales());
        let mut parts = vec![format!("economic nexus in {}, thresholds of {}", self.year, self.thresholds_as_of)];
        if !sold.is_empty() {
            let rows: Vec<_> = sold.into_iter().map(StateTaxLine::cells).collect();
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
