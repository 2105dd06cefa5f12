//! The row of an order.

use switchyard_chassis::{Item, Key, Row, text_of};
use switchyard_events::{Cause, DomainEvent, Envelope, InvalidValue, OrderId, OrderPlaced, OutboxEntry, RawEnvelope};

/// The key of an order's row.
pub fn order_key(id: &OrderId) -> Key {
    Key::new(format!("ORDER#{id}"), "ORDER")
}

/// An order as its row stores it.
#[derive(Debug)]
pub struct StoredOrder {
    /// The fingerprint of the caller that placed the order.
    pub caller: String,
    /// The fingerprint of the request that placed the order.
    pub request_hash: String,
    pub order: OrderPlaced,
}

/// Why an order could not be converted to or from its row. The client is never the cause.
#[derive(Debug, thiserror::Error)]
pub enum OrderRowError {
    #[error("order row: {0}")]
    Json(#[from] serde_json::Error),
    #[error("order row: {0}")]
    Event(#[from] switchyard_events::ParseError),
    #[error("order row: {0}")]
    Invalid(#[from] InvalidValue),
    #[error("order row: {0} is missing")]
    Missing(&'static str),
}

impl StoredOrder {
    /// Converts to a row. The order itself is stored once, as the event in the outbox: a second copy of the lines would
    /// push most orders over the next kilobyte, and each kilobyte costs two write units.
    pub fn to_row(&self, cause: Cause) -> Result<Item, OrderRowError> {
        let order = &self.order;
        let envelope = Envelope::new(order.clone(), 1, "checkout", order.placed_at, cause)?;
        let outbox = OutboxEntry::to_attribute(&[envelope.into_outbox_entry()?])?;
        let row = Row::new(order_key(&order.order_id))
            .set("user_id", order.user_id.as_str())
            .set("caller", self.caller.as_str())
            .set("request_hash", self.request_hash.as_str())
            .set(OutboxEntry::ATTRIBUTE, outbox);
        Ok(row.into_item())
    }

    pub fn from_row(row: &Item) -> Result<Self, OrderRowError> {
        let text = |name: &'static str| text_of(row, name).ok_or(OrderRowError::Missing(name));
        let entries = OutboxEntry::from_attribute(text(OutboxEntry::ATTRIBUTE)?)?;
        let entry = entries.first().ok_or(OrderRowError::Missing(OutboxEntry::ATTRIBUTE))?;
        let envelope: RawEnvelope<'_> = serde_json::from_str(entry.detail.get())?;
        Ok(Self {
            caller: text("caller")?.to_owned(),
            request_hash: text("request_hash")?.to_owned(),
            order: OrderPlaced::parse(&envelope)?,
        })
    }
}
