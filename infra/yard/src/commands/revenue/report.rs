//! Sales of several days and their sums.

use analytics::{DailySales, Sales};
use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;
use switchyard_chassis::Table;
use switchyard_events::Usd;

use crate::aws::clients::Cloud;
use crate::commands::revenue::bar::bar;
use crate::commands::revenue::line::{RevenueLine, cells, sum_by_name};
use crate::stack::deployed::Stack;
use crate::terminal::table;

/// How many days are read concurrently.
const READ_CONCURRENCY: usize = 8;

/// How many regions and products are shown to people. JSON has all.
const MAX_SHOWN: usize = 10;

/// Some days and their sums.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevenueReport {
    pub from: Date,
    /// The last day, included; days are UTC.
    pub to: Date,
    pub orders: i64,
    /// Cancelled orders, counted on the day on which they were placed. The other sums do not contain them.
    pub cancelled: i64,
    pub units: i64,
    pub revenue_usd: Usd,
    /// Oldest first, days without sales included.
    pub days: Vec<DailyRevenue>,
    /// Most revenue first.
    pub regions: Vec<RevenueLine>,
    pub skus: Vec<RevenueLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DailyRevenue {
    pub day: Date,
    pub orders: i64,
    pub cancelled: i64,
    pub units: i64,
    pub revenue_usd: Usd,
    pub regions: Vec<RevenueLine>,
    pub skus: Vec<RevenueLine>,
}

impl RevenueReport {
    /// Reads the last `days` days, today included, strongly consistent.
    pub async fn read(cloud: &Cloud, stack: &Stack, days: u16) -> Result<Self> {
        let table = Table::new(cloud.dynamodb.clone(), stack.consumer("analytics")?.table.clone());
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        Self::read_table(&table, today, days).await
    }

    /// Reads the last `days` days up to `to` from the analytics consumer's table, or one like it.
    pub async fn read_table(table: &Table, to: Date, days: u16) -> Result<Self> {
        let back = (0..i32::from(days.max(1))).rev();
        let dates = back.map(|back| to.checked_sub(back.days())).collect::<Result<Vec<_>, _>>();
        let dates = dates.with_context(|| format!("there are no {days} days before {to}"))?;
        let read = stream::iter(dates)
            .map(async |date| DailySales::read(table, date).await.with_context(|| format!("the sums of {date}")));
        Ok(Self::from_days(&read.buffered(READ_CONCURRENCY).try_collect::<Vec<_>>().await?, to))
    }

    fn from_days(days: &[DailySales], to: Date) -> Self {
        let Sales { orders, units, revenue, cancelled } = days.iter().map(DailySales::total).sum();
        Self {
            from: days.first().map_or(to, |day| day.date),
            to,
            orders,
            cancelled,
            units,
            revenue_usd: revenue,
            days: days.iter().map(DailyRevenue::from_day).collect(),
            regions: sum_by_name(days.iter().flat_map(|day| &day.regions)),
            skus: sum_by_name(days.iter().flat_map(|day| &day.skus)),
        }
    }

    /// For people, with a bar per day if `chart` is set.
    pub fn render(&self, chart: bool) -> String {
        let max = self.days.iter().map(|day| day.revenue_usd).max().unwrap_or_default();
        let mut rows: Vec<_> = self.days.iter().map(|day| day.cells(max, chart)).collect();
        let Self { orders, cancelled, units, revenue_usd, .. } = *self;
        rows.push(cells("total".to_owned(), Sales { orders, units, revenue: revenue_usd, cancelled }));
        let mut parts =
            vec![table::render(&["day", "orders", "cancelled", "units", "revenue", ""], &[1, 2, 3, 4], &rows)];
        for (name, lines) in [("region", &self.regions), ("product", &self.skus)] {
            if !lines.is_empty() {
                parts.push(render_lines(name, lines));
            }
        }
        parts.join("\n\n")
    }
}

impl DailyRevenue {
    fn from_day(day: &DailySales) -> Self {
        let Sales { orders, units, revenue, cancelled } = day.total();
        let (regions, skus) = (sum_by_name(&day.regions), sum_by_name(&day.skus));
        Self { day: day.date, orders, cancelled, units, revenue_usd: revenue, regions, skus }
    }

    /// A row of the table for people; `max` is the revenue of the longest bar.
    fn cells(&self, max: Usd, chart: bool) -> Vec<String> {
        let Self { orders, cancelled, units, revenue_usd, .. } = *self;
        let mut row = cells(self.day.to_string(), Sales { orders, units, revenue: revenue_usd, cancelled });
        if chart {
            row.push(bar(self.revenue_usd, max));
        }
        row
    }
}

fn render_lines(name: &str, lines: &[RevenueLine]) -> String {
    let rows: Vec<_> = lines.iter().take(MAX_SHOWN).map(RevenueLine::cells).collect();
    let text = table::render(&[name, "orders", "cancelled", "units", "revenue"], &[1, 2, 3, 4], &rows);
    let more = lines.len().saturating_sub(MAX_SHOWN);
    if more > 0 { format!("{text}\nand {more} more") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(date: Date, region: &str, sku: &str, cents: i64) -> DailySales {
        let sales = Sales { orders: 1, units: 2, revenue: Usd::from_cents(cents), cancelled: 1 };
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
        RevenueReport::from_days(&days, dates[2])
    }

    #[test]
    fn revenue_table_is_aligned_and_chart_is_optional() {
        let plain = "\
day         orders  cancelled  units    revenue
2026-02-28       1          1      2     $10.00
2026-03-01       0          0      0      $0.00
2026-03-02       1          1      2  $4,000.00
total            2          2      4  $4,010.00

region  orders  cancelled  units    revenue
US-OR        1          1      2  $4,000.00
US-CA        1          1      2     $10.00

product  orders  cancelled  units    revenue
MUG-01        2          2      4  $4,010.00";
        assert_eq!(report().render(false), plain);
        let chart = report().render(true);
        assert!(chart.contains("$10.00  ▏\n") && chart.contains("$0.00\n"), "{chart}");
        assert!(chart.contains(&format!("$4,000.00  {}\n", "█".repeat(32))), "{chart}");
    }

    #[test]
    fn revenue_json_has_exactly_documented_fields() {
        let mut report = report();
        report.days.truncate(1);
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            concat!(
                r#"{"from":"2026-02-28","to":"2026-03-02","orders":2,"cancelled":2,"units":4,"revenue_usd":4010.00,"days":["#,
                r#"{"day":"2026-02-28","orders":1,"cancelled":1,"units":2,"revenue_usd":10.00,"#,
                r#""regions":[{"name":"US-CA","orders":1,"cancelled":1,"units":2,"revenue_usd":10.00}],"#,
                r#""skus":[{"name":"MUG-01","orders":1,"cancelled":1,"units":2,"revenue_usd":10.00}]}],"#,
                r#""regions":[{"name":"US-OR","orders":1,"cancelled":1,"units":2,"revenue_usd":4000.00},"#,
                r#"{"name":"US-CA","orders":1,"cancelled":1,"units":2,"revenue_usd":10.00}],"#,
                r#""skus":[{"name":"MUG-01","orders":2,"cancelled":2,"units":4,"revenue_usd":4010.00}]}"#,
            )
        );
    }
}
