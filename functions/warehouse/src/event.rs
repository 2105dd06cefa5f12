//! The events that the warehouse consumer subscribes to.

use jiff::Timestamp;
use switchyard_events::{
    CancellationReason, CancellationRequested, DomainEvent, Fact, OrderConfirmed, OrderFlagged, OrderId, OrderPlaced,
    OrderRejected, ParseError, RawEnvelope,
};

/// An event that concerns the pick of an order.
#[derive(Debug, Clone)]
pub enum WarehouseEvent {
    /// An order was placed.
    Placed(Box<OrderPlaced>),
    /// Fraud or a reviewer confirmed an order.
    Confirmed(OrderId, Timestamp),
    /// An order must not be picked, for this reason.
    Cancel(OrderId, CancellationReason),
    /// Fraud flagged an order. The rule delivers none of these; some may be left in the queue from the version before.
    Flagged(OrderId),
}

impl DomainEvent for WarehouseEvent {
    fn parse(envelope: &RawEnvelope<'_>) -> Result<Self, ParseError> {
        use CancellationReason::{Rejected, Requested};
        match envelope.metadata.event_type.as_str() {
            OrderConfirmed::TYPE => {
                OrderConfirmed::parse(envelope).map(|fact| Self::Confirmed(fact.order_id, fact.confirmed_at))
            }
            OrderRejected::TYPE => OrderRejected::parse(envelope).map(|fact| Self::Cancel(fact.order_id, Rejected)),
            CancellationRequested::TYPE => {
                CancellationRequested::parse(envelope).map(|fact| Self::Cancel(fact.order_id, Requested))
            }
            OrderFlagged::TYPE => OrderFlagged::parse(envelope).map(|fact| Self::Flagged(fact.order_id)),
            // Returns an error for every other type.
            _ => OrderPlaced::parse(envelope).map(|order| Self::Placed(Box::new(order))),
        }
    }
}
