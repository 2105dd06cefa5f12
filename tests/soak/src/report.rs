//! What is said in the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use switchyard_faults::Counts;

use crate::audit::Findings;
use crate::calm::Dead;
use crate::client::Pages;
use crate::mischief::Told;
use crate::options::Options;
use crate::tally::Tally;

/// A run, in numbers.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) rate: f64,
    pub(crate) orders: Orders,
    /// All that the proxy saw during the storm.
    pub(crate) calls: u64,
    /// By kind.
    pub(crate) faults: BTreeMap<String, u64>,
    /// By operation, then by kind; `passed` are calls without a fault.
    pub(crate) calls_by_operation: Counts,
    /// Processes, by function.
    pub(crate) killed: BTreeMap<String, u64>,
    pub(crate) told_again: BTreeMap<&'static str, u64>,
    /// Messages that were delivered in shuffled order, by consumer.
    pub(crate) delivered: BTreeMap<String, u64>,
    pub(crate) consumers: Tally,
    pub(crate) dead_letters: Dead,
    pub(crate) redriven: u64,
    /// Whether all queues ran empty in time.
    pub(crate) drained: bool,
    /// Answers that no client should get.
    pub(crate) wrong_answers: Vec<String>,
    pub(crate) findings: Findings,
    /// Without bringing the stack up.
    pub(crate) seconds: u64,
}

/// What clients were told.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Orders {
    pub(crate) accepted: usize,
    pub(crate) sold_out: usize,
    /// No clear answer by the end.
    pub(crate) open: usize,
    /// Requests for what was accepted already.
    pub(crate) repeats: u64,
    /// Answers that left the outcome open, by what they were.
    pub(crate) unclear: BTreeMap<String, u64>,
}

impl Orders {
    pub(crate) fn of(told: &Pages) -> Self {
        Self {
            accepted: told.accepted.len(),
            sold_out: told.refused,
            open: told.open.len(),
            repeats: told.repeats,
            unclear: told.unclear.clone(),
        }
    }
}

impl Report {
    pub(crate) fn new(options: &Options) -> Self {
        let rate = if options.shuffle.is_some() { 0.0 } else { options.rate };
        Self { seed: options.seed, rate, ..Self::default() }
    }

    /// Takes down what the proxy saw.
    pub(crate) fn saw(&mut self, counts: Counts) {
        for (kind, count) in counts.values().flatten().filter(|(kind, _)| *kind != "passed") {
            *self.faults.entry(kind.clone()).or_default() += count;
        }
        self.calls = counts.values().flat_map(BTreeMap::values).sum();
        self.calls_by_operation = counts;
    }

    /// Takes down what was told again.
    pub(crate) fn told(&mut self, again: Told) {
        self.told_again = [("on the bus", again.on_the_bus), ("into queues", again.into_queues)].into();
    }

    /// Whether the promise is kept, and everything was there to show it.
    pub(crate) fn is_good(&self) -> bool {
        let rejected = self.dead_letters.values().sum::<u64>() > self.redriven;
        self.drained
            && !rejected
            && self.wrong_answers.is_empty()
            && self.orders.open == 0
            && self.orders.accepted > 0
            && self.findings.are_clean()
    }

    /// For people.
    pub(crate) fn render(&self) -> String {
        let Self { orders, consumers, findings, .. } = self;
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            // Writing to a string cannot fail.
            writeln!(text, "{name:<22} {value}").ok();
        };
        let Orders { accepted, sold_out, open, repeats, .. } = orders;
        line("seed", format!("{}, faults in {} of all calls", self.seed, self.rate));
        line("orders", format!("{accepted} accepted, {sold_out} sold out, {open} open"));
        line("answers unclear", listed(&orders.unclear));
        line("repeated by clients", repeats.to_string());
        if self.delivered.is_empty() {
            line("calls in the storm", self.calls.to_string());
            line("faults", format!("{}: {}", self.faults.values().sum::<u64>(), listed(&self.faults)));
            line("processes killed", format!("{}: {}", self.killed.values().sum::<u64>(), listed(&self.killed)));
            line("facts told again", listed(&self.told_again));
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
        for what in [&findings.lost, &findings.doubled, &findings.mails_outside, &self.wrong_answers] {
            for finding in what.iter().take(20) {
                line("!", finding.clone());
            }
        }
        if !self.drained {
            line("!", "the queues were not empty in time: more --minutes, or fewer --orders".into());
        }
        line("verdict", if self.is_good() { "nothing lost, nothing twice" } else { "FAILED" }.into());
        text
    }
}

/// What was counted between two counts.
pub(crate) fn between(before: &Counts, mut after: Counts) -> Counts {
    for (operation, kinds) in before {
        for (kind, count) in kinds {
            if let Some(later) = after.get_mut(operation).and_then(|kinds| kinds.get_mut(kind)) {
                *later -= count;
            }
        }
    }
    after
}

fn listed<K: std::fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    if counts.is_empty() {
        return "none".into();
    }
    counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}
