//! Publishes the events in the outboxes of new rows: reads table streams, calls `PutEvents`.
//!
//! An entry is put on the bus, or sent to the publisher's dead-letter queue with its reason. If both fail, the
//! invocation fails and the stream delivers the whole batch again. An entry that is put twice is applied once, because
//! consumers deduplicate.
//!
//! While the bus is unavailable, the stream waits. It keeps a record for 24 hours only. So an entry that is older than
//! six hours is tried once and then dead-lettered in full; `yard dlq redrive --consumer publisher` puts it on the bus.
//!
//! * `stream`, `entry`: parses a batch of the stream into entries
//! * `chunk`, `bus`: divides entries into calls, sends a call, classifies the outcome of each entry
//! * `dead_letter`, `report`: entries that are not published; the metrics of a batch

mod bus;
mod chunk;
mod dead_letter;
mod entry;
mod report;
mod stream;

use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use switchyard_chassis::{Clock, backoff, deadline, start};
use tokio::time::{Instant, timeout_at};

pub use crate::bus::{Bus, Effort, PutOutcome};
use crate::dead_letter::{DeadLetterQueue, RejectedEntry};
pub use crate::entry::Entry;
use crate::report::BatchReport;
pub use crate::stream::StreamEvent;

/// Serves the streams until Lambda stops the process.
///
/// There is no warm-up call: every call that the function may make has an effect, and no client waits for it. The first
/// batch opens the connection.
pub async fn serve() -> Result<(), Error> {
    let (mut env, clients) = start();
    let bus = aws_sdk_eventbridge::Client::new(clients.sdk());
    let queue = aws_sdk_sqs::Client::new(clients.sdk());
    let (name, url): (String, String) = (env.required("EVENT_BUS_NAME"), env.required("DLQ_URL"));
    env.finish(())?;
    let publisher = &Publisher::new(bus, name, queue, url, Clock::system());
    lambda_runtime::run(service_fn(async |event: LambdaEvent<StreamEvent>| {
        let deadline = deadline(event.context.deadline, &publisher.clock);
        publisher.publish(event.payload, deadline).await.map_err(Error::from)
    }))
    .await
}

/// Plans the calls for a batch without making them. Returns for each call the bytes of its entries, and the number of
/// entries that cannot be published.
pub fn plan_calls(batch: StreamEvent) -> (Vec<Vec<usize>>, usize) {
    let (entries, rejected) = stream::entries(batch);
    let chunks = bus::plan(entries);
    (chunks.iter().map(|chunk| chunk.iter().map(Entry::bytes).collect()).collect(), rejected.len())
}

/// Attempts per entry and invocation, which take about five seconds. After them the invocation fails and the stream
/// waits, which costs nothing.
const MAX_ATTEMPTS: u32 = 8;

/// Publishes the events of table streams on a bus.
pub struct Publisher {
    bus: Bus,
    dead_letter_queue: DeadLetterQueue,
    clock: Clock,
}

/// The stream must deliver the batch again.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The bus did not accept this many entries in time.
    #[error("{0} entries are not on the bus")]
    NotPublished(usize),
    /// The dead-letter queue did not accept this many entries, which cannot be published.
    #[error("{0} entries are neither on the bus nor in the dead-letter queue")]
    NotDeadLettered(usize),
}

impl PublishError {
    fn entries(&self) -> usize {
        match self {
            Self::NotPublished(entries) | Self::NotDeadLettered(entries) => *entries,
        }
    }
}

impl Publisher {
    /// Creates a publisher for the bus `bus_name`, with the dead-letter queue `dlq_url`.
    pub fn new(
        bus: aws_sdk_eventbridge::Client,
        bus_name: String,
        queue: aws_sdk_sqs::Client,
        dlq_url: String,
        clock: Clock,
    ) -> Self {
        Self { bus: Bus::new(bus, bus_name), dead_letter_queue: DeadLetterQueue::new(queue, dlq_url), clock }
    }

