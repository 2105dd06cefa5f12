//! `yard revenue`: what was sold, day by day, by region and by product.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use analytics::{DailySales, Sales};
use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use switchyard_chassis::Table;
use switchyard_events::Usd;

use crate::table::{self, dollars};
use crate::{Cloud, Stack};

/// Days that are read side by side.
const AT_ONCE: usize = 8;

/// Regions and products that are shown to people; JSON has all.
const MOST: usize = 10;

/// The longest bar of the chart, in characters.
const WIDTH: u64 = 32;

/// Some days, and what they come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevenueReport {
    pub from: Date,
    /// The last day, included; days are UTC.
    pub to: Date,
    pub orders: u64,
    pub units: u64,
    pub revenue_usd: Usd,
    /// Oldest first, those without sales included.
    pub days: Vec<DailyRevenue>,
    /// By what they bring, most first.
    pub regions: Vec<RevenueLine>,
    pub skus: Vec<RevenueLine>,
}

/// One day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DailyRevenue {
    pub day: Date,
    pub orders: u64,
    pub units: u64,
    pub revenue_usd: Usd,
    pub regions: Vec<RevenueLine>,
    pub skus: Vec<RevenueLine>,
}

/// A region, or a product. An order counts for each product that it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevenueLine {
    pub name: String,
    pub orders: u64,
    pub units: u64,
    pub revenue_usd: Usd,
}

impl RevenueReport {
    /// Reads the last so many days, today's included, strongly consistent.
    pub async fn read(cloud: &Cloud, stack: &Stack, days: u16) -> Result<Self> {
        let table = Table::new(cloud.dynamodb.clone(), stack.consumer("analytics")?.table.clone());
        let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        Self::read_table(&table, today, days).await
    }

    /// The same of a table that need not be a stack's, up to any day.
    pub async fn read_table(table: &Table, to: Date, days: u16) -> Result<Self> {
        let back = (0..i32::from(days.max(1))).rev();
        let dates = back.map(|back| to.checked_sub(back.days())).collect::<Result<Vec<_>, _>>();
        let dates = dates.with_context(|| format!("there are no {days} days before {to}"))?;
        let read = stream::iter(dates)
            .map(async |date| DailySales::read(table, date).await.with_context(|| format!("the sums of {date}")));
        Ok(Self::add_up(&read.buffered(AT_ONCE).try_collect::<Vec<_>>().await?, to))
    }

    fn add_up(days: &[DailySales], to: Date) -> Self {
        let Sales { orders, units, revenue } = days.iter().map(DailySales::total).sum();
        Self {
            from: days.first().map_or(to, |day| day.date),
            to,
            orders,
            units,
            revenue_usd: revenue,
            days: days.iter().map(DailyRevenue::from_day).collect(),
            regions: lines(days.iter().flat_map(|day| &day.regions)),
            skus: lines(days.iter().flat_map(|day| &day.skus)),
        }
    }

    /// For people, with a chart where there is a terminal to draw it on.
    pub fn render(&self, chart: bool) -> String {
        let most = self.days.iter().map(|day| day.revenue_usd).max().unwrap_or_default();
        let mut rows: Vec<_> = self.days.iter().map(|day| day.row(most, chart)).collect();
        rows.push(cells("total".to_owned(), self.orders, self.units, self.revenue_usd));
        let mut parts = vec![table::render(&["day", "orders", "units", "revenue", ""], &[1, 2, 3], &rows)];
        for (name, lines) in [("region", &self.regions), ("product", &self.skus)] {
            if lines.is_empty() {
                continue;
            }
            let rows: Vec<_> = lines.iter().take(MOST).map(RevenueLine::row).collect();
            let text = table::render(&[name, "orders", "units", "revenue"], &[1, 2, 3], &rows);
            let more = lines.len().saturating_sub(MOST);
            parts.push(if more > 0 { format!("{text}\nand {more} more") } else { text });
        }
        parts.join("\n\n")
    }
}

impl DailyRevenue {
    fn from_day(day: &DailySales) -> Self {
        let Sales { orders, units, revenue } = day.total();
        let (regions, skus) = (lines(&day.regions), lines(&day.skus));
        Self { day: day.date, orders, units, revenue_usd: revenue, regions, skus }
    }

