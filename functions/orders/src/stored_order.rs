//! [`StoredOrder`]: an order as this service stores it.

use jiff::Timestamp;
use switchyard_chassis::{Item, Key, Row, count_of, text_of, usd_of};
use switchyard_events::{
    Address, CountryCode, DomainEvent, EmailAddress, InvalidValue, OrderId, OrderLine, OrderPlaced, OutboxEntry,
    ParseError, PostalCode, Quantity, RawEnvelope, Redacted, RegionCode, Sku, Usd, UserId,
};

/// An order as its row stores it. The record belongs to the order service: it does not change with the events, and readers accept
/// all versions up to [`StoredOrder::VERSION`].
#[derive(Debug, Clone, PartialEq)]
pub struct StoredOrder {
    /// The order.
    pub id: OrderId,
    /// The fingerprint of the caller that placed the order; only that caller may see it.
    pub caller: String,
    /// The hash of the request that placed the order, to recognize a repeat.
    pub request_hash: String,
    /// The customer.
    pub user_id: UserId,
    /// Where mail about the order is sent.
    pub email: Redacted<EmailAddress>,
    /// Where the goods are sent.
    pub address: Redacted<Address>,
    /// The lines: 1 to 50, each product once.
    pub lines: Vec<OrderLine>,
    /// The sum of the lines.
    pub total: Usd,
    /// When the order was committed.
    pub placed_at: Timestamp,
}

/// Why an order could not be read from its row. The client is never the cause.
#[derive(Debug, thiserror::Error)]
pub enum OrderRowError {
    /// A text in the row is not the JSON that it should be.
    #[error("order row: {0}")]
    Json(#[from] serde_json::Error),
    /// The event in a row of version 0 is not valid.
    #[error("order row: {0}")]
    Event(#[from] ParseError),
    /// A value is not valid.
    #[error("order row: {0}")]
    Invalid(#[from] InvalidValue),
    /// An attribute is missing, or has another type.
    #[error("order row: {0} is missing")]
    Missing(&'static str),
    /// A newer version of this service wrote the row.
    #[error("order row: version {0} is not known; update this function")]
    UnknownVersion(u64),
}

/// A line as the row stores it: an array, because the names of fields would take more bytes than the values.
type StoredLine = (Sku, String, Quantity, Usd, bool);

/// The key of an order's row.
pub fn order_key(id: &OrderId) -> Key {
    Key::new(format!("ORDER#{id}"), "ORDER")
}

impl StoredOrder {
    /// The version that [`StoredOrder::to_row`] writes.
    pub const VERSION: u32 = 1;

    /// The order that an event describes.
    pub fn from_placed(placed: OrderPlaced, caller: String, request_hash: String) -> Self {
        Self {
            id: placed.order_id,
            caller,
            request_hash,
            user_id: placed.user_id,
            email: placed.email,
            address: placed.ship_to,
            lines: placed.items,
            total: placed.total_usd,
            placed_at: placed.placed_at,
        }
    }

    /// The event that describes the order.
    pub fn to_placed(&self) -> OrderPlaced {
        OrderPlaced {
            order_id: self.id.clone(),
            user_id: self.user_id.clone(),
            email: self.email.clone(),
            total_usd: self.total,
            items: self.lines.clone(),
            ship_to: self.address.clone(),
            placed_at: self.placed_at,
        }
    }

    /// Converts to a row. Each started kilobyte of a row costs two write units, so the row is compact: it has a kilobyte at about
    /// ten lines.
    pub fn to_row(&self) -> Result<Row, OrderRowError> {
        let Address { country, region, postal_code } = self.address.reveal();
        let lines = self.lines.iter();
        let lines = lines.map(|line| (&line.sku, &line.name, line.quantity, line.unit_price_usd, line.taxable));
        let lines = serde_json::to_string(&lines.collect::<Vec<_>>())?;
        Ok(Row::new(order_key(&self.id))
            .set("v", Self::VERSION)
            .set("caller", self.caller.as_str())
            .set("request_hash", self.request_hash.as_str())
            .set("user_id", self.user_id.as_str())
            .set("email", self.email.reveal().as_str())
            .set("address", format!("{country} {region} {postal_code}"))
            .set("lines", lines)
            .set("total", self.total)
            .set("placed_at", self.placed_at))
    }

    /// Reads a row of any version up to [`StoredOrder::VERSION`].
    pub fn from_row(row: &Item) -> Result<Self, OrderRowError> {
        match row.get("v").map(|_| count_of(row, "v")) {
            None => Self::from_row_v0(row),
            Some(Some(1)) => Self::from_row_v1(row),
            Some(version) => Err(OrderRowError::UnknownVersion(version.unwrap_or_default())),
        }
    }

    /// Version 0 had no `v`. The order was the event in its outbox.
    fn from_row_v0(row: &Item) -> Result<Self, OrderRowError> {
        let entries = OutboxEntry::from_attribute(text(row, OutboxEntry::ATTRIBUTE)?)?;
        let entry = entries.first().ok_or(OrderRowError::Missing(OutboxEntry::ATTRIBUTE))?;
        let envelope: RawEnvelope<'_> = serde_json::from_str(entry.detail.get())?;
        let (caller, request_hash) = (text(row, "caller")?.to_owned(), text(row, "request_hash")?.to_owned());
        Ok(Self::from_placed(OrderPlaced::parse(&envelope)?, caller, request_hash))
    }

    fn from_row_v1(row: &Item) -> Result<Self, OrderRowError> {
        let id = text(row, "pk")?.strip_prefix("ORDER#").ok_or(OrderRowError::Missing("pk"))?;
        let lines: Vec<StoredLine> = serde_json::from_str(text(row, "lines")?)?;
        let lines = lines.into_iter().map(|(sku, name, quantity, unit_price_usd, taxable)| OrderLine {
            sku,
            name,
            quantity,
            unit_price_usd,
            taxable,
        });
        let placed_at = text(row, "placed_at")?.parse().map_err(|_| InvalidValue::new("placed_at is no time"))?;
        Ok(Self {
            id: OrderId::parse(id)?,
            caller: text(row, "caller")?.to_owned(),
            request_hash: text(row, "request_hash")?.to_owned(),
            user_id: UserId::parse(text(row, "user_id")?)?,
            email: Redacted::new(EmailAddress::parse(text(row, "email")?)?),
            address: Redacted::new(parse_address(text(row, "address")?)?),
            lines: lines.collect(),
            total: usd_of(row, "total").ok_or(OrderRowError::Missing("total"))?,
            placed_at,
        })
    }
}

fn text<'a>(row: &'a Item, name: &'static str) -> Result<&'a str, OrderRowError> {
    text_of(row, name).ok_or(OrderRowError::Missing(name))
}

/// Parses `US CA 94107`. Only the postal code may contain spaces.
fn parse_address(text: &str) -> Result<Address, OrderRowError> {
    let mut parts = text.splitn(3, ' ');
    let mut next = || parts.next().ok_or(OrderRowError::Missing("address"));
    Ok(Address {
        country: CountryCode::parse(next()?)?,
        region: RegionCode::parse(next()?)?,
        postal_code: PostalCode::parse(next()?)?,
    })
}

#[cfg(test)]
mod tests;
