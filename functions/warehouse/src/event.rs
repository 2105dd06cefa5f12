//! What the warehouse hears of.

use switchyard_events::{DomainEvent, Fact, OrderConfirmed, OrderFlagged, OrderPlaced, ParseError, RawEnvelope};

use crate::Decision;

/// What the warehouse hears of.
#[derive(Debug, Clone)]
pub enum WarehouseEvent {
    /// An order has come.
    Placed(Box<OrderPlaced>),
    /// An order must wait for a person, or need not any more. The rule passes on no confirmation that follows from the order
    /// itself, since nothing had been held before.
    Decided(Decision),
}

impl DomainEvent for WarehouseEvent {
    fn parse(envelope: &RawEnvelope<'_>) -> Result<Self, ParseError> {
        let sequence = envelope.metadata.aggregate.sequence;
        let decided = |order_id, flagged| Self::Decided(Decision { order_id, sequence, flagged });
        match envelope.metadata.event_type.as_str() {
            OrderFlagged::TYPE => OrderFlagged::parse(envelope).map(|fact| decided(fact.order_id, true)),
            OrderConfirmed::TYPE => OrderConfirmed::parse(envelope).map(|fact| decided(fact.order_id, false)),
            // Refuses whatever else it is.
            _ => OrderPlaced::parse(envelope).map(|order| Self::Placed(Box::new(order))),
        }
    }
}
