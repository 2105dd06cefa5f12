//! Queue messages for the checks.

use switchyard_events::{Aggregate, AggregateId, Envelope, EventId, Fact, OrderId, OrderPlaced, parse_body};

/// The body of a queue message with the `n`th order of one user, a minute after the one before it.
pub fn order(n: u32) -> String {
    let sample = include_str!("../../../../events/samples/OrderPlaced.v1.json");
    let mut envelope: Envelope<OrderPlaced> = serde_json::from_str(sample).unwrap();
    let id = format!("ord_conformance{n}");
    envelope.data.order_id = OrderId::parse(id.as_str()).unwrap();
    envelope.data.placed_at += jiff::SignedDuration::from_mins(n.into());
    envelope.metadata.event_id = EventId::derive("OrderPlaced", &id, 1);
    envelope.metadata.aggregate = Aggregate { kind: "order".into(), id: AggregateId::parse(id).unwrap(), sequence: 1 };
    body(&envelope)
}

/// The body of a queue message with this event.
pub fn body<F: Fact>(envelope: &Envelope<F>) -> String {
    let (kind, detail) = (F::TYPE, serde_json::to_string(envelope).unwrap());
    format!(r#"{{"detail-type":"{kind}","detail":{detail}}}"#)
}

/// The identifier of the event in a body.
pub fn event_id(body: &str) -> EventId {
    parse_body(body).unwrap().metadata.event_id
}
