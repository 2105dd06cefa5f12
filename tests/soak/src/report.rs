//! The report of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use switchyard_faults::CallCounts;

use crate::args::SoakArgs;
use crate::audit::{CancellationCounts, Findings};
use crate::log_totals::LogTotals;
use crate::order_log::{OrderOutcomes, Review};
use crate::redrive::DeadLetterCounts;
use crate::resend::ResendCounts;

/// The text report shows this many findings of each kind. The JSON report has all.
const MAX_FINDINGS_SHOWN: usize = 20;

/// The numbers of a run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) rate: f64,
    pub(crate) orders: OrderCounts,
    /// All calls through the proxy during the fault phase.
    pub(crate) calls: u64,
    /// Faults by kind.
    pub(crate) faults: BTreeMap<String, u64>,
    /// Calls by operation, then by kind of fault; `passed` are calls without a fault.
    pub(crate) calls_by_operation: CallCounts,
    /// Killed processes by function.
    pub(crate) killed: BTreeMap<String, u64>,
    /// Events that were sent again, by destination.
    pub(crate) events_resent: BTreeMap<&'static str, u64>,
    /// Messages that were delivered in shuffled order, by consumer.
    pub(crate) delivered: BTreeMap<String, u64>,
    pub(crate) consumers: LogTotals,
    pub(crate) dead_letters: DeadLetterCounts,
    pub(crate) redriven: u64,
    pub(crate) cancellations: CancellationCounts,
    /// Whether all queues were empty before the time limit.
    pub(crate) drained: bool,
    /// Responses that no client should get.
    pub(crate) wrong_answers: Vec<String>,
    pub(crate) findings: Findings,
    /// Only after an upgrade.
    pub(crate) upgrade: Option<UpgradeCounts>,
    /// The duration, with the start of the stack.
    pub(crate) seconds: u64,
}

/// What an upgrade began with, and what happened meanwhile.
#[derive(Debug, Default, Serialize)]
pub(crate) struct UpgradeCounts {
    /// The commit of the earlier version.
    pub(crate) from: String,
    /// Orders that the earlier version had accepted.
    pub(crate) accepted_before: usize,
    /// Of these, orders whose event the bus had not accepted.
    pub(crate) unpublished: usize,
    /// Messages in the consumers' queues when the deployment began, by consumer.
    pub(crate) queued: BTreeMap<String, u64>,
    /// The consumer that was disabled until the end of the deployment.
    pub(crate) disabled: String,
    /// The consumer whose table was out of reach until the end of the deployment.
    pub(crate) failing: String,
    /// Messages that were moved to a dead-letter queue as SQS does it, and redriven after the upgrade.
    pub(crate) moved_to_dead_letters: u64,
    /// Dead letters that must still be there at the end, as no version can read them.
    pub(crate) planted: usize,
    /// Dead letters that are missing at the end, and unexpected ones.
    pub(crate) wrong_dead_letters: Vec<String>,
    /// Waves that were not released when the deployment ended.
    pub(crate) ready_picks: usize,
    pub(crate) deployment_seconds: u64,
    /// Orders accepted during the deployment.
    pub(crate) accepted_during: usize,
    /// Answers until the end of the deployment that made a client repeat its request, by status.
    pub(crate) answers_during: BTreeMap<String, u64>,
}

impl UpgradeCounts {
    /// What the earlier version has left to do.
    pub(crate) fn describe_unfinished(&self) -> String {
        let Self { unpublished, queued, disabled, failing, moved_to_dead_letters, .. } = self;
        let queued = listed(queued);
        format!(
            "{unpublished} events not published; messages queued: {queued} ({disabled} disabled, {failing} failing); \
             {moved_to_dead_letters} dead letters"
        )
    }
}

