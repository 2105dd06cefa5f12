//! The events that the warehouse consumer subscribes to.

use switchyard_events::{DomainEvent, Fact, OrderConfirmed, OrderFlagged, OrderPlaced, ParseError, RawEnvelope};

use crate::hold::Decision;

/// An event that concerns the pick of an order.
#[derive(Debug, Clone)]
pub enum WarehouseEvent {
    /// An order was placed.
    Placed(Box<OrderPlaced>),
    /// Fraud flagged an order, or confirmed a flagged order after a review. The rule delivers no confirmation that follows
    /// directly from the order, as there is no hold to end.
    Decided(Decision),
}

impl DomainEvent for WarehouseEvent {
    fn parse(envelope: &RawEnvelope<'_>) -> Result<Self, ParseError> {
        let sequence = envelope.metadata.aggregate.sequence;
        let decided = |order_id, flagged| Self::Decided(Decision { order_id, sequence, flagged });
        match envelope.metadata.event_type.as_str() {
            OrderFlagged::TYPE => OrderFlagged::parse(envelope).map(|fact| decided(fact.order_id, true)),
            OrderConfirmed::TYPE => OrderConfirmed::parse(envelope).map(|fact| decided(fact.order_id, false)),
            // Returns an error for every other type.
            _ => OrderPlaced::parse(envelope).map(|order| Self::Placed(Box::new(order))),
        }
    }
}
