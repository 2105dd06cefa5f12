//! What can be emitted, and what can be read.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{EventId, InvalidValue, RawEnvelope};

/// Something that happened: one type and one version, emitted by one service.
pub trait Fact: Serialize + DeserializeOwned + JsonSchema {
    /// The name on the bus, in the past tense (`DetailType`).
    const TYPE: &'static str;
    /// Raised when a change is not additive.
    const VERSION: u32;
    /// What kind of thing it is about, in lower case.
    const AGGREGATE: &'static str;

    /// Which one it is about.
    fn aggregate_id(&self) -> &str;

    /// When it happened, by its own account, and where that stands in its data.
    fn timestamp_field(&self) -> (&'static str, Timestamp);

    /// What the field types cannot say, such as sums that must agree.
    fn validate(&self) -> Result<(), InvalidValue> {
        Ok(())
    }
}

/// How far a clock may be ahead of another's. What claims to come from further in the future is wrong, and would stay the newest,
/// and in the sums of a year to come, for as long.
pub const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(24);

/// What a consumer reads: one [`Fact`], or an enum of several.
pub trait DomainEvent: Sized {
    /// Reads the data of an envelope whose metadata is already known.
    fn parse(envelope: &RawEnvelope<'_>) -> Result<Self, ParseError>;
}

/// Why an envelope could not be read. Its text holds no value of the message, so that it may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text is no JSON, or a field is missing, unknown in type, or out of range.
    #[error("{path}: {reason}")]
    Malformed {
        /// Where in the message, such as `detail.data.items[0].quantity`.
        path: String,
        /// What is wrong there.
        reason: String,
    },
    /// This consumer does not read such events.
    #[error(
        "detail.metadata.event_type: this consumer does not read {0} events; check its rule, or deploy a consumer that does"
    )]
    UnknownType(String),
    /// The event is newer (or older) than this consumer.
    #[error(
        "detail.metadata.version: {event_type} version {found} is not known, only {known}; deploy a consumer that knows it, then redrive"
    )]
    UnknownVersion {
        /// The event's type.
        event_type: String,
        /// Its version.
        found: u32,
        /// The version that this consumer reads.
        known: u32,
    },
    /// Fields that contradict each other.
    #[error("{path}: {reason}")]
    Inconsistent {
        /// Where in the message.
        path: String,
        /// What disagrees with what.
        reason: String,
    },
}

impl ParseError {
    /// A short, stable name for dead-letter attributes and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::UnknownType(_) => "unknown_type",
            Self::UnknownVersion { .. } => "unknown_version",
            Self::Inconsistent { .. } => "inconsistent",
        }
    }
}

impl<T: Fact> DomainEvent for T {
    fn parse(envelope: &RawEnvelope<'_>) -> Result<Self, ParseError> {
        let metadata = &envelope.metadata;
        if metadata.event_type != T::TYPE {
            return Err(ParseError::UnknownType(shown(&metadata.event_type)));
        }
        if metadata.version != T::VERSION {
            return Err(ParseError::UnknownVersion {
                event_type: T::TYPE.into(),
                found: metadata.version,
                known: T::VERSION,
            });
        }
        let fact: T = crate::envelope::parse("detail.data", envelope.data.get())?;
        let inconsistent =
            |path: &str, reason: &str| ParseError::Inconsistent { path: path.into(), reason: reason.into() };
        if metadata.aggregate.kind != T::AGGREGATE || metadata.aggregate.id.as_str() != fact.aggregate_id() {
            return Err(inconsistent("detail.metadata.aggregate", "does not name what the data is about"));
        }
        if metadata.event_id != EventId::derive(T::TYPE, fact.aggregate_id(), metadata.aggregate.sequence) {
            return Err(inconsistent("detail.metadata.event_id", "is not derived from type, aggregate and sequence"));
        }
        let (field, timestamp) = fact.timestamp_field();
        if timestamp.duration_since(metadata.occurred_at) > MAX_CLOCK_SKEW {
            let reason = "lies more than a day after detail.metadata.occurred_at; correct the producer's clock";
            return Err(inconsistent(&format!("detail.data.{field}"), reason));
        }
        fact.validate().map_err(|reason| inconsistent("detail.data", &reason.0))?;
        Ok(fact)
    }
}

/// A type name from outside, cut to what may stand in an error.
fn shown(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(40).collect()
}
