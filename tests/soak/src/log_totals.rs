//! The functions' own metrics and log lines, from the local cloud's log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Sums over all consumers.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LogTotals {
    /// Batches that were handled.
    pub(crate) batches: u64,
    /// Messages whose effect was written.
    pub(crate) processed: u64,
    /// Messages that had been applied before, and were suppressed.
    pub(crate) duplicates: u64,
    /// Messages that were put back after a failure.
    pub(crate) retried: u64,
    /// Messages that were put back because another worker held their lease.
    pub(crate) deferred: u64,
    /// Messages that were sent to the dead-letter queue.
    pub(crate) rejected: u64,
    /// Receives of a message after the first one.
    pub(crate) redeliveries: u64,
    /// Why messages were put back, most frequent first.
    pub(crate) reasons: Vec<(String, u64)>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LogLine {
    Metrics(BatchMetrics),
    Message(MessageLine),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchMetrics {
    #[serde(rename = "Consumer")]
    _consumer: String,
    processed: u64,
    duplicate: u64,
    retried: u64,
    #[serde(default)]
    deferred: u64,
    rejected: u64,
}

#[derive(Deserialize)]
struct MessageLine {
    #[serde(rename = "consumer")]
    _consumer: String,
    receive_count: u64,
    #[serde(default)]
    error: Option<String>,
}

impl LogTotals {
    /// Sums up a log. Other lines are ignored.
    pub(crate) fn from_log(log: &str) -> Self {
        let mut totals = Self::default();
        let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
        let json = log.lines().filter(|line| line.starts_with('{'));
        for line in json.filter_map(|line| serde_json::from_str(line).ok()) {
            match line {
                LogLine::Metrics(metrics) => totals.add(&metrics),
                LogLine::Message(message) => {
                    totals.redeliveries += u64::from(message.receive_count > 1);
                    if let Some(error) = message.error {
                        *reasons.entry(error).or_default() += 1;
                    }
                }
            }
        }
        totals.reasons = reasons.into_iter().collect();
        totals.reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        totals
    }

    fn add(&mut self, metrics: &BatchMetrics) {
        self.batches += 1;
        self.processed += metrics.processed;
        self.duplicates += metrics.duplicate;
        self.retried += metrics.retried;
        self.deferred += metrics.deferred;
        self.rejected += metrics.rejected;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_totals_sum_metrics_and_outcomes_and_ignore_other_lines() {
        let log = concat!(
            "2026-11-21 09:12:31 INFO [lambda] ESM: Lambda switchyard-orders output:\n",
            r#"{"BatchSize":3,"Consumer":"tax","Duplicate":1,"Processed":1,"Rejected":0,"Retried":1,"_aws":{}}"#,
            "\n",
            r#"{"timestamp":"t","level":"WARN","consumer":"tax","outcome":"retried","receive_count":2,"error":"why"}"#,
            "\n",
            r#"{"timestamp":"t","level":"INFO","consumer":"tax","outcome":"done","receive_count":1}"#,
            "\n",
            r#"{"Function":"publisher","Published":1,"_aws":{}}"#,
            "\n{not json",
        );
        let totals = LogTotals::from_log(log);
        let counts = (totals.batches, totals.processed, totals.duplicates, totals.retried, totals.redeliveries);
        assert_eq!(counts, (1, 1, 1, 1, 1));
        assert_eq!(totals.reasons, [("why".to_owned(), 1)]);
    }
}
