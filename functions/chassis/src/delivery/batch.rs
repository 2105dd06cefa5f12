//! One invocation: up to ten messages, each parsed, applied and answered on its own.

use std::cell::Cell;
use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::join_all;
use jiff::SignedDuration;
use switchyard_events::Metadata;
use tokio::time::{Instant, timeout_at};

use crate::delivery::apply::Apply;
use crate::delivery::attempts;
use crate::delivery::dedup::DedupConfig;
use crate::delivery::leased::Leased;
use crate::delivery::parsed::ParsedMessages;
use crate::delivery::transactional::Transactional;
use crate::sqs::queue::{Disposition, age, receive_count};
use crate::telemetry::batch_metrics::BatchMetrics;
use crate::{Clock, Consumer, Failure, Outcome, Queue, Sender, Table, Usage};

/// The reason of a message that was dead-lettered without being handled.
const PROCESS_KILLED: &str = "the process ended while it handled this message, three times in a row and at last with this message alone: \
                              out of memory, out of time, or a crash; see the function's log, mend the handler, then redrive";

/// The time after the deadline for calls that end a message's handling. An invocation that runs out of time is killed: then all its
/// messages come back, and its metrics are lost.
const LAST_CALLS_TIME: Duration = Duration::from_secs(1);

/// Handles batches of one consumer.
pub struct Batch<A> {
    apply: A,
    table: Table,
    queue: Queue,
    clock: Clock,
    last_cost: Cell<Usage>,
}

/// A message, what happened to its event, and what follows for the message.
struct Answered<'a> {
    message: &'a SqsMessage,
    /// The event's metadata and its lag in milliseconds, if it could be read.
    event: Option<(Metadata, u64)>,
    outcome: Outcome,
    disposition: Disposition,
}

/// The messages of one invocation, by what is known of earlier attempts.
#[derive(Default)]
struct Triage<'a> {
    /// Received for the first time.
    new: Vec<&'a SqsMessage>,
    /// Received before, and every attempt ended in an orderly way.
    redelivered: Vec<&'a SqsMessage>,
    /// Messages with attempts that did not end, and how many; those with the fewest first.
    suspects: Vec<(&'a SqsMessage, u64)>,
}

impl<C: Consumer> Batch<Transactional<C>> {
    /// Batches of a consumer whose effect is stored in its table.
    pub fn transactional(consumer: C, table: Table, queue: Queue, dedup: DedupConfig, clock: Clock) -> Self {
        let apply = Transactional { consumer, table: table.clone(), clock: clock.clone(), dedup };
        Self::new(apply, table, queue, clock)
    }
}

impl<S: Sender> Batch<Leased<S>> {
    /// Batches of a consumer whose effect is outside DynamoDB, guarded by a lease in its table.
    pub fn leased(
        sender: S,
        table: Table,
        queue: Queue,
        lease: SignedDuration,
        dedup: DedupConfig,
        clock: Clock,
    ) -> Self {
        let apply = Leased { sender, table: table.clone(), clock: clock.clone(), lease, dedup };
        Self::new(apply, table, queue, clock)
    }
}

impl<A: Apply> Batch<A> {
    fn new(apply: A, table: Table, queue: Queue, clock: Clock) -> Self {
        Self { apply, table, queue, clock, last_cost: Cell::default() }
    }

    /// Handles a batch. The response names the messages that must be delivered again.
    pub async fn process(&self, batch: SqsEvent, deadline: Instant) -> SqsBatchResponse {
        let mut answered = Vec::new();
        match self.triage(&batch.records, deadline).await {
            Ok(triage) => {
                let together = self.begin_attempts(&triage.redelivered, &mut answered, deadline).await;
                answered.extend(self.handle(&[triage.new, together].concat(), deadline).await);
                self.end_attempts(&answered, deadline).await;
                if !triage.suspects.is_empty() {
                    self.delete_acknowledged(&answered, deadline).await;
                }
                for (message, unfinished) in triage.suspects {
                    answered.extend(self.handle_suspect(message, unfinished, deadline).await);
                }
            }
            Err(failure) => answered = self.fail_all(batch.records.iter().collect(), &failure, deadline).await,
        }
        self.report(&answered)
    }