    fn row(&self, most: Usd, chart: bool) -> Vec<String> {
        let mut row = cells(self.day.to_string(), self.orders, self.units, self.revenue_usd);
        row.extend(chart.then(|| bar(self.revenue_usd, most)));
        row
    }
}

impl RevenueLine {
    fn row(&self) -> Vec<String> {
        cells(self.name.clone(), self.orders, self.units, self.revenue_usd)
    }
}

fn cells(name: String, orders: u64, units: u64, revenue: Usd) -> Vec<String> {
    vec![name, orders.to_string(), units.to_string(), dollars(revenue)]
}

/// Adds up by name; most revenue first.
fn lines<'a>(named: impl IntoIterator<Item = (&'a String, &'a Sales)>) -> Vec<RevenueLine> {
    let mut sums: BTreeMap<&String, Sales> = BTreeMap::new();
    for (name, sales) in named {
        *sums.entry(name).or_default() += *sales;
    }
    let line = |(name, sales): (&String, Sales)| RevenueLine {
        name: name.clone(),
        orders: sales.orders,
        units: sales.units,
        revenue_usd: sales.revenue,
    };
    let mut lines: Vec<_> = sums.into_iter().map(line).collect();
    lines.sort_by_key(|line| Reverse(line.revenue_usd));
    lines
}

/// A bar as long as its part of the longest, in eighths of a character; whatever is sold can be seen.
fn bar(part: Usd, whole: Usd) -> String {
    let share = part.decimal().checked_div(whole.decimal()).unwrap_or_default();
    let eighths = (share * Decimal::from(WIDTH * 8)).ceil().to_usize().unwrap_or(0);
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    format!("{}{rest}", "█".repeat(eighths / 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(date: Date, region: &str, sku: &str, cents: i64) -> DailySales {
        let sales = Sales { orders: 1, units: 2, revenue: Usd::from_cents(cents) };
        let mut day = DailySales::new(date);
        day.regions.insert(region.to_owned(), sales);
        day.skus.insert(sku.to_owned(), sales);
        day
    }

    fn report() -> RevenueReport {
        let dates = [Date::constant(2026, 2, 28), Date::constant(2026, 3, 1), Date::constant(2026, 3, 2)];
        let days = [
            day(dates[0], "US-CA", "MUG-01", 1_000),
            DailySales::new(dates[1]),
            day(dates[2], "US-OR", "MUG-01", 400_000),
        ];
        RevenueReport::add_up(&days, dates[2])
    }

    #[test]
    fn days_line_up_and_only_a_terminal_has_a_chart() {
        let plain = "\
day         orders  units    revenue
2026-02-28       1      2     $10.00
2026-03-01       0      0      $0.00
2026-03-02       1      2  $4,000.00
total            2      4  $4,010.00

region  orders  units    revenue
US-OR        1      2  $4,000.00
US-CA        1      2     $10.00

product  orders  units    revenue
MUG-01        2      4  $4,010.00";
        assert_eq!(report().render(false), plain);
        let chart = report().render(true);
        assert!(chart.contains("$10.00  ▏\n") && chart.contains("$0.00\n"), "{chart}");
        assert!(chart.contains(&format!("$4,000.00  {}\n", "█".repeat(32))), "{chart}");
    }

    #[test]
    fn a_report_has_exactly_the_documented_fields() {
        let mut report = report();
        report.days.truncate(1);
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            concat!(
                r#"{"from":"2026-02-28","to":"2026-03-02","orders":2,"units":4,"revenue_usd":4010.00,"days":["#,
                r#"{"day":"2026-02-28","orders":1,"units":2,"revenue_usd":10.00,"#,
                r#""regions":[{"name":"US-CA","orders":1,"units":2,"revenue_usd":10.00}],"#,
                r#""skus":[{"name":"MUG-01","orders":1,"units":2,"revenue_usd":10.00}]}],"#,
                r#""regions":[{"name":"US-OR","orders":1,"units":2,"revenue_usd":4000.00},"#,
                r#"{"name":"US-CA","orders":1,"units":2,"revenue_usd":10.00}],"#,
                r#""skus":[{"name":"MUG-01","orders":2,"units":4,"revenue_usd":4010.00}]}"#,
            )
        );
    }
}
