//! The metrics of a batch.

use jiff::Timestamp;
use switchyard_chassis::Metrics;

use crate::PublishError;
use crate::entry::Entry;

/// Counts what became of a batch.
#[derive(Default)]
pub(crate) struct Tally {
    /// `PutEvents` calls.
    pub(crate) calls: usize,
    /// Entries in the dead-letter queue.
    pub(crate) dead: usize,
    published: usize,
    lag_ms: Vec<u64>,
}

impl Tally {
    /// Counts an entry that is on the bus.
    pub(crate) fn taken(&mut self, entry: &Entry, now: Timestamp) {
        self.published += 1;
        let occurred = entry.metadata.as_ref().map(|metadata| metadata.occurred_at);
        let lag = occurred.map(|occurred| now.duration_since(occurred).as_millis());
        self.lag_ms.extend(lag.map(|lag| u64::try_from(lag).unwrap_or(0)));
    }

    /// Writes the metrics; a failed batch counts what is left of it.
    pub(crate) fn report(self, unsent: Option<&PublishError>, now: Timestamp) {
        let failed = match unsent {
            None => 0,
            Some(PublishError::NotPublished(entries) | PublishError::NotDeadLettered(entries)) => *entries,
        };
        Metrics::new("Function", "publisher")
            .count("Published", self.published)
            .count("Failed", failed)
            .count("Dead", self.dead)
            .count("PutEventsCalls", self.calls)
            .milliseconds("LagMs", self.lag_ms)
            .write(now);
    }
}
