//! Keys, rows and attribute values.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use rust_decimal::Decimal;
use switchyard_events::Usd;

/// An item as DynamoDB returns it.
pub type Item = HashMap<String, AttributeValue>;

/// The primary key of a row: partition key `pk` and sort key `sk`, the same in every table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Partition key, such as `ORDER#ord_8h2a`.
    pub pk: String,
    /// Sort key, such as `ORDER`.
    pub sk: String,
}

impl Key {
    /// A key from its partition key and sort key.
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// The key as attributes.
    pub fn to_item(&self) -> Item {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }

    /// The key of an item, if it has one.
    pub fn from_item(item: &Item) -> Option<Self> {
        Some(Self::new(text_of(item, "pk")?, text_of(item, "sk")?))
    }
}

/// A row to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub(crate) key: Key,
    pub(crate) attributes: Item,
}

impl Row {
    /// A row with only its key.
    pub fn new(key: Key) -> Self {
        Self { key, attributes: Item::new() }
    }

    /// Adds an attribute.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.to_owned(), value.into().0);
        self
    }

    /// The whole row as DynamoDB takes it.
    pub fn into_item(self) -> Item {
        let mut item = self.key.to_item();
        item.extend(self.attributes);
        item
    }
}

/// An attribute's value, converted from the types that handlers use.
#[derive(Debug, Clone, PartialEq)]
pub struct Value(pub AttributeValue);

impl Value {
    /// A map with these fields.
    pub fn map(fields: Item) -> Self {
        Self(AttributeValue::M(fields))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self(AttributeValue::S(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self(AttributeValue::S(text))
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self(AttributeValue::Bool(truth))
    }
}

impl From<Timestamp> for Value {
    /// RFC 3339 with milliseconds. All values have the same length, so that text order is time order.
    fn from(time: Timestamp) -> Self {
        Self(AttributeValue::S(format!("{time:.3}")))
    }
}

impl From<Usd> for Value {
    fn from(amount: Usd) -> Self {
        Self(AttributeValue::N(amount.to_string()))
    }
}

macro_rules! from_number {
    ($($number:ty),*) => {$(
        impl From<$number> for Value {
            fn from(number: $number) -> Self {
                Self(AttributeValue::N(number.to_string()))
            }
        }
    )*};
}
from_number!(Decimal, u8, u32, u64, i16, i32, i64);

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Self(AttributeValue::L(values.into_iter().map(|value| value.0).collect()))
    }
}

impl<const N: usize> From<[(&str, Value); N]> for Value {
    fn from(fields: [(&str, Value); N]) -> Self {
        Self(AttributeValue::M(fields.into_iter().map(|(name, value)| (name.to_owned(), value.0)).collect()))
    }
}

/// The text in an item's attribute.
pub fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// The number in an item's attribute.
pub fn number_of(item: &Item, name: &str) -> Option<Decimal> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// The amount in an item's attribute.
pub fn usd_of(item: &Item, name: &str) -> Option<Usd> {
    Usd::parse(&number_of(item, name)?.normalize().to_string()).ok()
}

/// The count in an item's attribute.
pub fn count_of(item: &Item, name: &str) -> Option<u64> {
    number_of(item, name).filter(Decimal::is_integer)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_number_attribute_is_none() {
        let item = |number: &str| Item::from([("n".to_owned(), AttributeValue::N(number.to_owned()))]);
        assert_eq!(usd_of(&item("89.5"), "n"), Usd::parse("89.50").ok());
        assert_eq!(usd_of(&item("100"), "n"), Usd::parse("100.00").ok());
        assert_eq!((usd_of(&item("0.005"), "n"), count_of(&item("1.5"), "n")), (None, None));
        assert_eq!((count_of(&item("200"), "n"), count_of(&item("200"), "m")), (Some(200), None));
        assert_eq!(count_of(&item("-1"), "n"), None);
    }
}
