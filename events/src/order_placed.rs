//! [`OrderPlaced`].

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Address, EmailAddress, Fact, InvalidValue, OrderId, Quantity, Redacted, Sku, Usd, UserId};

/// The most lines of one order. The order's row and its stock, and each consumer's effects, then fit into one DynamoDB
/// transaction (at most 100 actions,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>, 2026-11-21).
pub const MAX_ORDER_LINES: usize = 50;

/// A customer has placed an order, and its stock is reserved. Emitted by `checkout`, sequence 1 of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPlaced {
    /// The order.
    pub order_id: OrderId,
    /// The customer.
    pub user_id: UserId,
    /// Where the confirmation is sent.
    pub email: Redacted<EmailAddress>,
    /// The sum of the lines.
    pub total_usd: Usd,
    /// The order lines: 1 to 50, each product once.
    #[schemars(length(min = 1, max = 50))]
    pub items: Vec<OrderLine>,
    /// Where the goods are sent.
    pub ship_to: Redacted<Address>,
    /// When the order was committed (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(deserialize_with = "crate::time::deserialize_timestamp")]
    pub placed_at: Timestamp,
}

/// One product of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLine {
    /// The product.
    pub sku: Sku,
    /// The product's name when the order was placed.
    pub name: String,
    /// How many pieces.
    pub quantity: Quantity,
    /// The price of one piece when the order was placed.
    pub unit_price_usd: Usd,
    /// Whether sales tax applies to the product.
    pub taxable: bool,
}

impl OrderLine {
    /// The price of one piece times the quantity.
    pub fn amount(&self) -> Usd {
        self.unit_price_usd * self.quantity
    }
}

impl OrderPlaced {
    /// The sum of these lines' amounts.
    pub fn sum(lines: &[OrderLine]) -> Usd {
        lines.iter().map(OrderLine::amount).sum()
    }

    /// The number of pieces over all lines.
    pub fn units(&self) -> u32 {
        self.items.iter().map(|line| line.quantity.get()).sum()
    }
}

impl Fact for OrderPlaced {
    const TYPE: &'static str = "OrderPlaced";
    const VERSION: u32 = 1;
    const AGGREGATE: &'static str = "order";

    fn aggregate_id(&self) -> &str {
        self.order_id.as_str()
    }

    fn timestamp_field(&self) -> (&'static str, Timestamp) {
        ("placed_at", self.placed_at)
    }

    fn validate(&self) -> Result<(), InvalidValue> {
        if !(1..=MAX_ORDER_LINES).contains(&self.items.len()) {
            return Err(InvalidValue(format!("items must have 1 to {MAX_ORDER_LINES} lines")));
        }
        let mut skus: Vec<_> = self.items.iter().map(|line| &line.sku).collect();
        skus.sort();
        if skus.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(InvalidValue::new("items must name each sku once"));
        }
        if self.items.iter().any(|line| line.unit_price_usd < Usd::ZERO) {
            return Err(InvalidValue::new("items must have no negative unit_price_usd"));
        }
        if Self::sum(&self.items) != self.total_usd {
            return Err(InvalidValue::new("total_usd is not the sum of the items"));
        }
        Ok(())
    }
}
