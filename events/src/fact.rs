//! [`Fact`], what a service emits, and [`DomainEvent`], what a consumer parses.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{EventId, InvalidValue, RawEnvelope};

/// Something that happened. Each fact has one type and one version, and one service emits it.
///
/// ```
/// use jiff::Timestamp;
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use switchyard_events::{Fact, InvalidValue, OrderId};
///
/// /// An order has left the warehouse. Emitted by `warehouse`, sequence 7 of the order.
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// struct OrderShipped {
///     order_id: OrderId,
///     parcels: u32,
///     #[schemars(with = "String", extend("format" = "date-time"))]
///     shipped_at: Timestamp,
/// }
///
/// impl Fact for OrderShipped {
///     const TYPE: &'static str = "OrderShipped";
///     const VERSION: u32 = 1;
///     const AGGREGATE: &'static str = "order";
///
///     fn aggregate_id(&self) -> &str {
///         self.order_id.as_str()
///     }
///
///     fn timestamp_field(&self) -> (&'static str, Timestamp) {
///         ("shipped_at", self.shipped_at)
///     }
///
///     fn validate(&self) -> Result<(), InvalidValue> {
///         if self.parcels == 0 {
///             return Err(InvalidValue::new("parcels must be at least 1"));
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Fact: Serialize + DeserializeOwned + JsonSchema {
    /// The event's type, in the past tense (`DetailType` on the bus).
    const TYPE: &'static str;
    /// The version of the schema. A change that is not additive raises it.
    const VERSION: u32;
    /// The kind of the thing that the fact is about, in lower case, such as `order`.
    const AGGREGATE: &'static str;

    /// The identifier of the thing that the fact is about.
    fn aggregate_id(&self) -> &str;

    /// The field that says when the fact happened: its name in the JSON data, and its value.
    fn timestamp_field(&self) -> (&'static str, Timestamp);

    /// Checks rules that the types of the fields cannot express, such as a total that must be the sum of its lines.
    fn validate(&self) -> Result<(), InvalidValue> {
        Ok(())
    }
}

/// How far one service's clock may be ahead of another's. An event from further in the future is refused: it would be
/// the newest of its kind until that time comes, and would count in the sums of a later year.
pub const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(24);

/// What a consumer parses: one [`Fact`], or an enum of several.
///
/// ```
/// use switchyard_events::{DomainEvent, Fact, OrderConfirmed, OrderFlagged, ParseError, RawEnvelope};
///
/// enum FraudDecision {
///     Confirmed(OrderConfirmed),
///     Flagged(OrderFlagged),
/// }
///
/// impl DomainEvent for FraudDecision {
///     fn parse(envelope: &RawEnvelope<'_>) -> Result<Self, ParseError> {
///         match envelope.metadata.event_type.as_str() {
///             OrderFlagged::TYPE => OrderFlagged::parse(envelope).map(Self::Flagged),
///             _ => OrderConfirmed::parse(envelope).map(Self::Confirmed),
///         }
///     }
/// }
/// ```
pub trait DomainEvent: Sized {
    /// Parses the data of an envelope whose metadata is parsed already.
    fn parse(envelope: &RawEnvelope<'_>) -> Result<Self, ParseError>;
}

/// Why an envelope was refused. The text contains no value of the message, so it may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text is not JSON, or a field is missing, has the wrong type, or is out of range.
    #[error("{path}: {reason}")]
    Malformed {
        /// The place in the message, such as `detail.data.items[0].quantity`.
        path: String,
        /// What is wrong there.
        reason: String,
    },
    /// This consumer does not read events of this type.
    #[error(
        "detail.metadata.event_type: this consumer does not read {0} events; check its rule, or deploy a consumer that does"
    )]
    UnknownType(String),
    /// This consumer does not know this version of the event.
    #[error(
        "detail.metadata.version: {event_type} version {found} is not known, only {known}; deploy a consumer that knows it, then redrive"
    )]
    UnknownVersion {
        /// The event's type.
        event_type: String,
        /// The event's version.
        found: u32,
        /// The version that this consumer reads.
        known: u32,
    },
    /// Fields contradict each other.
    #[error("{path}: {reason}")]
    Inconsistent {
        /// The place in the message.
        path: String,
        /// The contradiction.
        reason: String,
    },
}

impl ParseError {
    /// A short, stable code for dead-letter attributes and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::UnknownType(_) => "unknown_type",
            Self::UnknownVersion { .. } => "unknown_version",
            Self::Inconsistent { .. } => "inconsistent",
        }
    }

    fn inconsistent(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Inconsistent { path: path.into(), reason: reason.into() }
    }
}

impl<T: Fact> DomainEvent for T {
    fn parse(envelope: &RawEnvelope<'_>) -> Result<Self, ParseError> {
        let metadata = &envelope.metadata;
        if metadata.event_type != T::TYPE {
            return Err(ParseError::UnknownType(safe_type_name(&metadata.event_type)));
        }
        if metadata.version != T::VERSION {
            return Err(ParseError::UnknownVersion {
                event_type: T::TYPE.into(),
                found: metadata.version,
                known: T::VERSION,
            });
        }
        let fact: T = crate::envelope::parse("detail.data", envelope.data.get())?;
        check_consistent(envelope, &fact)?;
        fact.validate().map_err(|invalid| ParseError::inconsistent("detail.data", invalid.0))?;
        Ok(fact)
    }
}

/// Compares the metadata with the data.
fn check_consistent<T: Fact>(envelope: &RawEnvelope<'_>, fact: &T) -> Result<(), ParseError> {
    let metadata = &envelope.metadata;
    if metadata.aggregate.kind != T::AGGREGATE || metadata.aggregate.id.as_str() != fact.aggregate_id() {
        let reason = "does not name what the data is about";
        return Err(ParseError::inconsistent("detail.metadata.aggregate", reason));
    }
    if metadata.event_id != EventId::derive(T::TYPE, fact.aggregate_id(), metadata.aggregate.sequence) {
        let reason = "is not derived from type, aggregate and sequence";
        return Err(ParseError::inconsistent("detail.metadata.event_id", reason));
    }
    let (field, timestamp) = fact.timestamp_field();
    if timestamp.duration_since(metadata.occurred_at) > MAX_CLOCK_SKEW {
        let reason = "is more than a day after detail.metadata.occurred_at; correct the producer's clock";
        return Err(ParseError::inconsistent(format!("detail.data.{field}"), reason));
    }
    Ok(())
}

/// A type name as an error may repeat it: an unknown name comes from outside and may contain anything.
fn safe_type_name(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(40).collect()
}
