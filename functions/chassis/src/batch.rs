//! One invocation: up to ten messages, each read, applied and answered for on its own.

use std::cell::Cell;
use std::collections::HashMap;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::join_all;
use jiff::SignedDuration;
use switchyard_events::{DomainEvent, EventId, MAX_CLOCK_SKEW, parse_body};
use tokio::time::Instant;

use crate::apply::{Apply, Transactional};
use crate::lease::Leased;
use crate::metrics::Tally;
use crate::queue::{Disposal, receives};
use crate::{Clock, Consumer, Env, Failure, Outcome, Queue, Received, Sender, Table, Usage};

/// What is said of an event that is ahead of this machine's clock.
const IN_THE_FUTURE: &str = "detail.metadata.occurred_at: lies more than a day in the future; correct the producer's clock, or redrive \
                             when that time has come";

/// Handles batches of one consumer.
pub struct Batch<A> {
    apply: A,
    queue: Queue,
    clock: Clock,
    cost: Cell<Usage>,
}

/// How long a consumer remembers an event, and which telling of history it is in.
#[derive(Debug, Clone, Copy)]
pub struct DedupConfig {
    /// Days that a separate marker lives; longer than an event can come back.
    pub marker_ttl_days: i64,
    /// Raised by an operator to apply history again on purpose.
    pub generation: u32,
}

impl DedupConfig {
    /// Reads `MARKER_TTL_DAYS` and `GENERATION`.
    pub fn from_env(env: &mut Env) -> Self {
        Self { marker_ttl_days: env.or("MARKER_TTL_DAYS", 90), generation: env.or("GENERATION", 1) }
    }

    fn marker_ttl(self) -> SignedDuration {
        SignedDuration::from_hours(24 * self.marker_ttl_days)
    }
}

impl<C: Consumer> Batch<Transactional<C>> {
    /// Batches of a consumer whose effect lies in its table.
    pub fn transactional(consumer: C, table: Table, queue: Queue, memory: DedupConfig, clock: Clock) -> Self {
        let generation = memory.generation;
        let apply =
            Transactional { consumer, table, clock: clock.clone(), marker_ttl: memory.marker_ttl(), generation };
        Self { apply, queue, clock, cost: Cell::default() }
    }
}

impl<S: Sender> Batch<Leased<S>> {
    /// Batches of a consumer whose effect lies elsewhere, guarded by a lease in its table.
    pub fn leased(
        sender: S,
        table: Table,
        queue: Queue,
        lease: SignedDuration,
        memory: DedupConfig,
        clock: Clock,
    ) -> Self {
        let apply = Leased {
            sender,
            table,
            clock: clock.clone(),
            lease,
            marker_ttl: memory.marker_ttl(),
            generation: memory.generation,
        };
        Self { apply, queue, clock, cost: Cell::default() }
    }
}

impl<A: Apply> Batch<A> {
    /// Handles a batch and says which messages must come back.
    pub async fn process(&self, batch: SqsEvent, deadline: Instant) -> SqsBatchResponse {
        let messages = batch.records;
        let mut events: Vec<Received<A::Event>> = Vec::new();
        let mut first: HashMap<EventId, usize> = HashMap::new();
        // For each message the event that stands for it, or why there is none.
        let mut standing: Vec<Result<usize, Failure>> = Vec::new();
        let mut twin: Vec<bool> = Vec::new();
        for message in &messages {
            let read = self.read(message);
            twin.push(read.as_ref().is_ok_and(|event| first.contains_key(&event.metadata.event_id)));
            standing.push(read.map(|event| {
                *first.entry(event.metadata.event_id.clone()).or_insert_with(|| {
                    events.push(event);
                    events.len() - 1
                })
            }));
        }
        let outcomes = self.apply.apply(&events, deadline).await;
        let outcomes = standing.into_iter().zip(twin).map(|(standing, twin)| match standing {
            Ok(event) if twin && outcomes[event] == Outcome::Done => (Some(event), Outcome::Duplicate),
            Ok(event) => (Some(event), outcomes[event].clone()),
            Err(failure) => (None, Outcome::Failed(failure)),
        });
        self.answer(&messages, &events, outcomes.collect()).await
    }

    fn read(&self, message: &SqsMessage) -> Result<Received<A::Event>, Failure> {
        let raw = parse_body(message.body.as_deref().unwrap_or_default())?;
        let event = A::Event::parse(&raw)?;
        let (metadata, received_at) = (raw.metadata, self.clock.now());
        if metadata.occurred_at.duration_since(received_at) > MAX_CLOCK_SKEW {
            return Err(Failure::reject("in_the_future", IN_THE_FUTURE));
        }
        Ok(Received { event, metadata, receive_count: receives(message), received_at })
    }

    /// Deals with every message that failed, and reports.
    async fn answer(
        &self,
        messages: &[SqsMessage],
        events: &[Received<A::Event>],
        outcomes: Vec<(Option<usize>, Outcome)>,
    ) -> SqsBatchResponse {
        let disposals = join_all(messages.iter().zip(&outcomes).map(async |(message, (_, outcome))| match outcome {
            Outcome::Failed(failure) => Some(self.queue.dispose(A::NAME, message, failure).await),
            Outcome::Deferred(wait) => Some(self.queue.defer(A::NAME, message, *wait).await),
            Outcome::Done | Outcome::Duplicate => None,
        }))
        .await;
        let mut tally = Tally::new(A::NAME, messages.len());
        let mut response = SqsBatchResponse::default();
        for ((message, (event, outcome)), disposal) in messages.iter().zip(&outcomes).zip(disposals) {
            let event = event.map(|event| &events[event]);
            tally.add(message, event.map(|event| (&event.metadata, event.lag_ms())), outcome, disposal);
            if disposal == Some(Disposal::Back) {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = message.message_id.clone().unwrap_or_default();
                response.batch_item_failures.push(failure);
            }
        }
        self.cost.set(self.apply.take_usage());
        tally.report(self.cost.get(), self.clock.now());
        response
    }

    /// What the last batch cost.
    pub fn cost(&self) -> Usage {
        self.cost.get()
    }
}
