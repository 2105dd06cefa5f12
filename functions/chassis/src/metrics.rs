//! What is said about a batch: a log line per event, and one line of metrics.

use aws_lambda_events::sqs::SqsMessage;
use jiff::Timestamp;
use switchyard_events::Metadata;

use crate::queue::{Disposal, receives};
use crate::table::Usage;
use crate::{Failure, Metrics, Outcome};

/// Counts a batch's outcomes.
#[derive(Default)]
pub(crate) struct Tally {
    consumer: &'static str,
    batch_size: usize,
    processed: u32,
    duplicate: u32,
    retried: u32,
    deferred: u32,
    rejected: u32,
    lag_ms: Vec<u64>,
}

impl Tally {
    pub(crate) fn new(consumer: &'static str, batch_size: usize) -> Self {
        Self { consumer, batch_size, ..Self::default() }
    }

    /// Counts one message and logs it.
    pub(crate) fn add(
        &mut self,
        message: &SqsMessage,
        event: Option<(&Metadata, u64)>,
        outcome: &Outcome,
        disposal: Option<Disposal>,
    ) {
        let (name, failure) = match (outcome, disposal) {
            (Outcome::Done, _) => {
                self.processed += 1;
                self.lag_ms.extend(event.map(|(_, lag)| lag));
                ("done", None)
            }
            (Outcome::Duplicate, _) => {
                self.duplicate += 1;
                ("duplicate", None)
            }
            (Outcome::Deferred(_), _) => {
                self.deferred += 1;
                ("deferred", None)
            }
            (Outcome::Failed(failure), Some(Disposal::Dead)) => {
                self.rejected += 1;
                ("rejected", Some(failure))
            }
            (Outcome::Failed(failure), _) => {
                self.retried += 1;
                ("retried", Some(failure))
            }
        };
        let event_id = event.map(|(metadata, _)| metadata.event_id.as_str());
        let correlation_id = event.map(|(metadata, _)| metadata.correlation_id.as_str());
        let (consumer, batch_size, receive_count) = (self.consumer, self.batch_size, receives(message));
        let message_id = message.message_id.as_deref();
        match failure {
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
                let error_code = if let Failure::Reject { code, .. } = failure { code } else { "retry" };
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

    /// Writes the metrics.
    pub(crate) fn report(self, usage: Usage, now: Timestamp) {
        Metrics::new("Consumer", self.consumer)
            .property("BatchSize", self.batch_size)
            .count("Processed", self.processed)
            .count("Duplicate", self.duplicate)
            .count("Retried", self.retried)
            .count("Deferred", self.deferred)
            .count("Rejected", self.rejected)
            .count("CapacityUnits", usage.units)
            .count("DynamoDBCalls", usage.calls)
            .milliseconds("LagMs", self.lag_ms)
            .write(now);
    }
}
