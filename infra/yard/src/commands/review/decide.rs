//! `yard review confirm` and `yard review reject`: decide about a flagged order.

use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use fraud::{Decision, Fraud, Reason, ReviewOutcome, StoredDecision, Verdict};
use jiff::Timestamp;
use serde::Serialize;
use switchyard_chassis::{Clock, Consumer, Job, Table};
use switchyard_events::OrderId;
use tokio::time::Instant;

use crate::aws::clients::Cloud;
use crate::commands::context::{CommandContext, Completion, JsonArgs, RegionArgs};
use crate::stack::deployed::Stack;
use crate::stack::items::read_order;
use crate::terminal::output::print_result;

/// How long the decision may wait for other writers of the same rows.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug, Args)]
pub(crate) struct DecideArgs {
    #[arg(value_name = "ORDER", value_parser = |text: &str| OrderId::parse(text))]
    order_id: OrderId,
    /// Why; stored with your identity
    #[arg(long, value_name = "TEXT")]
    reason: Reason,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    region: RegionArgs,
}

impl DecideArgs {
    pub(crate) async fn run(self, context: &CommandContext, verdict: Verdict) -> Result<Completion> {
        let (cloud, stack) = context.connect(self.region.region).await?;
        let report = decide(&cloud, &stack, &self.order_id, verdict, self.reason).await?;
        print_result(&report, self.json.json, ReviewReport::render)?;
        Ok(Completion::from_success(report.done))
    }
}

/// What a review has led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReviewReport {
    pub order_id: String,
    /// Whether this review decided.
    pub done: bool,
    /// What is true of the order now.
    #[serde(flatten)]
    pub finding: ReviewFinding,
}

/// What is true of an order after a review, or what kept it from being decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ReviewFinding {
    /// It was decided, now or before.
    Decided(StoredDecision),
    /// It is cancelled.
    Cancelled { cancelled_at: Option<Timestamp> },
    /// It was confirmed without a review.
    NotFlagged,
    /// Fraud has not scored it yet.
    NotScored,
}

/// Decides about a flagged order, as the caller of `cloud`. Fails with `StackError::UnknownOrder` if there is no such order.
pub async fn decide(
    cloud: &Cloud,
    stack: &Stack,
    order_id: &OrderId,
    verdict: Verdict,
    reason: Reason,
) -> Result<ReviewReport> {
    let table = Table::new(cloud.dynamodb.clone(), stack.consumer("fraud")?.table.clone());
    let job = Job::new("fraud-review", Fraud::NAME, table, Clock::system(), Instant::now() + WRITE_TIMEOUT)?;
    let decision = Decision::new(verdict, read_reviewer(cloud).await?, reason);
    let outcome = fraud::review(&job, order_id, &decision).await;
    let outcome = outcome.with_context(|| format!("the review of {order_id} cannot be stored"))?;
    if outcome == ReviewOutcome::NotScored {
        read_order(cloud, &stack.orders_table, order_id.as_str()).await?;
    }
    Ok(ReviewReport::new(order_id, outcome))
}

/// Who calls, as AWS knows them: the ARN of a user, or of a role with the name of its session. Everybody may ask for this
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>, 2026-11-21).
async fn read_reviewer(cloud: &Cloud) -> Result<String> {
    let answer = cloud.sts.get_caller_identity().send().await.context("AWS does not say who you are")?;
    answer.arn.context("AWS does not say who you are")
}

impl ReviewReport {
    fn new(order_id: &OrderId, outcome: ReviewOutcome) -> Self {
        let done = matches!(outcome, ReviewOutcome::Decided(_));
        let finding = match outcome {
            ReviewOutcome::Decided(decision) | ReviewOutcome::AlreadyDecided(decision) => {
                ReviewFinding::Decided(decision)
            }
            ReviewOutcome::Cancelled { at } => ReviewFinding::Cancelled { cancelled_at: at },
            ReviewOutcome::NotFlagged => ReviewFinding::NotFlagged,
            ReviewOutcome::NotScored => ReviewFinding::NotScored,
        };
        Self { order_id: order_id.to_string(), done, finding }
    }

    /// For people.
    fn render(&self) -> String {
        let id = &self.order_id;
        match &self.finding {
            ReviewFinding::Decided(decision) if self.done => format!("order {id} is {}", decision.verdict),
            ReviewFinding::Decided(StoredDecision { verdict, reviewer, reason, decided_at }) => {
                let time = decided_at.map(|at| format!(" at {at:.0}")).unwrap_or_default();
                let reviewer = reviewer.as_deref().unwrap_or("a reviewer whose identity was not stored");
                let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                format!("order {id} was already {verdict} by {reviewer}{time}{reason}")
            }
            ReviewFinding::Cancelled { cancelled_at } => {
                let time = cancelled_at.map(|at| format!(" since {at:.0}")).unwrap_or_default();
                format!("order {id} is cancelled{time}; there is nothing to review")
            }
            ReviewFinding::NotFlagged => format!("order {id} is not flagged; there is nothing to review"),
            ReviewFinding::NotScored => format!("order {id} has not been scored yet; try again in a moment"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_review_says_who_decided_what_and_why() {
        let report = |outcome| ReviewReport::new(&OrderId::parse("ord_1").unwrap(), outcome);
        let stored = StoredDecision {
            verdict: Verdict::Rejected,
            reviewer: Some("arn:aws:iam::123456789012:user/ada".into()),
            reason: Some("stolen card".into()),
            decided_at: Some("2026-05-26T14:23:04.123Z".parse().unwrap()),
        };
        let lost = report(ReviewOutcome::AlreadyDecided(stored.clone()));
        let expected = "order ord_1 was already rejected by arn:aws:iam::123456789012:user/ada at 2026-05-26T14:23:04Z: \
            stolen card";
        assert_eq!((lost.done, lost.render().as_str()), (false, expected));
        let json = serde_json::to_value(&lost).unwrap();
        assert_eq!((&json["state"], &json["verdict"]), (&"decided".into(), &"rejected".into()));
        let won = report(ReviewOutcome::Decided(stored));
        assert_eq!((won.done, won.render().as_str()), (true, "order ord_1 is rejected"));
        let old = StoredDecision { verdict: Verdict::Confirmed, reviewer: None, reason: None, decided_at: None };
        let expected = "order ord_1 was already confirmed by a reviewer whose identity was not stored";
        assert_eq!(report(ReviewOutcome::AlreadyDecided(old)).render(), expected);
        let at = Some("2026-05-26T14:23:04Z".parse().unwrap());
        let expected = "order ord_1 is cancelled since 2026-05-26T14:23:04Z; there is nothing to review";
        assert_eq!(report(ReviewOutcome::Cancelled { at }).render(), expected);
        for outcome in [ReviewOutcome::NotFlagged, ReviewOutcome::NotScored] {
            assert!(!report(outcome).done);
        }
    }
}
