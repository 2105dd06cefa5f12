//! Carries events from the outboxes of new rows to the bus: table streams in, `PutEvents` out.
//!
//! An entry is put on the bus, or lies in the publisher's dead-letter queue with its reason; if neither can be had, the
//! invocation fails and the stream offers the whole batch again. Whatever is put twice is applied once: consumers see to that.
//!
//! * `stream`, `entry`: what the stream delivers, and one event in it
//! * `chunk`, `bus`: as many entries in a call as EventBridge takes, and what it answers for each
//! * `dead`, `report`: entries that can never go; logs and metrics

mod bus;
mod chunk;
mod dead;
mod entry;
mod report;
mod stream;

use std::time::Duration;

use futures_util::future::join_all;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use switchyard_chassis::{Clock, backoff, deadline, start};
use tokio::time::{Instant, timeout_at};

use crate::bus::{Bus, Verdict};
use crate::dead::{Dead, DeadLetters};
use crate::entry::Entry;
use crate::report::Tally;
pub use crate::stream::StreamEvent;

/// Serves the streams until Lambda stops the process.
///
/// Nothing is warmed up: all that the function may call changes something, and no client waits for it. Its first batch opens
/// the connection.
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

/// The calls that a batch would be put on the bus with, as the bytes of their entries, and how many entries never could be: what
/// becomes of bad input, without AWS.
pub fn plan_calls(batch: StreamEvent) -> (Vec<Vec<usize>>, usize) {
    let (entries, dead) = stream::entries(batch);
    let chunks = chunk::chunks(entries, Entry::weight);
    (chunks.iter().map(|chunk| chunk.iter().map(Entry::bytes).collect()).collect(), dead.len())
}

/// Tries of one entry in one invocation, about five seconds. After that it is for the stream to wait, which costs nothing.
const MAX_TRIES: u32 = 8;

/// The relay between tables and bus.
pub struct Publisher {
    bus: Bus,
    dead_letters: DeadLetters,
    clock: Clock,
}

/// The batch must be offered again.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The bus did not take these in time.
    #[error("{0} entries are not on the bus")]
    NotPublished(usize),
    /// The dead-letter queue did not take these.
    #[error("{0} entries are neither on the bus nor in the dead-letter queue")]
    NotDeadLettered(usize),
}

impl Publisher {
    /// A relay to this bus, with this dead-letter queue.
    pub fn new(
        bus: aws_sdk_eventbridge::Client,
        bus_name: String,
        queue: aws_sdk_sqs::Client,
        dlq_url: String,
        clock: Clock,
    ) -> Self {
        Self { bus: Bus::new(bus, bus_name), dead_letters: DeadLetters::new(queue, dlq_url), clock }
    }

    /// Publishes what the rows of a batch carry. Waits a little for a busy bus, but not past the deadline.
    pub async fn publish(&self, batch: StreamEvent, deadline: Instant) -> Result<(), PublishError> {
        let mut tally = Tally::default();
        let result = self.relay(batch, deadline, &mut tally).await;
        if let Err(unsent) = &result {
            tracing::error!(function = "publisher", outcome = "unsent", error = %unsent);
        }
        tally.report(result.as_ref().err(), self.clock.now());
        result
    }

    async fn relay(&self, batch: StreamEvent, deadline: Instant, tally: &mut Tally) -> Result<(), PublishError> {
        let (mut waiting, mut dead) = stream::entries(batch);
        for tried in 1.. {
            let left = waiting.len();
            let round = timeout_at(deadline, self.round(waiting, &mut dead, tally)).await;
            waiting = round.map_err(|_| PublishError::NotPublished(left))?;
            if waiting.is_empty() {
                break;
            }
            let pause = backoff::full_jitter(Duration::from_millis(50), tried, Duration::from_secs(2));
            if tried == MAX_TRIES || Instant::now() + pause >= deadline {
                return Err(PublishError::NotPublished(waiting.len()));
            }
            tokio::time::sleep(pause).await;
        }
        // Last: a batch that is offered again would bury its dead again.
        let buried = join_all(dead.iter().map(|dead| self.dead_letters.bury(dead))).await;
        let buried = buried.into_iter().filter(|buried| *buried).count();
        tally.dead += buried;
        if buried < dead.len() {
            return Err(PublishError::NotDeadLettered(dead.len() - buried));
        }
        Ok(())
    }

    /// Sends all that waits, and gives back what must be sent again.
    async fn round(&self, waiting: Vec<Entry>, dead: &mut Vec<Dead>, tally: &mut Tally) -> Vec<Entry> {
        let chunks = chunk::chunks(waiting, Entry::weight);
        tally.calls += chunks.len();
        let answers = join_all(chunks.into_iter().map(|chunk| self.bus.put(chunk))).await;
        let mut again = Vec::new();
        for (mut entry, verdict) in answers.into_iter().flatten() {
            entry.tries += 1;
            match verdict {
                Verdict::Taken => tally.taken(&entry, self.clock.now()),
                Verdict::Later => again.push(entry),
                Verdict::Alone => again.push(Entry { alone: true, ..entry }),
                Verdict::Never(reason) => dead.push(Dead::of(entry, "refused", reason)),
            }
        }
        again
    }
}