/// Orders by outcome, as their clients know it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct OrderCounts {
    pub(crate) accepted: usize,
    pub(crate) sold_out: usize,
    /// Orders without a clear response at the end.
    pub(crate) open: usize,
    /// Requests to cancel that were accepted; the warehouse may have refused them later.
    pub(crate) cancellations: usize,
    /// Orders that were too late to cancel, as their owners know.
    pub(crate) too_late: usize,
    pub(crate) reviewed_as_confirmed: usize,
    pub(crate) reviewed_as_rejected: usize,
    pub(crate) cancelled_before_review: usize,
    /// Cancellations and reviews without a clear outcome at the end.
    pub(crate) open_changes: usize,
    /// Requests for orders that were accepted before.
    pub(crate) repeats: u64,
    /// Responses that left the outcome open, by status.
    pub(crate) unclear: BTreeMap<String, u64>,
}

impl From<OrderOutcomes> for OrderCounts {
    fn from(outcomes: OrderOutcomes) -> Self {
        let count_reviews = |decision| outcomes.reviews.values().filter(|review| **review == decision).count();
        Self {
            cancellations: outcomes.cancellations.len(),
            too_late: outcomes.too_late.len(),
            reviewed_as_confirmed: count_reviews(Review::Confirmed),
            reviewed_as_rejected: count_reviews(Review::Rejected),
            cancelled_before_review: outcomes.cancelled_before_review,
            open_changes: outcomes.open_changes,
            accepted: outcomes.accepted.len(),
            sold_out: outcomes.sold_out,
            open: outcomes.open.len(),
            repeats: outcomes.repeats,
            unclear: outcomes.unclear,
        }
    }
}

impl OrderCounts {
    fn describe_cancellations(&self, counts: CancellationCounts) -> String {
        let Self { cancellations, too_late, open_changes, .. } = self;
        let CancellationCounts { cancelled, refused } = counts;
        format!(
            "{cancellations} requested, of which the warehouse refused {refused}; {too_late} answered with too late; {cancelled} orders \
             cancelled; {open_changes} changes open"
        )
    }

    fn describe_reviews(&self) -> String {
        let Self { reviewed_as_confirmed, reviewed_as_rejected, cancelled_before_review, .. } = self;
        format!(
            "{reviewed_as_confirmed} confirmed, {reviewed_as_rejected} rejected, {cancelled_before_review} of cancelled orders"
        )
    }
}

impl Report {
    pub(crate) fn new(args: &SoakArgs) -> Self {
        let rate = if args.shuffle.is_some() || args.upgrade_from.is_some() { 0.0 } else { args.rate };
        Self { seed: args.seed, rate, ..Self::default() }
    }

    pub(crate) fn add_calls(&mut self, counts: CallCounts) {
        for (kind, count) in counts.values().flatten().filter(|(kind, _)| *kind != "passed") {
            *self.faults.entry(kind.clone()).or_default() += count;
        }
        self.calls = counts.values().flat_map(BTreeMap::values).sum();
        self.calls_by_operation = counts;
    }

    pub(crate) fn set_resent(&mut self, counts: ResendCounts) {
        self.events_resent = [("on the bus", counts.to_bus), ("into queues", counts.to_queues)].into();
    }

    pub(crate) fn set_orders(&mut self, outcomes: OrderOutcomes) {
        self.wrong_answers.clone_from(&outcomes.wrong_answers);
        self.orders = outcomes.into();
    }

    /// Whether nothing was lost or doubled, and the run was complete enough to prove it.
    pub(crate) fn is_good(&self) -> bool {
        let planted = self.upgrade.as_ref().map_or(0, |upgrade| upgrade.planted as u64);
        let rejected = self.dead_letters.values().sum::<u64>() > self.redriven + planted;
        self.drained
            && !rejected
            && self.upgrade.as_ref().is_none_or(|upgrade| upgrade.wrong_dead_letters.is_empty())
            && self.wrong_answers.is_empty()
            && self.orders.open == 0
            && self.orders.open_changes == 0
            && self.orders.accepted > 0
            && self.findings.are_clean()
    }

