//! The events that the orders consumer subscribes to.

use switchyard_events::{
    DomainEvent, Fact, OrderConfirmed, OrderFlagged, ParseError, PickWaveReleased, PickWithdrawalRefused,
    PickWithdrawn, RawEnvelope,
};

/// An event that changes the status of an order.
#[derive(Debug, Clone)]
pub enum OrderStatusEvent {
    /// Fraud confirmed the order, either directly or after a review.
    Confirmed(OrderConfirmed),
    /// Fraud flagged the order; it waits for a review.
    Flagged(OrderFlagged),
    /// The warehouse released a page of a wave; the page names several orders.
    Released(PickWaveReleased),
    /// The warehouse will not pick the order, so it is cancelled.
    Withdrawn(PickWithdrawn),
    /// The order is on a pick list, so it is too late to cancel it.
    WithdrawalRefused(PickWithdrawalRefused),
}

impl DomainEvent for OrderStatusEvent {
    fn parse(envelope: &RawEnvelope<'_>) -> Result<Self, ParseError> {
        match envelope.metadata.event_type.as_str() {
            OrderConfirmed::TYPE => OrderConfirmed::parse(envelope).map(Self::Confirmed),
            OrderFlagged::TYPE => OrderFlagged::parse(envelope).map(Self::Flagged),
            PickWithdrawn::TYPE => PickWithdrawn::parse(envelope).map(Self::Withdrawn),
            PickWithdrawalRefused::TYPE => PickWithdrawalRefused::parse(envelope).map(Self::WithdrawalRefused),
            // Returns an error for every other type.
            _ => PickWaveReleased::parse(envelope).map(Self::Released),
        }
    }
}
