//! From events to written effects.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use switchyard_events::{Cause, DomainEvent};
use tokio::time::Instant;

use crate::commit::{Plan, Verdict, commit};
use crate::effects::Context;
use crate::reads::Reads;
use crate::table::Usage;
use crate::transaction::Write;
use crate::{Clock, Consumer, Effects, Failure, Key, Received, Row, Table, panics};

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its effect is written.
    Done,
    /// Its effect had been written before.
    Duplicate,
    /// Another worker is at it. It can be told in this time what came of that; nothing is wrong with the event.
    Deferred(Duration),
    /// Nothing is written.
    Failed(Failure),
}

/// Something that applies events: a table's transaction, or a lease around an effect elsewhere.
#[allow(async_fn_in_trait)] // as for `Consumer`
pub trait Apply {
    /// The consumer's name.
    const NAME: &'static str;
    /// What it reads.
    type Event: DomainEvent;

    /// Applies events, each different, and answers for each, in their order. Starts nothing after the deadline.
    async fn apply(&self, events: &[Received<Self::Event>], deadline: Instant) -> Vec<Outcome>;

    /// What the calls since the last question cost.
    fn take_usage(&self) -> Usage;
}

/// Applies events in transactions on the consumer's own table.
pub struct Transactional<C> {
    pub(crate) consumer: C,
    pub(crate) table: Table,
    pub(crate) clock: Clock,
    pub(crate) marker_ttl: SignedDuration,
    pub(crate) generation: u32,
}

/// How often a handler runs again because a condition of it failed, before the message is handed back.
const MAX_RUNS: u32 = 12;

impl<C: Consumer> Apply for Transactional<C> {
    const NAME: &'static str = C::NAME;
    type Event = C::Event;

    async fn apply(&self, events: &[Received<C::Event>], deadline: Instant) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; events.len()];
        let mut runs = 0;
        loop {
            let open: Vec<usize> = (0..events.len()).filter(|&event| outcomes[event].is_none()).collect();
            if open.is_empty()
                || Instant::now() >= deadline
                || runs == MAX_RUNS.max(2 * u32::try_from(events.len()).unwrap_or(0))
            {
                break;
            }
            let round = self.round(events, &open, runs, deadline);
            let Ok(verdicts) = tokio::time::timeout_at(deadline, round).await else {
                break;
            };
            runs += 1;
            for (event, verdict) in verdicts {
                outcomes[event] = match verdict {
                    Verdict::Done => Some(Outcome::Done),
                    Verdict::Duplicate => Some(Outcome::Duplicate),
                    Verdict::Failed(failure) => Some(Outcome::Failed(failure)),
                    Verdict::Again => None,
                };
            }
        }
        let out_of_time = || {
            Outcome::Failed(Failure::retry("handed back: no time was left, or other writers kept changing its rows"))
        };
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(out_of_time)).collect()
    }

    fn take_usage(&self) -> Usage {
        self.table.take_usage()
    }
}

impl<C: Consumer> Transactional<C> {
    /// Runs the handlers of the open events side by side and writes what does not depend on each other. An event that depends on
    /// an earlier one of the same round stays open, and its handler runs again on what the earlier one has written.
    async fn round(
        &self,
        events: &[Received<C::Event>],
        open: &[usize],
        runs: u32,
        deadline: Instant,
    ) -> Vec<(usize, Verdict)> {
        let reads = Reads::new(self.table.clone());
        let shard = fastrand::u32(..);
        let handled =
            join_all(open.iter().map(|&event| self.run(&events[event], Rc::clone(&reads), shard, runs))).await;
        let mut verdicts = Vec::new();
        let mut accepted: Vec<Effects> = Vec::new();
        let mut plans = Vec::new();
        for (&event, handled) in open.iter().zip(handled) {
            match handled {
                Err(failure) => verdicts.push((event, Verdict::Failed(failure))),
                Ok(effects) if accepted.iter().any(|earlier| effects.depends_on(earlier)) => {
                    verdicts.push((event, Verdict::Again));
                }
                Ok(effects) => match self.plan(event, &events[event], &effects) {
                    Ok(plan) => {
                        plans.push(plan);
                        accepted.push(effects);
                    }
                    Err(failure) => verdicts.push((event, Verdict::Failed(failure))),
                },
            }
        }
        verdicts.extend(commit(&self.table, plans, deadline).await);
        verdicts
    }

    /// Runs one handler; its panic is its own event's failure.
    async fn run(
        &self,
        event: &Received<C::Event>,
        reads: Rc<Reads>,
        shard: u32,
        runs: u32,
    ) -> Result<Effects, Failure> {
        let context = Context {
            cause: Cause::from(&event.metadata),
            producer: C::NAME,
            now: self.clock.now(),
            reads,
            shard,
            runs,
        };
        let mut effects = Effects::new(context);
        let handled = AssertUnwindSafe(self.consumer.handle(event, &mut effects)).catch_unwind().await;
        handled.unwrap_or_else(|_| Err(panics::failure()))?;
        Ok(effects)
    }

    /// The event's marker (the recorded row, or one of its own) and its writes.
    fn plan(&self, event: usize, received: &Received<C::Event>, effects: &Effects) -> Result<Plan, Failure> {
        let now = self.clock.now();
        let mut marker = match &effects.record {
            Some(row) => row.clone(),
            None => Row::new(marker_key(received)).set("expires_at", self.expiry(now)),
        };
        marker = stamp(marker, received, now);
        if self.generation > 1 {
            marker = marker.set("generation", self.generation);
        }
        if let Some(outbox) = effects.outbox_attribute()? {
            marker.attributes.insert("outbox".to_owned(), outbox);
        }
        let mut writes = vec![Write::Marker(marker, self.generation)];
        for write in &effects.writes {
            if writes.iter().any(|other| other.key() == write.key() && !other.merges_with(write)) {
                return Err(Failure::reject(
                    "conflicting_effects",
                    format!("two writes of one row: {}", write.key().sk),
                ));
            }
            writes.push(write.clone());
        }
        Ok(Plan { event, event_id: received.metadata.event_id.clone(), writes })
    }

    fn expiry(&self, now: Timestamp) -> i64 {
        now.as_second() + self.marker_ttl.as_secs()
    }
}

/// Where the marker of an event lies if its consumer records no row of its own.
pub(crate) fn marker_key<E>(received: &Received<E>) -> Key {
    let aggregate = &received.metadata.aggregate;
    Key::new(
        format!("{}#{}", aggregate.kind.to_ascii_uppercase(), aggregate.id),
        format!("EVENT#{}", received.metadata.event_id),
    )
}

/// What every row that marks an event says about it.
pub(crate) fn stamp<E>(row: Row, received: &Received<E>, now: Timestamp) -> Row {
    row.set("event_id", received.metadata.event_id.as_str())
        .set("processed_at", now)
        .set("lag_ms", received.lag_ms())
        .set("receives", received.receive_count)
}
