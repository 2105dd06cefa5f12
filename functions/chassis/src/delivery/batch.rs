//! One invocation: up to ten messages, each parsed, applied and answered on its own.

use std::cell::Cell;
use std::collections::HashMap;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::join_all;
use jiff::SignedDuration;
use switchyard_events::{DomainEvent, EventId, MAX_CLOCK_SKEW, parse_body};
use tokio::time::Instant;

use crate::delivery::apply::Apply;
use crate::delivery::dedup::DedupConfig;
use crate::delivery::leased::Leased;
use crate::delivery::transactional::Transactional;
use crate::sqs::queue::{Disposition, receive_count};
use crate::telemetry::batch_metrics::BatchMetrics;
use crate::{Clock, Consumer, Failure, Outcome, Queue, Received, Sender, Table, Usage};

/// The reason of an event that is ahead of this machine's clock.
const IN_THE_FUTURE: &str = "detail.metadata.occurred_at: is more than a day in the future; correct the producer's clock, or redrive \
                             when that time has come";

/// Handles batches of one consumer.
pub struct Batch<A> {
    apply: A,
    queue: Queue,
    clock: Clock,
    last_cost: Cell<Usage>,
}

/// The messages of one invocation, parsed.
struct ParsedBatch<'a, E> {
    /// Every event once, in the order of its first message.
    events: Vec<Received<E>>,
    messages: Vec<ParsedMessage<'a>>,
}

/// One message and what it holds.
struct ParsedMessage<'a> {
    message: &'a SqsMessage,
    content: Content,
}

enum Content {
    /// The first message of the event with this index.
    Event(usize),
    /// Another message of the event with this index.
    Repeat(usize),
    /// Not an event that this consumer can read.
    Unreadable(Failure),
}

impl<E> ParsedBatch<'_, E> {
    fn add(&mut self, event: Received<E>, index_of: &mut HashMap<EventId, usize>) -> Content {
        if let Some(&index) = index_of.get(&event.metadata.event_id) {
            return Content::Repeat(index);
        }
        let index = self.events.len();
        index_of.insert(event.metadata.event_id.clone(), index);
        self.events.push(event);
        Content::Event(index)
    }
}

impl<C: Consumer> Batch<Transactional<C>> {
    /// Batches of a consumer whose effect is stored in its table.
    pub fn transactional(consumer: C, table: Table, queue: Queue, dedup: DedupConfig, clock: Clock) -> Self {
        Self::new(Transactional { consumer, table, clock: clock.clone(), dedup }, queue, clock)
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
        Self::new(Leased { sender, table, clock: clock.clone(), lease, dedup }, queue, clock)
    }
}

impl<A: Apply> Batch<A> {
    fn new(apply: A, queue: Queue, clock: Clock) -> Self {
        Self { apply, queue, clock, last_cost: Cell::default() }
    }

    /// Handles a batch. The response names the messages that must be delivered again.
    pub async fn process(&self, batch: SqsEvent, deadline: Instant) -> SqsBatchResponse {
        let ParsedBatch { events, messages } = self.parse_all(&batch.records);
        let outcomes = self.apply.apply(&events, deadline).await;
        let answered = join_all(messages.iter().map(async |parsed| {
            let outcome = parsed.outcome(&outcomes);
            let disposition = self.answer(parsed.message, &outcome).await;
            (parsed, outcome, disposition)
        }));
        let mut metrics = BatchMetrics::new(A::NAME, messages.len());
        let mut response = SqsBatchResponse::default();
        for (parsed, outcome, disposition) in answered.await {
            let event = parsed.event_index().map(|index| &events[index]);
            metrics.add(parsed.message, event.map(|event| (&event.metadata, event.lag_ms())), &outcome, disposition);
            if disposition == Disposition::Redeliver {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = parsed.message.message_id.clone().unwrap_or_default();
                response.batch_item_failures.push(failure);
            }
        }
        self.last_cost.set(self.apply.take_usage());
        metrics.report(self.last_cost.get(), self.clock.now());
        response
    }

    fn parse_all<'a>(&self, messages: &'a [SqsMessage]) -> ParsedBatch<'a, A::Event> {
        let mut batch = ParsedBatch { events: Vec::new(), messages: Vec::new() };
        let mut index_of: HashMap<EventId, usize> = HashMap::new();
        for message in messages {
            let content = match self.parse(message) {
                Err(failure) => Content::Unreadable(failure),
                Ok(event) => batch.add(event, &mut index_of),
            };
            batch.messages.push(ParsedMessage { message, content });
        }
        batch
    }

    fn parse(&self, message: &SqsMessage) -> Result<Received<A::Event>, Failure> {
        let raw = parse_body(message.body.as_deref().unwrap_or_default())?;
        let event = A::Event::parse(&raw)?;
        let (metadata, received_at) = (raw.metadata, self.clock.now());
        if metadata.occurred_at.duration_since(received_at) > MAX_CLOCK_SKEW {
            return Err(Failure::reject("in_the_future", IN_THE_FUTURE));
        }
        Ok(Received { event, metadata, receive_count: receive_count(message), received_at })
    }

    /// Returns a message that was not applied to its queue, or moves it to the dead-letter queue.
    async fn answer(&self, message: &SqsMessage, outcome: &Outcome) -> Disposition {
        match outcome {
            Outcome::Applied | Outcome::Duplicate => Disposition::Acknowledge,
            Outcome::Deferred(wait) => self.queue.defer(A::NAME, message, *wait).await,
            Outcome::Failed(failure) => self.queue.dispose(A::NAME, message, failure).await,
        }
    }

    /// What the last batch cost.
    pub fn cost(&self) -> Usage {
        self.last_cost.get()
    }
}

impl ParsedMessage<'_> {
    fn event_index(&self) -> Option<usize> {
        match self.content {
            Content::Event(index) | Content::Repeat(index) => Some(index),
            Content::Unreadable(_) => None,
        }
    }

    /// The message's outcome: that of its event, or why it cannot be read. Of several messages of one event only the first applies it.
    fn outcome(&self, outcomes: &[Outcome]) -> Outcome {
        match &self.content {
            Content::Unreadable(failure) => Outcome::Failed(failure.clone()),
            Content::Repeat(index) if outcomes[*index] == Outcome::Applied => Outcome::Duplicate,
            Content::Event(index) | Content::Repeat(index) => outcomes[*index].clone(),
        }
    }
}
