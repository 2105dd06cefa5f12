//! The report of a run with an outage.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::alarm::Alarm;
use super::delays::Delays;
use super::scenario::{OutageService, OutageWay, name};
use crate::audit::Findings;
use crate::log_totals::LogTotals;
use crate::report::{OrderCounts, listed};

/// A consumer that the outage does not affect applies an event this soon.
const MAX_OTHER_DELAY_SECS: f64 = 30.0;

/// The text report shows this many findings. The JSON report has all.
const MAX_FINDINGS_SHOWN: usize = 20;

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct OutageReport {
    pub(crate) service: OutageService,
    pub(crate) way: OutageWay,
    /// The consumer that the outage affects; none if it affects all.
    pub(crate) consumer: Option<String>,
    pub(crate) seed: u64,
    pub(crate) outage_seconds: f64,
    /// With the orders before the outage.
    pub(crate) orders_wanted: usize,
    pub(crate) orders: OrderCounts,
    /// Calls that failed because of the outage, by operation.
    pub(crate) failed_calls: BTreeMap<String, u64>,
    /// By consumer, from the event to its effect.
    pub(crate) delays: BTreeMap<String, Delays>,
    /// When the last effect was done, in seconds after the end of the outage.
    pub(crate) done_seconds: Option<f64>,
    pub(crate) recovery_limit_seconds: f64,
    /// Whether all queues were empty at the end.
    pub(crate) drained: bool,
    pub(crate) dead_letters: BTreeMap<String, u64>,
    pub(crate) alarm: AlarmResult,
    pub(crate) consumers: LogTotals,
    pub(crate) findings: Findings,
    pub(crate) wrong_answers: Vec<String>,
}

/// An alarm during the outage.
#[derive(Debug, Serialize)]
pub(crate) struct AlarmResult {
    #[serde(flatten)]
    pub(crate) alarm: Alarm,
    /// Whether an outage of this length must meet its condition.
    pub(crate) is_due: bool,
    /// The highest value of its metric.
    pub(crate) highest: f64,
    /// When its condition was met first, in seconds after the begin of the outage.
    pub(crate) met_after_seconds: Option<f64>,
}

impl OutageReport {
    /// What is not as promised.
    pub(crate) fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        if self.failed_calls.is_empty() {
            failures.push("no call failed, so there was no outage".to_owned());
        }
        if self.orders.accepted != self.orders_wanted {
            failures.push(format!("{} of {} orders were accepted", self.orders.accepted, self.orders_wanted));
        }
        for (consumer, delays) in self.others() {
            if delays.longest_seconds > MAX_OTHER_DELAY_SECS || delays.events == 0 {
                failures.push(format!("{consumer} was delayed: {}", described(delays)));
            }
        }
        let is_in_time = self.done_seconds.is_some_and(|seconds| seconds <= self.recovery_limit_seconds);
        if !is_in_time || !self.findings.lost.is_empty() {
            failures.push(format!("not done within {} s after the outage", self.recovery_limit_seconds));
        }
        if !self.drained {
            failures.push("the queues are not empty".to_owned());
        }
        let dead_letters = &self.dead_letters;
        failures.extend(dead_letters.iter().map(|(what, count)| format!("{count} dead letters: {what}")));
        if self.consumers.rejected > 0 {
            failures.push(format!("{} messages were dead-lettered", self.consumers.rejected));
        }
        if self.alarm.is_due && self.alarm.met_after_seconds.is_none() {
            failures.push(format!("the condition of {} was not met", self.alarm.alarm.name));
        }
        let findings = &self.findings;
        failures.extend(
            [&findings.lost, &findings.doubled, &findings.mails_outside, &self.wrong_answers]
                .into_iter()
                .flatten()
                .cloned(),
        );
        failures
    }

    /// Whether everything is as promised.
    pub(crate) fn is_good(&self) -> bool {
        self.failures().is_empty()
    }

    /// The report as JSON, with the failures.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct WithFailures<'a> {
            #[serde(flatten)]
            report: &'a OutageReport,
            failures: Vec<String>,
        }
        serde_json::to_string(&WithFailures { report: self, failures: self.failures() })
    }

    /// The report as text.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            // Writing to a string cannot fail.
            writeln!(text, "{name:<22} {value}").ok();
        };
        let affected = self.consumer.as_deref().unwrap_or("all consumers");
        line(
            "outage",
            format!(
                "{} {}, of {affected}, {:.0} s, seed {}",
                name(&self.service),
                name(&self.way),
                self.outage_seconds,
                self.seed
            ),
        );
        line("orders", format!("{} of {} accepted", self.orders.accepted, self.orders_wanted));
        line("calls that failed", listed(&self.failed_calls));
        for (consumer, delays) in &self.delays {
            line(&format!("delay of {consumer}"), described(delays));
        }
        let done = self.done_seconds.map_or("never".to_owned(), |seconds| format!("{seconds:.1} s after the outage"));
        line("all done", format!("{done}, limit {} s", self.recovery_limit_seconds));
        line(
            "put back",
            format!("{} after a failure, {} until a lease ends", self.consumers.retried, self.consumers.deferred),
        );
        line("dead letters", listed(&self.dead_letters));
        line("alarm", self.alarm.describe());
        let findings = &self.findings;
        line("effects lost", findings.lost.len().to_string());
        line("effects doubled", findings.doubled.len().to_string());
        let (inside, outside) = (findings.mails_inside.len(), findings.mails_outside.len());
        line("mails doubled", format!("{inside} inside the documented window, {outside} outside"));
        for failure in self.failures().into_iter().take(MAX_FINDINGS_SHOWN) {
            line("!", failure);
        }
        line("verdict", if self.is_good() { "as promised" } else { "FAILED" }.to_owned());
        text
    }

    /// The consumers that the outage must not affect.
    fn others(&self) -> impl Iterator<Item = (&String, &Delays)> {
        let affects_all = self.consumer.is_none();
        self.delays.iter().filter(move |(name, _)| !affects_all && Some(*name) != self.consumer.as_ref())
    }
}

impl AlarmResult {
    fn describe(&self) -> String {
        let Self { alarm: Alarm { name, metric, threshold, .. }, highest, .. } = self;
        let met = match self.met_after_seconds {
            Some(seconds) => format!("met after {seconds:.0} s"),
            None if self.is_due => "not met".to_owned(),
            None => "not due in an outage so short".to_owned(),
        };
        format!("{name}: {metric} > {threshold}, highest {highest:.0}: {met}")
    }
}

fn described(delays: &Delays) -> String {
    let Delays { events, median_seconds, longest_seconds, .. } = delays;
    format!("{events} events, median {median_seconds:.1} s, longest {longest_seconds:.1} s")
}
