//! [`PlacedOrCancelled`].

use crate::{DomainEvent, Fact, OrderCancelled, OrderPlaced, ParseError, RawEnvelope};

/// What a consumer reads that does something for an order, and undoes it when the order is cancelled.
///
/// The two events may arrive in any order. Both contain the whole order, so the second one need not wait for the first.
#[derive(Debug, Clone)]
pub enum PlacedOrCancelled {
    /// The order was placed.
    Placed(Box<OrderPlaced>),
    /// The order was cancelled. This happens at most once to an order, and never without its being placed.
    Cancelled(Box<OrderCancelled>),
}

impl PlacedOrCancelled {
    /// The order, the same in both events.
    pub fn order(&self) -> &OrderPlaced {
        match self {
            Self::Placed(order) => order,
            Self::Cancelled(cancelled) => &cancelled.order,
        }
    }
}

impl DomainEvent for PlacedOrCancelled {
    fn parse(envelope: &RawEnvelope<'_>) -> Result<Self, ParseError> {
        match envelope.metadata.event_type.as_str() {
            OrderCancelled::TYPE => OrderCancelled::parse(envelope).map(|fact| Self::Cancelled(Box::new(fact))),
            // Returns an error for every other type.
            _ => OrderPlaced::parse(envelope).map(|order| Self::Placed(Box::new(order))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_body;

    #[test]
    fn both_events_contain_the_same_order() {
        let parse = |event_type: &str, sample: &str| {
            let body = format!(r#"{{"detail-type":"{event_type}","detail":{sample}}}"#);
            PlacedOrCancelled::parse(&parse_body(&body).unwrap())
        };
        let placed = parse("OrderPlaced", include_str!("../samples/OrderPlaced.v1.json")).unwrap();
        let cancelled = parse("OrderCancelled", include_str!("../samples/OrderCancelled.v1.json")).unwrap();
        assert!(matches!((&placed, &cancelled), (PlacedOrCancelled::Placed(_), PlacedOrCancelled::Cancelled(_))));
        assert_eq!(placed.order(), cancelled.order());
        let other = parse("OrderConfirmed", include_str!("../samples/OrderConfirmed.v1.json"));
        assert!(matches!(other, Err(ParseError::UnknownType(_))), "{other:?}");
    }
}
