//! [`Envelope`], the shape of every event on the bus, and its parser.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};

use crate::{AggregateId, CorrelationId, EventId, Fact, OutboxEntry, ParseError};

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
    ) -> Result<Self, crate::InvalidValue> {
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
    parse::<EventBridgeMessage<'_>>("", body).map(|message| message.detail)
}

/// Parses JSON. The error names the place, which begins with `prefix`, and the problem, but repeats no value.
pub(crate) fn parse<'a, T: Deserialize<'a>>(prefix: &str, text: &'a str) -> Result<T, ParseError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| ParseError::Malformed {
        path: match (prefix, safe_path(error.path()).as_str()) {
            ("", "") => "body".into(),
            ("", path) => path.into(),
            (prefix, "") => prefix.into(),
            (prefix, path) => format!("{prefix}.{path}"),
        },
        reason: without_values(&error.into_inner().to_string()),
    })?;
    json.end()
        .map_err(|error| ParseError::Malformed { path: "body".into(), reason: without_values(&error.to_string()) })?;
    Ok(value)
}

/// A place in the JSON as an error may repeat it: the field names of a message may contain anything.
fn safe_path(path: &Path) -> String {
    path.iter().fold(String::new(), |safe, segment| match segment {
        Segment::Map { key } if safe.is_empty() => safe_field_name(key).to_owned(),
        Segment::Map { key } => format!("{safe}.{}", safe_field_name(key)),
        Segment::Seq { .. } => format!("{safe}{segment}"),
        Segment::Enum { .. } | Segment::Unknown => safe,
    })
}

/// A field name as an error may repeat it. A name that cannot be one of our fields becomes `…`, because it may be
/// personal data.
pub fn safe_field_name(name: &str) -> &str {
    let plain = name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'-'));
    if plain { name } else { "…" }
}

/// Removes the invalid value from serde's messages (`invalid type: string "ada@example.com", expected u64`).
fn without_values(message: &str) -> String {
    let Some(start) = message.find(['"', '`']) else {
        return message.into();
    };
    let is_value =
        ["invalid type", "invalid value", "unknown variant", "unknown field"].iter().any(|p| message.starts_with(p));
    match message.rfind(", expected") {
        Some(end) if is_value && start < end => format!("{}…{}", &message[..start], &message[end..]),
        _ => message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_error_omits_message_values() {
        let error = parse::<Vec<u32>>("detail.data", r#"[1, "ada@example.com"]"#).unwrap_err();
        assert_eq!(error.to_string(), "detail.data.[1]: invalid type: string …, expected u32 at line 1 column 21");
    }

    #[test]
    fn parse_error_omits_unknown_field_names() {
        let check = |body: &str, expected: &str| {
            let error = parse::<serde_json::Map<String, serde_json::Value>>("", body).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        };
        check(r#"{"ada@example.com": nil}"#, "…: ");
        check(r#"{"detail": nil}"#, "detail: ");
    }

    #[test]
    fn parse_rejects_text_after_json() {
        assert!(parse::<u32>("", "1 2").is_err());
    }
}
