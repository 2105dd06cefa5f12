//! [`Envelope`]: the shape of every event on the bus.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{AggregateId, CorrelationId, EventId, Fact, InvalidValue, OutboxEntry, ParseError, json};

/// The `Detail` of an entry on the bus: metadata, and the fact itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope<T> {
    /// Identity, type, time and cause of the event.
    pub metadata: Metadata,
    /// The fact.
    pub data: T,
}

/// Everything about an event except the fact itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metadata {
    /// The key for deduplication, derived from type, aggregate and sequence.
    pub event_id: EventId,
    /// The fact's type, the same as `DetailType`.
    pub event_type: String,
    /// The version of the fact's schema.
    pub version: u32,
    /// When the event happened (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(deserialize_with = "crate::time::deserialize_timestamp")]
    pub occurred_at: Timestamp,
    /// The service that emitted the event.
    pub producer: String,
    /// Shared by all events that one request caused.
    pub correlation_id: CorrelationId,
    /// The event that caused this one; null if a request caused it.
    pub causation_id: Option<EventId>,
    /// The `traceparent` of the request, if it had one (<https://www.w3.org/TR/trace-context/#traceparent-header>).
    pub traceparent: Option<String>,
    /// The thing that the event is about.
    pub aggregate: Aggregate,
}

/// The thing an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Aggregate {
    /// The kind of thing, such as `order`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The identifier of the thing.
    pub id: AggregateId,
    /// The event's number among the events about this thing. A later fact has a higher number.
    pub sequence: u64,
}

/// The request or the event that causes a new event. The new event inherits its correlation and its trace.
#[derive(Debug, Clone)]
pub struct Cause {
    /// Copied from the request or event.
    pub correlation_id: CorrelationId,
    /// The causing event; none if a request is the cause.
    pub causation_id: Option<EventId>,
    /// Copied from the request or event.
    pub traceparent: Option<String>,
}

impl From<&Metadata> for Cause {
    fn from(metadata: &Metadata) -> Self {
        Self {
            correlation_id: metadata.correlation_id.clone(),
            causation_id: Some(metadata.event_id.clone()),
            traceparent: metadata.traceparent.clone(),
        }
    }
}

impl<T: Fact> Envelope<T> {
    /// Wraps a fact. The event id is derived from the fact and `sequence`, so two facts of one type about one aggregate
    /// need different sequences.
    ///
    /// # Errors
    ///
    /// The fact's aggregate id is not a valid [`AggregateId`].
    pub fn new(
        data: T,
        sequence: u64,
        producer: &str,
        occurred_at: Timestamp,
        cause: Cause,
    ) -> Result<Self, InvalidValue> {
        let metadata = Metadata {
            event_id: EventId::derive(T::TYPE, data.aggregate_id(), sequence),
            event_type: T::TYPE.into(),
            version: T::VERSION,
            occurred_at,
            producer: producer.into(),
            correlation_id: cause.correlation_id,
            causation_id: cause.causation_id,
            traceparent: cause.traceparent,
            aggregate: Aggregate { kind: T::AGGREGATE.into(), id: AggregateId::parse(data.aggregate_id())?, sequence },
        };
        Ok(Self { metadata, data })
    }

    /// Converts the event to the form in which a row stores it and the publisher reads it.
    pub fn into_outbox_entry(self) -> Result<OutboxEntry, serde_json::Error> {
        Ok(OutboxEntry {
            source: format!("switchyard.{}", self.metadata.producer),
            detail_type: self.metadata.event_type.clone(),
            detail: serde_json::value::to_raw_value(&self)?,
        })
    }
}

/// An envelope of which only the metadata is parsed.
#[derive(Debug, Deserialize)]
pub struct RawEnvelope<'a> {
    /// Identity, type, time and cause of the event.
    pub metadata: Metadata,
    /// The fact as JSON text.
    #[serde(borrow)]
    pub data: &'a RawValue,
}

/// The message that EventBridge sends to a queue. Only its `detail` is parsed.
#[derive(Deserialize)]
struct EventBridgeMessage<'a> {
    #[serde(borrow)]
    detail: RawEnvelope<'a>,
}

/// Parses the metadata of an event from the body of a queue message; [`DomainEvent::parse`](crate::DomainEvent::parse)
/// parses the rest.
pub fn parse_body(body: &str) -> Result<RawEnvelope<'_>, ParseError> {
    json::parse::<EventBridgeMessage<'_>>("", body).map(|message| message.detail)
}
