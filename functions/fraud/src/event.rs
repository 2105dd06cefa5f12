//! The events that the fraud consumer subscribes to.

use switchyard_events::{DomainEvent, Fact, OrderCancelled, OrderPlaced, ParseError, RawEnvelope};

/// An event that changes what fraud knows of an order and of its user.
#[derive(Debug, Clone)]
pub enum FraudEvent {
    /// An order was placed.
    Placed(Box<OrderPlaced>),
    /// An order was cancelled.
    Cancelled(Box<OrderCancelled>),
}

impl DomainEvent for FraudEvent {
    fn parse(envelope: &RawEnvelope<'_>) -> Result<Self, ParseError> {
        match envelope.metadata.event_type.as_str() {
            OrderCancelled::TYPE => OrderCancelled::parse(envelope).map(|fact| Self::Cancelled(Box::new(fact))),
            // Returns an error for every other type.
            _ => OrderPlaced::parse(envelope).map(|order| Self::Placed(Box::new(order))),
        }
    }
}
