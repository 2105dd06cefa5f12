//! Work that the clock starts, not an event.

use std::rc::Rc;

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value as Json;
use switchyard_events::{Cause, CorrelationId, EventId};
use tokio::time::Instant;

use crate::commit::{Plan, Verdict, commit};
use crate::effects::Context;
use crate::reads::Reads;
use crate::run::{deadline, start};
use crate::transaction::Write;
use crate::{Clock, Effects, Env, Failure, Table};

/// A function that runs on a schedule, on its consumer's table.
///
/// Schedules fire at least once, and a run may be cut off anywhere: a run finds out from the table what is left to do.
#[allow(async_fn_in_trait)] // as for `Consumer`
pub trait Scheduled {
    /// The job's name: its binary and its function.
    const NAME: &'static str;
    /// The consumer that it works for, which is who its facts come from.
    const PRODUCER: &'static str;

    /// Does what is left to do, and says what it did. Should begin nothing after the job's deadline.
    async fn run(&self, job: &Job) -> Result<Json, Failure>;
}

/// What a scheduled run works with.
pub struct Job {
    /// The consumer's table.
    pub table: Table,
    /// When this run must have ended.
    pub deadline: Instant,
    clock: Clock,
    producer: &'static str,
    cause: Cause,
}

/// What became of a job's effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// Written, all of them.
    Done,
    /// The recorded row was there: another run has done it.
    Before,
    /// A condition did not hold; nothing is written.
    Refused,
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

    /// Effects to be filled and handed to [`Job::commit`].
    pub fn effects(&self) -> Effects {
        let reads = Reads::new(self.table.clone());
        let (cause, now, shard) = (self.cause.clone(), self.clock.now(), fastrand::u32(..));
        Effects::new(Context { cause, producer: self.producer, now, reads, shard, runs: 0 })
    }

    /// Writes the effects in one transaction with the row they record, which must not have been there.
    pub async fn commit(&self, effects: Effects) -> Result<Committed, Failure> {
        let Some(row) = effects.record.clone() else {
            return Err(Failure::reject(
                "no_record",
                "a job's effects need a recorded row, or they would be written twice",
            ));
        };
        let event_id = EventId::derive(self.producer, &format!("{}/{}", row.key.pk, row.key.sk), 0);
        let mut row = row.set("event_id", event_id.as_str()).set("processed_at", self.clock.now());
        if let Some(outbox) = effects.outbox_attribute()? {
            row.attributes.insert("outbox".to_owned(), outbox);
        }
        let mut writes = vec![Write::Marker(row, 1)];
        writes.extend(effects.writes);
        let verdicts = commit(&self.table, vec![Plan { event: 0, event_id, writes }], self.deadline).await;
        match verdicts.into_iter().next() {
            Some((_, Verdict::Done)) => Ok(Committed::Done),
            Some((_, Verdict::Duplicate)) => Ok(Committed::Before),
            Some((_, Verdict::Again)) | None => Ok(Committed::Refused),
            Some((_, Verdict::Failed(failure))) => Err(failure),
        }
    }
}

/// Runs a scheduled function. A failed run fails the invocation, so that it is tried again and the alarm rings.
pub async fn schedule<S: Scheduled>(scheduled: impl FnOnce(&mut Env) -> S) -> Result<(), Error> {
    let (mut env, clients) = start();
    let scheduled = scheduled(&mut env);
    let table = Table::new(aws_sdk_dynamodb::Client::new(clients.sdk()), env.required::<String>("TABLE_NAME"));
    env.finish(())?;
    let (scheduled, table) = (Rc::new(scheduled), table);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Json>| {
        let (scheduled, table) = (Rc::clone(&scheduled), table.clone());
        async move {
            let clock = Clock::system();
            let deadline = deadline(event.context.deadline, &clock);
            let did = scheduled.run(&Job::new(S::NAME, S::PRODUCER, table, clock, deadline)?).await;
            match &did {
                Ok(did) => tracing::info!(job = S::NAME, %did, "done"),
                Err(failure) => tracing::error!(job = S::NAME, error = %failure, "failed"),
            }
            did.map_err(Error::from)
        }
    }))
    .await
}
