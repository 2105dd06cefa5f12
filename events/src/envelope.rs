//! The envelope around every event on the bus.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};

use crate::{AggregateId, CorrelationId, EventId, Fact, OutboxEntry, ParseError};

/// What lies on the bus as `Detail`: who says what about which thing, and the fact itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope<T> {
    /// Who, what, when and why.
    pub metadata: Metadata,
    /// The fact.
    pub data: T,
}

/// All of an event but the fact itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metadata {
    /// Derived from type, aggregate and sequence: the key of deduplication.
    pub event_id: EventId,
    /// The fact's name, the same as `DetailType`.
    pub event_type: String,
    /// The version of the fact's schema.
    pub version: u32,
    /// When it happened (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(deserialize_with = "crate::time::moment")]
    pub occurred_at: Timestamp,
    /// The service that says so.
    pub producer: String,
    /// Shared by all that one request caused.
    pub correlation_id: CorrelationId,
    /// The event that this one follows from, if any.
    pub causation_id: Option<EventId>,
    /// W3C trace context of the request, if any.
    pub traceparent: Option<String>,
    /// What the event is about.
    pub aggregate: Aggregate,
}

/// The thing an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Aggregate {
    /// Its kind, such as `order`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which one.
    pub id: AggregateId,
    /// The how-many-th event about it: later facts have higher numbers.
    pub sequence: u64,
}

/// Why an event is emitted: the request or the event before it.
#[derive(Debug, Clone)]
pub struct Cause {
    /// Handed on from what came before.
    pub correlation_id: CorrelationId,
    /// The event that this follows from, if it was an event.
    pub causation_id: Option<EventId>,
    /// W3C trace context, handed on.
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
    /// Puts a fact into its envelope.
    ///
    /// Fails only if the fact's aggregate id is not a valid one.
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

    /// The entry that the publisher will put on the bus.
    pub fn into_outbox_entry(self) -> Result<OutboxEntry, serde_json::Error> {
        Ok(OutboxEntry {
            source: format!("switchyard.{}", self.metadata.producer),
            detail_type: self.metadata.event_type.clone(),
            detail: serde_json::value::to_raw_value(&self)?,
        })
    }
}

/// An envelope of which only the metadata has been read.
#[derive(Debug, Deserialize)]
pub struct RawEnvelope<'a> {
    /// Who, what, when and why.
    pub metadata: Metadata,
    /// The fact, still text.
    #[serde(borrow)]
    pub data: &'a RawValue,
}

/// What EventBridge delivers to a queue; only its `detail` matters here.
#[derive(Deserialize)]
struct Delivery<'a> {
    #[serde(borrow)]
    detail: RawEnvelope<'a>,
}

/// Reads the metadata of an event from the body of a queue message.
pub fn parse_body(body: &str) -> Result<RawEnvelope<'_>, ParseError> {
    parse::<Delivery<'_>>("", body).map(|delivery| delivery.detail)
}

/// Reads JSON; the error says where and what, and repeats no value.
pub(crate) fn parse<'a, T: Deserialize<'a>>(prefix: &str, text: &'a str) -> Result<T, ParseError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| ParseError::Malformed {
        path: match (prefix, shown_path(error.path()).as_str()) {
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

/// Where in the JSON, by the names of fields; what the message itself calls them may be anything.
fn shown_path(path: &Path) -> String {
    path.iter().fold(String::new(), |shown, segment| match segment {
        Segment::Map { key } if shown.is_empty() => safe_field_name(key).to_owned(),
        Segment::Map { key } => format!("{shown}.{}", safe_field_name(key)),
        Segment::Seq { .. } => format!("{shown}{segment}"),
        Segment::Enum { .. } | Segment::Unknown => shown,
    })
}

/// A field's name as an error may repeat it. What could not be the name of one of our fields is `…`: it may be personal data.
pub fn safe_field_name(name: &str) -> &str {
    let plain = name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'-'));
    if plain { name } else { "…" }
}

/// Takes the offending value out of serde's messages (`invalid type: string "ada@example.com", expected u64`).
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
    fn an_error_repeats_no_value_of_the_message() {
        let error = parse::<Vec<u32>>("detail.data", r#"[1, "ada@example.com"]"#).unwrap_err();
        assert_eq!(error.to_string(), "detail.data.[1]: invalid type: string …, expected u32 at line 1 column 21");
    }

    #[test]
    fn an_error_repeats_no_name_that_is_none_of_ours() {
        let check = |body: &str, expected: &str| {
            let error = parse::<serde_json::Map<String, serde_json::Value>>("", body).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        };
        check(r#"{"ada@example.com": nil}"#, "…: ");
        check(r#"{"detail": nil}"#, "detail: ");
    }

    #[test]
    fn what_follows_the_json_is_an_error() {
        assert!(parse::<u32>("", "1 2").is_err());
    }
}
