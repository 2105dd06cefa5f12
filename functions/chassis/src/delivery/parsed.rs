//! The events in a batch of messages.

use std::collections::HashMap;

use aws_lambda_events::sqs::SqsMessage;
use jiff::Timestamp;
use switchyard_events::{DomainEvent, EventId, MAX_CLOCK_SKEW, parse_body};

use crate::sqs::queue::receive_count;
use crate::{Failure, Outcome, Received};

/// The reason of an event that is ahead of this machine's clock.
const IN_THE_FUTURE: &str = "detail.metadata.occurred_at: is more than a day in the future; correct the producer's clock, or redrive \
                             when that time has come";

/// Messages, parsed.
pub(crate) struct ParsedMessages<'a, E> {
    /// Every event once, in the order of its first message.
    pub events: Vec<Received<E>>,
    pub messages: Vec<ParsedMessage<'a>>,
}

/// One message and what it holds.
pub(crate) struct ParsedMessage<'a> {
    pub message: &'a SqsMessage,
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

impl<'a, E: DomainEvent> ParsedMessages<'a, E> {
    /// Parses messages that are received now.
    pub(crate) fn parse(messages: &[&'a SqsMessage], now: Timestamp) -> Self {
        let mut parsed = Self { events: Vec::new(), messages: Vec::new() };
        let mut index_of: HashMap<EventId, usize> = HashMap::new();
        for &message in messages {
            let content = match parse_event(message, now) {
                Err(failure) => Content::Unreadable(failure),
                Ok(event) => parsed.add(event, &mut index_of),
            };
            parsed.messages.push(ParsedMessage { message, content });
        }
        parsed
    }

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

impl ParsedMessage<'_> {
    pub(crate) fn event_index(&self) -> Option<usize> {
        match self.content {
            Content::Event(index) | Content::Repeat(index) => Some(index),
            Content::Unreadable(_) => None,
        }
    }

    /// The message's outcome: that of its event, or why it cannot be read. Of several messages of one event only the first applies it.
    pub(crate) fn outcome(&self, outcomes: &[Outcome]) -> Outcome {
        match &self.content {
            Content::Unreadable(failure) => Outcome::Failed(failure.clone()),
            Content::Repeat(index) if outcomes[*index] == Outcome::Applied => Outcome::Duplicate,
            Content::Event(index) | Content::Repeat(index) => outcomes[*index].clone(),
        }
    }
}

fn parse_event<E: DomainEvent>(message: &SqsMessage, now: Timestamp) -> Result<Received<E>, Failure> {
    let raw = parse_body(message.body.as_deref().unwrap_or_default())?;
    let event = E::parse(&raw)?;
    if raw.metadata.occurred_at.duration_since(now) > MAX_CLOCK_SKEW {
        return Err(Failure::reject("in_the_future", IN_THE_FUTURE));
    }
    Ok(Received { event, metadata: raw.metadata, receive_count: receive_count(message), received_at: now })
}
