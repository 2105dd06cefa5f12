//! What the author of a job implements: work that a schedule starts, not an event.

use std::cell::Cell;

use jiff::Timestamp;
use serde_json::Value as Json;
use switchyard_events::{Cause, CorrelationId, EventId};
use tokio::time::Instant;

use crate::commit::commit;
use crate::commit::plan::Plan;
use crate::dynamodb::batch_get::BatchGet;
use crate::handler::effects::Context;
use crate::{Clock, Effects, Failure, Outcome, Row, Table};

/// A function that runs on a schedule, on its consumer's table.
///
/// A schedule fires at least once, and a run may be cut off anywhere. So a run learns from the table what is left to do.
///
/// ```
/// use serde_json::{Value, json};
/// use switchyard_chassis::{Committed, Failure, Job, Key, Row, Scheduled};
///
/// /// Writes one report per day.
/// struct DailyReport;
///
/// impl Scheduled for DailyReport {
///     const NAME: &'static str = "loyalty-report";
///     const PRODUCER: &'static str = "loyalty";
///
///     async fn run(&self, job: &Job) -> Result<Value, Failure> {
///         let mut effects = job.effects();
///         let day = job.now().to_string()[..10].to_owned();
///         effects.record(Row::new(Key::new("REPORT", day)).set("at", job.now()));
///         let written = job.commit(effects).await? == Committed::Done;
///         Ok(json!({"written": written}))
///     }
/// }
/// ```
#[allow(async_fn_in_trait)] // as for `Consumer`
pub trait Scheduled {
    /// The job's name: its binary and its function.
    const NAME: &'static str;
    /// The consumer that the job belongs to: the producer of the job's facts.
    const PRODUCER: &'static str;

    /// Does what is left to do and returns a summary for the log. Begins nothing after the job's deadline.
    async fn run(&self, job: &Job) -> Result<Json, Failure>;
}

/// The table, time and deadline of one run.
pub struct Job {
    /// The consumer's table.
    pub table: Table,
    /// When this run must have ended.
    pub deadline: Instant,
    clock: Clock,
    producer: &'static str,
    cause: Cause,
}

/// What happened to a job's effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// All of them are written.
    Done,
    /// The recorded row exists: another run has written these effects.
    AlreadyDone,
    /// A condition did not hold. Nothing is written.
    ConditionFailed,
}

impl Job {
    /// A job of this producer on this table.
    pub fn new(
        name: &str,
        producer: &'static str,
        table: Table,
        clock: Clock,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let started = clock.now().as_millisecond();
        let correlation_id =
            CorrelationId::parse(format!("{name}-{started}")).map_err(|error| Failure::reject("bad_name", error))?;
        let cause = Cause { correlation_id, causation_id: None, traceparent: None };
        Ok(Self { table, deadline, clock, producer, cause })
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Empty effects, to be filled and passed to [`Job::commit`].
    pub fn effects(&self) -> Effects {
        Effects::new(Context {
            cause: self.cause.clone(),
            producer: self.producer,
            now: self.clock.now(),
            batch_get: BatchGet::new(self.table.clone()),
            shard: fastrand::u32(..),
            previous_runs: 0,
        })
    }

    /// Writes the effects in one transaction with the row that they record, which must not exist yet.
    ///
    /// Fails with `no_record` if the effects record no row: nothing would keep a second run from writing them again.
    pub async fn commit(&self, mut effects: Effects) -> Result<Committed, Failure> {
        let Some(key) = effects.recorded() else {
            let reason = "a job's effects need a recorded row, or they would be written twice";
            return Err(Failure::reject("no_record", reason));
        };
        let event_id = EventId::derive(self.producer, &format!("{}/{}", key.pk, key.sk), 0);
        let stamp = |row: Row| row.set("event_id", event_id.as_str()).set("processed_at", self.clock.now());
        let writes = effects.to_writes(|| Row::new(key), stamp)?;
        let decision = Cell::new(None);
        let plan = Plan { event: 0, event_id, writes };
        commit(&self.table, vec![plan], self.deadline, &|_, outcome| decision.set(outcome)).await;
        match decision.take() {
            Some(Outcome::Applied) => Ok(Committed::Done),
            Some(Outcome::Duplicate) => Ok(Committed::AlreadyDone),
            Some(Outcome::Failed(failure)) => Err(failure),
            Some(Outcome::Deferred(_)) | None => Ok(Committed::ConditionFailed),
        }
    }
}
