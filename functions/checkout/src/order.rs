//! An order: as the row that is written once, and as what clients are told of it.

use std::collections::HashMap;

use jiff::Timestamp;
use orders::OrderStatus;
use serde::Serialize;
use switchyard_chassis::{Item, Key, Row, text_of};
use switchyard_events::{
    Cause, DomainEvent, Envelope, InvalidValue, OrderId, OrderLine, OrderPlaced, OutboxEntry, RawEnvelope, Sku, Usd,
};

use crate::catalog::Product;
use crate::ticket::Ticket;

/// Where an order lies.
pub(crate) fn key_of(id: &OrderId) -> Key {
    Key::new(format!("ORDER#{id}"), "ORDER")
}

/// Puts prices on a cart.
pub(crate) fn price(ticket: &Ticket, products: &HashMap<Sku, Product>) -> Result<OrderPlaced, InvalidValue> {
    let cart = &ticket.cart;
    let lines = cart.lines.iter().filter_map(|line| Some((line, products.get(&line.sku)?)));
    let items: Vec<OrderLine> = lines
        .map(|(line, product)| OrderLine {
            sku: line.sku.clone(),
            name: product.name.clone(),
            quantity: line.quantity,
            unit_price_usd: product.price,
            taxable: product.taxable,
        })
        .collect();
    Ok(OrderPlaced {
        order_id: ticket.id.clone(),
        user_id: cart.user_id.clone(),
        email: cart.email.clone(),
        // Parsed, because no consumer would read a sum above the limit of an amount.
        total_usd: Usd::parse(&OrderPlaced::sum(&items).to_string())?,
        items,
        ship_to: cart.ship_to.clone(),
        placed_at: ticket.placed_at,
    })
}

/// An order that is in the table.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) caller: String,
    pub(crate) request_hash: String,
    pub(crate) order: OrderPlaced,
}

/// Why a row or an event could not be made or read; never the client's doing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("order row: {0}")]
    Json(#[from] serde_json::Error),
    #[error("order row: {0}")]
    Event(#[from] switchyard_events::ParseError),
    #[error("order row: {0}")]
    Invalid(#[from] InvalidValue),
    #[error("order row: {0} is missing")]
    Missing(&'static str),
}

impl Stored {
    /// The row. The order itself lies in it once, as the event in its outbox: a second copy of the lines would push most orders
    /// over the next kilobyte, and each costs two write units.
    pub(crate) fn to_row(&self, cause: Cause) -> Result<Item, Unusable> {
        let order = &self.order;
        let envelope = Envelope::new(order.clone(), 1, "checkout", order.placed_at, cause)?;
        let outbox = OutboxEntry::to_attribute(&[envelope.into_outbox_entry()?])?;
        let row = Row::new(key_of(&order.order_id))
            .set("user_id", order.user_id.as_str())
            .set("caller", self.caller.as_str())
            .set("request_hash", self.request_hash.as_str())
            .set(OutboxEntry::ATTRIBUTE, outbox);
        Ok(row.into_item())
    }

    pub(crate) fn of(row: &Item) -> Result<Self, Unusable> {
        let text = |name: &'static str| text_of(row, name).ok_or(Unusable::Missing(name));
        let entries = OutboxEntry::from_attribute(text(OutboxEntry::ATTRIBUTE)?)?;
        let entry = entries.first().ok_or(Unusable::Missing(OutboxEntry::ATTRIBUTE))?;
        let envelope: RawEnvelope<'_> = serde_json::from_str(entry.detail.get())?;
        Ok(Self {
            caller: text("caller")?.to_owned(),
            request_hash: text("request_hash")?.to_owned(),
            order: OrderPlaced::parse(&envelope)?,
        })
    }
}

/// What a client is told when its order is placed, and told again, byte for byte, when it repeats the request.
pub(crate) fn accepted(order: &OrderPlaced) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Accepted<'a> {
        order_id: &'a OrderId,
        status: OrderStatus,
        total_usd: Usd,
        placed_at: Timestamp,
    }
    serde_json::to_string(&Accepted {
        order_id: &order.order_id,
        status: OrderStatus::Received,
        total_usd: order.total_usd,
        placed_at: order.placed_at,
    })
}

/// What a client is told of its order later. Address and mail are not in it: the client has them.
pub(crate) fn shown(stored: &Stored, status: OrderStatus) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Shown<'a> {
        order_id: &'a OrderId,
        status: OrderStatus,
        total_usd: Usd,
        items: &'a [OrderLine],
        placed_at: Timestamp,
    }
    serde_json::to_string(&Shown {
        order_id: &stored.order.order_id,
        status,
        total_usd: stored.order.total_usd,
        items: &stored.order.items,
        placed_at: stored.order.placed_at,
    })
}