    /// Publishes the outboxes in a batch. Retries a throttled bus for a few seconds, but not past the deadline.
    ///
    /// # Errors
    ///
    /// At least one entry is neither on the bus nor in the dead-letter queue.
    pub async fn publish(&self, batch: StreamEvent, deadline: Instant) -> Result<(), PublishError> {
        let mut report = BatchReport::default();
        let result = self.publish_entries(batch, deadline, &mut report).await;
        if let Err(error) = &result {
            tracing::error!(function = "publisher", outcome = "unsent", %error);
        }
        report.write(result.as_ref().map_or_else(PublishError::entries, |()| 0), self.clock.now());
        result
    }

    async fn publish_entries(
        &self,
        batch: StreamEvent,
        deadline: Instant,
        report: &mut BatchReport,
    ) -> Result<(), PublishError> {
        let (mut waiting, mut rejected) = stream::entries(batch);
        for attempt in 1.. {
            let unpublished = waiting.len();
            // With one younger entry among them, the others wait with it: an invocation is acknowledged as a whole. If it
            // fails, Lambda divides the batch, so that the old entries are soon alone.
            let overdue = waiting.iter().all(|entry| entry.is_overdue(self.clock.now()));
            let effort = if overdue { Effort::SingleAttempt } else { Effort::Full };
            let sent = timeout_at(deadline, self.send_all(waiting, effort, &mut rejected, report)).await;
            waiting = sent.map_err(|_timeout| PublishError::NotPublished(unpublished))?;
            if overdue || waiting.is_empty() {
                rejected.extend(waiting.into_iter().map(reject_overdue));
                break;
            }
            let pause = backoff::full_jitter(Duration::from_millis(50), attempt, Duration::from_secs(2));
            if attempt == MAX_ATTEMPTS || Instant::now() + pause >= deadline {
                return Err(PublishError::NotPublished(waiting.len()));
            }
            tokio::time::sleep(pause).await;
        }
        self.dead_letter(rejected, deadline, report).await
    }

    /// Sends every entry once. Returns those that must be sent again.
    async fn send_all(
        &self,
        waiting: Vec<Entry>,
        effort: Effort,
        rejected: &mut Vec<RejectedEntry>,
        report: &mut BatchReport,
    ) -> Vec<Entry> {
        let (outcomes, calls) = self.bus.put_all(waiting, effort).await;
        report.calls += calls;
        let mut retries = Vec::new();
        for (entry, outcome) in outcomes {
            match outcome {
                PutOutcome::Published => report.add_published(&entry, self.clock.now()),
                PutOutcome::Transient(error) => retries.push(Entry { last_error: Some(error), ..entry }),
                PutOutcome::RetryAlone => retries.push(entry),
                PutOutcome::Permanent(reason) => rejected.push(RejectedEntry::new(entry, "refused", reason)),
            }
        }
        retries
    }

    /// Dead letters are sent last: if the batch failed after them, its next delivery would send them again.
    async fn dead_letter(
        &self,
        rejected: Vec<RejectedEntry>,
        deadline: Instant,
        report: &mut BatchReport,
    ) -> Result<(), PublishError> {
        let all = rejected.len();
        let sent = self.dead_letter_queue.dead_letter(rejected, &mut report.dead_lettered);
        // A timeout leaves the entries that are not counted, which is the error below.
        timeout_at(deadline, sent).await.ok();
        if report.dead_lettered < all {
            return Err(PublishError::NotDeadLettered(all - report.dead_lettered));
        }
        Ok(())
    }
}

/// The dead letter for an entry that has waited long enough for the bus.
fn reject_overdue(mut entry: Entry) -> RejectedEntry {
    let error = entry.last_error.take().unwrap_or_default();
    RejectedEntry::new(entry, "bus_unavailable", format!("not accepted within 6 hours: {error}"))
}
