//! [`ListedOrder`]: the row that lists an order under its customer, and states it to the other services.

use jiff::Timestamp;
use switchyard_chassis::{Item, Key, Row, text_of, usd_of};
use switchyard_events::{Cause, Envelope, InvalidValue, OrderId, OutboxEntry, Usd, UserId};

use crate::stored_order::{OrderRowError, StoredOrder};

/// An order in the list of a caller's customer. Its row is written in the transaction of the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedOrder {
    /// The order.
    pub id: OrderId,
    /// The sum of its lines.
    pub total: Usd,
    /// When it was committed.
    pub placed_at: Timestamp,
}

impl ListedOrder {
    /// The prefix of the sort keys of these rows.
    pub const SK_PREFIX: &'static str = "ORDER#";

    /// The partition with the orders of a customer of this caller. Callers have separate lists, even of one customer.
    pub fn partition(caller: &str, user_id: &UserId) -> String {
        format!("USER#{caller}#{user_id}")
    }

    /// The key of the row that lists an order. Text order is time order.
    pub fn key(order: &StoredOrder) -> Key {
        let partition = Self::partition(&order.caller, &order.user_id);
        Key::new(partition, format!("{}{:.3}#{}", Self::SK_PREFIX, order.placed_at, order.id))
    }

    /// The row that lists an order. Its outbox has the order's `OrderPlaced`.
    pub fn row(order: &StoredOrder, cause: Cause) -> Result<Row, OrderRowError> {
        let envelope = Envelope::new(order.to_placed(), 1, "checkout", order.placed_at, cause)?;
        let outbox = OutboxEntry::to_attribute(&[envelope.into_outbox_entry()?])?;
        // Time and id are in the key. To repeat them would push most rows over the first kilobyte.
        Ok(Row::new(Self::key(order)).set("total_usd", order.total).set(OutboxEntry::ATTRIBUTE, outbox))
    }

    /// Reads a row.
    pub fn from_row(row: &Item) -> Result<Self, OrderRowError> {
        let sk = text_of(row, "sk").and_then(|sk| sk.strip_prefix(Self::SK_PREFIX));
        let (placed_at, id) = sk.and_then(|sk| sk.split_once('#')).ok_or(OrderRowError::Missing("sk"))?;
        Ok(Self {
            id: OrderId::parse(id)?,
            total: usd_of(row, "total_usd").ok_or(OrderRowError::Missing("total_usd"))?,
            placed_at: placed_at.parse().map_err(|_| InvalidValue::new("placed_at is no time"))?,
        })
    }
}