    /// Handles messages together.
    async fn handle<'a>(&self, messages: &[&'a SqsMessage], deadline: Instant) -> Vec<Answered<'a>> {
        let ParsedMessages { events, messages } = ParsedMessages::parse(messages, self.clock.now());
        let outcomes = self.apply.apply(&events, deadline).await;
        join_all(messages.iter().map(async |parsed| {
            let event = parsed.event_index().map(|index| &events[index]);
            let event = event.map(|event| (event.metadata.clone(), event.lag_ms()));
            self.answer(parsed.message, event, parsed.outcome(&outcomes), deadline).await
        }))
        .await
    }

    /// Handles a message alone that may have ended its process before, or dead-letters it.
    async fn handle_suspect<'a>(
        &self,
        message: &'a SqsMessage,
        unfinished: u64,
        deadline: Instant,
    ) -> Vec<Answered<'a>> {
        if unfinished >= attempts::MAX_UNFINISHED {
            let killed = Outcome::Failed(Failure::reject("process_killed", PROCESS_KILLED));
            let answered = self.answer(message, None, killed, deadline).await;
            if answered.disposition == Disposition::DeadLettered {
                attempts::end(&self.table, &[message_id(message)], deadline + LAST_CALLS_TIME).await;
            }
            return vec![answered];
        }
        if Instant::now() >= deadline {
            let failure = Failure::retry("returned to the queue: no time was left to handle it alone");
            return vec![self.answer(message, None, Outcome::Failed(failure), deadline).await];
        }
        let ids = [message_id(message)];
        let begin = attempts::begin(&self.table, &ids, unfinished, self.clock.now());
        if let Err(failure) = in_time(deadline, begin).await {
            return vec![self.answer(message, None, Outcome::Failed(failure), deadline).await];
        }
        let answered = self.handle(&[message], deadline).await;
        self.end_attempts(&answered, deadline).await;
        self.delete_acknowledged(&answered, deadline).await;
        answered
    }

    /// Separates the messages by their earlier attempts. Reads the table only if a message was received before.
    async fn triage<'a>(&self, messages: &'a [SqsMessage], deadline: Instant) -> Result<Triage<'a>, Failure> {
        let (new, received_before): (Vec<_>, Vec<_>) = messages.iter().partition(|message| receive_count(message) == 1);
        let mut triage = Triage { new, ..Triage::default() };
        if received_before.is_empty() {
            return Ok(triage);
        }
        let ids: Vec<_> = received_before.iter().map(|message| message_id(message)).collect();
        let unfinished = in_time(deadline, attempts::unfinished(&self.table, &ids)).await?;
        for message in received_before {
            match unfinished.get(message_id(message)) {
                Some(&attempts) => triage.suspects.push((message, attempts)),
                None => triage.redelivered.push(message),
            }
        }
        triage.suspects.sort_by_key(|&(_, attempts)| attempts);
        Ok(triage)
    }

    /// Writes the attempt rows of messages. If that fails, none of them is handled: it is answered as failed.
    async fn begin_attempts<'a>(
        &self,
        messages: &[&'a SqsMessage],
        answered: &mut Vec<Answered<'a>>,
        deadline: Instant,
    ) -> Vec<&'a SqsMessage> {
        let ids: Vec<_> = messages.iter().map(|message| message_id(message)).collect();
        match in_time(deadline, attempts::begin(&self.table, &ids, 0, self.clock.now())).await {
            Ok(()) => messages.to_vec(),
            Err(failure) => {
                answered.extend(self.fail_all(messages.to_vec(), &failure, deadline).await);
                Vec::new()
            }
        }
    }

    /// Deletes the attempt rows of messages whose handling ended in an orderly way. A panic is not one.
    async fn end_attempts(&self, answered: &[Answered<'_>], deadline: Instant) {
        let is_orderly = |answered: &&Answered<'_>| {
            let panicked = matches!(answered.outcome, Outcome::Failed(Failure::Panic { .. }));
            receive_count(answered.message) > 1 && (!panicked || answered.disposition == Disposition::DeadLettered)
        };
        let ids: Vec<_> = answered.iter().filter(is_orderly).map(|answered| message_id(answered.message)).collect();
        attempts::end(&self.table, &ids, deadline + LAST_CALLS_TIME).await;
    }

    /// Deletes acknowledged messages before a suspect is handled: if that ends the process, Lambda never sees the answer.
    async fn delete_acknowledged(&self, answered: &[Answered<'_>], deadline: Instant) {
        let acknowledged = answered.iter().filter(|answered| answered.disposition != Disposition::Redeliver);
        let messages: Vec<_> = acknowledged.map(|answered| answered.message).collect();
        self.queue.delete(A::NAME, &messages, deadline + LAST_CALLS_TIME).await;
    }

    async fn fail_all<'a>(
        &self,
        messages: Vec<&'a SqsMessage>,
        failure: &Failure,
        deadline: Instant,
    ) -> Vec<Answered<'a>> {
        let answer = async |message| self.answer(message, None, Outcome::Failed(failure.clone()), deadline).await;
        join_all(messages.into_iter().map(answer)).await
    }

    /// Returns a message that was not applied to its queue, or moves it to the dead-letter queue.
    async fn answer<'a>(
        &self,
        message: &'a SqsMessage,
        event: Option<(Metadata, u64)>,
        outcome: Outcome,
        deadline: Instant,
    ) -> Answered<'a> {
        let answer_by = deadline + LAST_CALLS_TIME;
        let disposition = match &outcome {
            Outcome::Applied | Outcome::Duplicate => Disposition::Acknowledge,
            Outcome::Deferred(wait) => self.queue.defer(A::NAME, message, *wait, answer_by).await,
            Outcome::Failed(failure) => {
                self.queue.dispose(A::NAME, message, failure, self.clock.now(), answer_by).await
            }
        };
        Answered { message, event, outcome, disposition }
    }

    /// Logs and counts the batch, and names the messages that must be delivered again.
    fn report(&self, answered: &[Answered<'_>]) -> SqsBatchResponse {
        let mut metrics = BatchMetrics::new(A::NAME, answered.len());
        let mut response = SqsBatchResponse::default();
        for answered in answered {
            let event = answered.event.as_ref().map(|(metadata, lag_ms)| (metadata, *lag_ms));
            let age = age(answered.message, self.clock.now());
            metrics.add(answered.message, event, &answered.outcome, answered.disposition, age);
            if answered.disposition == Disposition::Redeliver {
                let mut failure = BatchItemFailure::default();
                message_id(answered.message).clone_into(&mut failure.item_identifier);
                response.batch_item_failures.push(failure);
            }
        }
        self.last_cost.set(self.apply.take_usage());
        metrics.report(self.last_cost.get(), self.clock.now());
        response
    }

    /// What the last batch cost.
    pub fn cost(&self) -> Usage {
        self.last_cost.get()
    }
}

/// Fails if there is no result by the deadline.
async fn in_time<T>(deadline: Instant, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let out_of_time = || Failure::retry("returned to the queue: no time was left");
    timeout_at(deadline, call).await.unwrap_or_else(|_| Err(out_of_time()))
}

fn message_id(message: &SqsMessage) -> &str {
    message.message_id.as_deref().unwrap_or_default()
}