    /// The report as text.
    pub(crate) fn render(&self) -> String {
        let Self { orders, consumers, findings, .. } = self;
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            // Writing to a string cannot fail.
            writeln!(text, "{name:<22} {value}").ok();
        };
        let OrderCounts { accepted, sold_out, open, repeats, .. } = orders;
        line("seed", format!("{}, faults in {} of all calls", self.seed, self.rate));
        line("orders", format!("{accepted} accepted, {sold_out} sold out, {open} open"));
        if self.upgrade.is_none() {
            line("cancellations", orders.describe_cancellations(self.cancellations));
            line("reviews", orders.describe_reviews());
        }
        line("answers unclear", listed(&orders.unclear));
        line("repeated by clients", repeats.to_string());
        if let Some(upgrade) = &self.upgrade {
            let UpgradeCounts { accepted_before, accepted_during, deployment_seconds, .. } = upgrade;
            line("upgraded from", format!("{}, in {deployment_seconds} s", upgrade.from));
            line("accepted", format!("{accepted_before} before, {accepted_during} during the deployment"));
            line("unfinished", upgrade.describe_unfinished());
            line("picks ready", upgrade.ready_picks.to_string());
            line("unclear until then", listed(&upgrade.answers_during));
            line("events sent again", listed(&self.events_resent));
        } else if self.delivered.is_empty() {
            line("calls under faults", self.calls.to_string());
            line("faults", format!("{}: {}", self.faults.values().sum::<u64>(), listed(&self.faults)));
            line("processes killed", format!("{}: {}", self.killed.values().sum::<u64>(), listed(&self.killed)));
            line("events sent again", listed(&self.events_resent));
        } else {
            line("delivered shuffled", listed(&self.delivered));
        }
        line("messages processed", format!("{} in {} batches", consumers.processed, consumers.batches));
        line("redeliveries", consumers.redeliveries.to_string());
        line("put back", format!("{} after a failure, {} until a lease ends", consumers.retried, consumers.deferred));
        line("duplicates suppressed", consumers.duplicates.to_string());
        line("dead letters", format!("{}, {} redriven", listed(&self.dead_letters), self.redriven));
        line("seconds", self.seconds.to_string());
        line("effects lost", findings.lost.len().to_string());
        line("effects doubled", findings.doubled.len().to_string());
        let (inside, outside) = (findings.mails_inside.len(), findings.mails_outside.len());
        line("mails doubled", format!("{inside} inside the documented window, {outside} outside"));
        for finding in self.worst_findings() {
            line("!", finding.clone());
        }
        if !self.drained {
            line("!", "the queues were not empty in time: more --minutes, or fewer --orders".into());
        }
        line("verdict", if self.is_good() { "nothing lost, nothing twice" } else { "FAILED" }.into());
        text
    }

    /// The first findings of each kind that makes a run fail.
    fn worst_findings(&self) -> impl Iterator<Item = &String> {
        let Findings { lost, doubled, mails_outside, .. } = &self.findings;
        let kinds = [lost, doubled, mails_outside, &self.wrong_answers];
        let dead_letters = self.upgrade.iter().map(|upgrade| &upgrade.wrong_dead_letters);
        kinds.into_iter().chain(dead_letters).flat_map(|findings| findings.iter().take(MAX_FINDINGS_SHOWN))
    }
}

/// The calls that `after` counts and `before` does not.
pub(crate) fn counts_between(before: &CallCounts, mut after: CallCounts) -> CallCounts {
    for (operation, kinds) in before {
        for (kind, count) in kinds {
            if let Some(later) = after.get_mut(operation).and_then(|kinds| kinds.get_mut(kind)) {
                *later -= count;
            }
        }
    }
    after
}

/// Counts as text.
pub(crate) fn listed<K: std::fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    if counts.is_empty() {
        return "none".into();
    }
    counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}
