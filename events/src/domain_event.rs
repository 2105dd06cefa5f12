//! [`DomainEvent`]: what a consumer parses. Every [`Fact`] is one.

use jiff::SignedDuration;

use crate::{EventId, Fact, OlderData, ParseError, RawEnvelope, json};

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

impl<T: Fact> DomainEvent for T {
    fn parse(envelope: &RawEnvelope<'_>) -> Result<Self, ParseError> {
        let metadata = &envelope.metadata;
        if metadata.event_type != T::TYPE {
            return Err(ParseError::UnknownType(safe_type_name(&metadata.event_type)));
        }
        let older = OlderData { version: metadata.version, json: envelope.data.get() };
        let fact: T = match metadata.version {
            version if version == T::VERSION => json::parse("detail.data", envelope.data.get())?,
            version if (1..T::VERSION).contains(&version) => T::upcast(older)?,
            _ => return Err(older.unknown_version::<T>()),
        };
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
