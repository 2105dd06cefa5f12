//! What the functions say about themselves: their metrics and log lines, in the local cloud's log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Sums over all consumers.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    /// Batches that were answered for.
    pub(crate) batches: u64,
    /// Messages whose effect was written.
    pub(crate) processed: u64,
    /// Messages that had been applied before: suppressed.
    pub(crate) duplicates: u64,
    /// Messages that were put back after a failure.
    pub(crate) retried: u64,
    /// Messages that were put back because their lease was another's.
    pub(crate) deferred: u64,
    /// Messages that were sent to the dead letters.
    pub(crate) rejected: u64,
    /// Receives of a message after its first.
    pub(crate) redeliveries: u64,
    /// Why messages were put back, most frequent first.
    pub(crate) reasons: Vec<(String, u64)>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Metrics(Metrics),
    Outcome(Outcome),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metrics {
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
struct Outcome {
    #[serde(rename = "consumer")]
    _consumer: String,
    receive_count: u64,
    #[serde(default)]
    error: Option<String>,
}

/// Reads a log.
pub(crate) fn read(log: &str) -> Tally {
    let mut tally = Tally::default();
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    let json = log.lines().filter(|line| line.starts_with('{'));
    for line in json.filter_map(|line| serde_json::from_str(line).ok()) {
        match line {
            Line::Metrics(metrics) => {
                tally.batches += 1;
                tally.processed += metrics.processed;
                tally.duplicates += metrics.duplicate;
                tally.retried += metrics.retried;
                tally.deferred += metrics.deferred;
                tally.rejected += metrics.rejected;
            }
            Line::Outcome(outcome) => {
                tally.redeliveries += u64::from(outcome.receive_count > 1);
                if let Some(error) = outcome.error {
                    *reasons.entry(error).or_default() += 1;
                }
            }
        }
    }
    tally.reasons = reasons.into_iter().collect();
    tally.reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_and_outcomes_are_summed_and_all_else_is_passed_over() {
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
        let tally = read(log);
        let counts = (tally.batches, tally.processed, tally.duplicates, tally.retried, tally.redeliveries);
        assert_eq!(counts, (1, 1, 1, 1, 1));
        assert_eq!(tally.reasons, [("why".to_owned(), 1)]);
    }
}
