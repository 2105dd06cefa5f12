//! `yard review list`: shows the flagged orders that wait for a review.

use anyhow::{Context, Result};
use clap::Args;
use fraud::{WaitingOrder, waiting_orders};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use switchyard_chassis::Table;

use crate::commands::context::{CommandContext, Completion, JsonArgs, RegionArgs};
use crate::terminal::output::print_result;
use crate::terminal::table;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    region: RegionArgs,
}

impl ListArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        let (cloud, stack) = context.connect(self.region.region).await?;
        let table = Table::new(cloud.dynamodb.clone(), stack.consumer("fraud")?.table.clone());
        let orders = waiting_orders(&table).await.context("the review list cannot be read")?;
        let now = Timestamp::now();
        let lines: Vec<_> = orders.into_iter().map(|order| ReviewLine::new(order, now)).collect();
        print_result(&lines, self.json.json, |lines| render(lines))?;
        Ok(Completion::Done)
    }
}

/// An order that waits, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ReviewLine {
    #[serde(flatten)]
    order: WaitingOrder,
    /// Seconds since the order was flagged.
    waiting_s: Option<i64>,
}

impl ReviewLine {
    fn new(order: WaitingOrder, now: Timestamp) -> Self {
        let waiting_s = order.flagged_at.map(|at| now.duration_since(at).as_secs().max(0));
        Self { order, waiting_s }
    }

    fn cells(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        let order = &self.order;
        let reasons: Vec<_> =
            order.reasons.iter().map(|reason| format!("{} {:+}", reason.code, reason.points)).collect();
        vec![
            order.order_id.clone(),
            self.waiting_s.map_or_else(dash, |seconds| describe(SignedDuration::from_secs(seconds))),
            order.score.to_string(),
            order.total_usd.map_or_else(dash, table::dollars),
            reasons.join(", "),
        ]
    }
}

/// For people.
fn render(lines: &[ReviewLine]) -> String {
    if lines.is_empty() {
        return "no order waits for a review".to_owned();
    }
    let rows: Vec<_> = lines.iter().map(ReviewLine::cells).collect();
    table::render(&["order", "waiting", "score", "amount", "reasons"], &[1, 2, 3], &rows)
}

/// A duration in its two largest units, such as `2 d 3 h`.
fn describe(duration: SignedDuration) -> String {
    let minutes = duration.as_mins();
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use switchyard_events::{FlagReason, Usd};

    use super::*;

    fn order(id: &str, total_usd: Option<Usd>) -> WaitingOrder {
        let reason = |code: &str, points| FlagReason { code: code.to_owned(), points };
        let reasons = vec![reason("amount", 30), reason("model_history", -4)];
        let flagged_at = Some("2026-05-24T11:00:00Z".parse().unwrap());
        WaitingOrder { order_id: id.into(), flagged_at, score: 98, reasons, total_usd }
    }

    #[test]
    fn review_list_shows_waiting_time_score_amount_and_reasons() {
        let now = "2026-05-26T14:23:04Z".parse().unwrap();
        let orders = [order("ord_1", Some(Usd::from_cents(320_000))), order("ord_22", None)];
        let lines = orders.map(|order| ReviewLine::new(order, now));
        let expected = "order   waiting  score     amount  reasons\n\
            ord_1   2 d 3 h     98  $3,200.00  amount +30, model_history -4\n\
            ord_22  2 d 3 h     98          -  amount +30, model_history -4";
        assert_eq!(render(&lines), expected);
        assert_eq!(render(&[]), "no order waits for a review");
        let json = serde_json::to_value(&lines[0]).unwrap();
        assert_eq!((&json["order_id"], &json["waiting_s"]), (&"ord_1".into(), &184_984.into()));
        assert_eq!((&json["total_usd"], &json["reasons"][0]["code"]), (&3200.0.into(), &"amount".into()));
    }

    #[test]
    fn waiting_time_has_its_two_largest_units() {
        let check = |minutes, expected: &str| assert_eq!(describe(SignedDuration::from_mins(minutes)), expected);
        check(0, "0 min");
        check(59, "59 min");
        check(60, "1 h 0 min");
        check(1_441, "1 d 0 h");
        check(10_080, "7 d 0 h");
    }
}
