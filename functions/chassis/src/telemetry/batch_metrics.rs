//! A log line per event and one line of figures per batch.

use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;
use jiff::Timestamp;
use switchyard_events::Metadata;

use crate::dynamodb::table::Usage;
use crate::sqs::queue::{Disposition, receive_count};
use crate::telemetry::emf::Metrics;
use crate::{Failure, Outcome};

/// Counts the outcomes of a batch.
#[derive(Default)]
pub(crate) struct BatchMetrics {
    consumer: &'static str,
    batch_size: usize,
    processed: u32,
    duplicate: u32,
    retried: u32,
    deferred: u32,
    rejected: u32,
    lag_ms: Vec<u64>,
    oldest_redelivered: Option<Duration>,
}

impl BatchMetrics {
    pub(crate) fn new(consumer: &'static str, batch_size: usize) -> Self {
        Self { consumer, batch_size, ..Self::default() }
    }

    /// Counts one message and logs it. `event` is its metadata and its lag in milliseconds, if it can be read; `age` is the time
    /// since the message was sent to its queue.
    pub(crate) fn add(
        &mut self,
        message: &SqsMessage,
        event: Option<(&Metadata, u64)>,
        outcome: &Outcome,
        disposition: Disposition,
        age: Duration,
    ) {
        if disposition == Disposition::Redeliver {
            self.oldest_redelivered = self.oldest_redelivered.max(Some(age));
        }
        let name = self.count(outcome, disposition, event.map(|(_, lag_ms)| lag_ms));
        let event_id = event.map(|(metadata, _)| metadata.event_id.as_str());
        let correlation_id = event.map(|(metadata, _)| metadata.correlation_id.as_str());
        let (consumer, batch_size, receive_count) = (self.consumer, self.batch_size, receive_count(message));
        let message_id = message.message_id.as_deref();
        match failure(outcome) {
            None => tracing::info!(
                consumer,
                outcome = name,
                event_id,
                correlation_id,
                batch_size,
                receive_count,
                message_id
            ),
            Some(failure) => {
                let error = failure.to_string();
                let error_code = failure.code();
                tracing::warn!(
                    consumer,
                    outcome = name,
                    event_id,
                    correlation_id,
                    batch_size,
                    receive_count,
                    message_id,
                    error_code,
                    error
                );
            }
        }
    }

    /// Counts an outcome and returns its name in the log.
    fn count(&mut self, outcome: &Outcome, disposition: Disposition, lag_ms: Option<u64>) -> &'static str {
        match outcome {
            Outcome::Applied => {
                self.processed += 1;
                self.lag_ms.extend(lag_ms);
                "done"
            }
            Outcome::Duplicate => {
                self.duplicate += 1;
                "duplicate"
            }
            Outcome::Deferred(_) => {
                self.deferred += 1;
                "deferred"
            }
            Outcome::Failed(_) if disposition == Disposition::DeadLettered => {
                self.rejected += 1;
                "rejected"
            }
            Outcome::Failed(_) => {
                self.retried += 1;
                "retried"
            }
        }
    }

    /// Writes the metrics.
    pub(crate) fn report(self, usage: Usage, now: Timestamp) {
        Metrics::new("Consumer", self.consumer)
            .property("BatchSize", self.batch_size)
            .property("Processed", self.processed)
            .property("Duplicate", self.duplicate)
            .property("Retried", self.retried)
            .property("Deferred", self.deferred)
            .property("Rejected", self.rejected)
            .property("CapacityUnits", usage.units)
            .property("DynamoDBCalls", usage.calls)
            .milliseconds("LagMs", self.lag_ms)
            .seconds("OldestDeferredSeconds", self.oldest_redelivered.map(|age| age.as_secs()))
            .write(now);
    }
}

fn failure(outcome: &Outcome) -> Option<&Failure> {
    match outcome {
        Outcome::Failed(failure) => Some(failure),
        Outcome::Applied | Outcome::Duplicate | Outcome::Deferred(_) => None,
    }
}
