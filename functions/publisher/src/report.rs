//! The figures of a batch.

use jiff::Timestamp;
use switchyard_chassis::Metrics;

use crate::entry::Entry;

/// The figures of one batch.
#[derive(Default)]
pub(crate) struct BatchReport {
    /// `PutEvents` calls.
    pub(crate) calls: usize,
    /// Entries in the dead-letter queue.
    pub(crate) dead_lettered: usize,
    published: usize,
    lag_ms: Vec<u64>,
}

impl BatchReport {
    /// Counts an entry that is on the bus. Its lag is the time since the event occurred.
    pub(crate) fn add_published(&mut self, entry: &Entry, now: Timestamp) {
        self.published += 1;
        if let Some(metadata) = &entry.metadata {
            let lag = now.duration_since(metadata.occurred_at).as_millis();
            self.lag_ms.push(u64::try_from(lag).unwrap_or(0));
        }
    }

    /// Writes the figures. `failed` is the number of entries that are neither on the bus nor in the dead-letter queue.
    pub(crate) fn write(self, failed: usize, now: Timestamp) {
        // None is a metric: alarms watch the stream's iterator age and the dead-letter queue, and a consumer's lag includes this one.
        Metrics::new("Function", "publisher")
            .property("Published", self.published)
            .property("Failed", failed)
            .property("Dead", self.dead_lettered)
            .property("PutEventsCalls", self.calls)
            .property("LagMs", self.lag_ms)
            .write(now);
    }
}
