//! Identifiers and quantities. They are parsed once, where data enters, and are valid from then on.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Why a value was refused. The text never repeats the value, so it may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(pub String);

impl InvalidValue {
    /// The reason is for people: what is allowed, such as `must be a string`.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Longest identifier, in bytes. It keeps keys and message attributes short.
const MAX_ID_BYTES: usize = 64;

fn validate_id(value: &str, extra_chars: &str, max_bytes: usize) -> Result<(), InvalidValue> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c) || extra_chars.contains(c);
    if value.is_empty() || value.len() > max_bytes || !value.chars().all(allowed) {
        return Err(InvalidValue(format!("must be 1 to {max_bytes} ASCII letters, digits or -_.{extra_chars}")));
    }
    Ok(())
}

/// Declares a newtype of `String`: its doc, name, JSON Schema pattern, and the function that validates a text.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $pattern:literal, $validate:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(#[schemars(regex(pattern = $pattern))] String);

        impl $name {
            /// Validates the text. The error says what is allowed.
            pub fn parse(text: impl Into<String>) -> Result<Self, $crate::InvalidValue> {
                let text = text.into();
                let validate: fn(&str) -> Result<(), $crate::InvalidValue> = $validate;
                validate(&text).map(|()| Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::InvalidValue;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use text_type;

text_type!(
    /// An order's identifier: 1 to 64 ASCII letters, digits or `-_.`, never a `#` (it separates the parts of a key).
    OrderId, r"^[A-Za-z0-9._-]{1,64}$", |s| validate_id(s, "", MAX_ID_BYTES)
);
text_type!(
    /// A customer's identifier, by the same rule as [`OrderId`].
    UserId, r"^[A-Za-z0-9._-]{1,64}$", |s| validate_id(s, "", MAX_ID_BYTES)
);
text_type!(
    /// A stock-keeping unit, by the same rule as [`OrderId`].
    Sku, r"^[A-Za-z0-9._-]{1,64}$", |s| validate_id(s, "", MAX_ID_BYTES)
);
text_type!(
    /// The identifier of a wave of picks, by the same rule as [`OrderId`].
    WaveId, r"^[A-Za-z0-9._-]{1,64}$", |s| validate_id(s, "", MAX_ID_BYTES)
);
text_type!(
    /// The identifier of the thing that an event is about, by the same rule as [`OrderId`].
    AggregateId, r"^[A-Za-z0-9._-]{1,64}$", |s| validate_id(s, "", MAX_ID_BYTES)
);
text_type!(
    /// Shared by all events that one request caused: 1 to 128 ASCII letters, digits or `-_.:=/+`.
    CorrelationId, r"^[A-Za-z0-9._:=/+-]{1,128}$", |s| validate_id(s, ":=/+", 128)
);
text_type!(
    /// An event's identifier. It is derived, so an event that is published again has the same one.
    EventId, r"^[A-Za-z0-9._-]{1,64}$", |s| validate_id(s, "", MAX_ID_BYTES)
);

impl EventId {
    /// Derives the identifier of event number `sequence` of this type about this aggregate: `evt_` and 26 characters,
    /// which are 128 bits of SHA-256 in base 32.
    pub fn derive(event_type: &str, aggregate_id: &str, sequence: u64) -> Self {
        Self(hashed("evt_", &[event_type, aggregate_id, &sequence.to_string()]))
    }
}

impl OrderId {
    /// Derives the order that this caller's idempotency key identifies: `ord_` and 26 characters.
    pub fn derive(caller: &str, key: &str) -> Self {
        Self(hashed("ord_", &[caller, key]))
    }
}

/// A hash of the parts, 26 characters, the same for the same parts. It groups dead letters by their cause.
pub fn fingerprint(parts: &[&str]) -> String {
    hashed("", parts)
}

/// A prefix and 128 bits of the SHA-256 over the parts. Each part follows its length, so that `["ab", "c"]` and `["a",
/// "bc"]` differ.
fn hashed(prefix: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut text = data_encoding::BASE32_NOPAD.encode(&hash.finalize()[..16]);
    text.make_ascii_lowercase();
    format!("{prefix}{text}")
}

/// A number of pieces of one product: 1 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64", into = "u64")]
pub struct Quantity(#[schemars(range(min = 1, max = 1000))] u32);

impl Quantity {
    /// The most pieces of one product in one order.
    pub const MAX: u32 = 1000;

    /// The number of pieces.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u64> for Quantity {
    type Error = InvalidValue;
    fn try_from(number: u64) -> Result<Self, InvalidValue> {
        match u32::try_from(number) {
            Ok(quantity @ 1..=Self::MAX) => Ok(Self(quantity)),
            _ => Err(InvalidValue(format!("must be a whole number from 1 to {}", Self::MAX))),
        }
    }
}

impl From<Quantity> for u64 {
    fn from(quantity: Quantity) -> u64 {
        quantity.0.into()
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_id_depends_on_type_aggregate_and_sequence() {
        let id = EventId::derive("OrderPlaced", "ord_1", 1);
        assert_eq!(id, EventId::derive("OrderPlaced", "ord_1", 1));
        assert_ne!(id, EventId::derive("OrderPlaced", "ord_1", 2));
        assert_ne!(id, EventId::derive("OrderPlaced", "ord_2", 1));
        assert_ne!(id, EventId::derive("OrderFlagged", "ord_1", 1));
        assert_eq!(id.as_str().len(), 30);
    }

    #[test]
    fn derived_id_depends_on_part_boundaries() {
        assert_ne!(OrderId::derive("ab", "c"), OrderId::derive("a", "bc"));
    }

    #[test]
    fn id_rejects_key_separator_and_control_characters() {
        for bad in ["", "a#b", "a b", "a\nb", "é", &"x".repeat(65)] {
            assert!(OrderId::parse(bad).is_err(), "{bad:?}");
        }
        assert!(OrderId::parse("ord_8h2a").is_ok());
    }

    #[test]
    fn quantity_accepts_whole_numbers_from_1_to_1000() {
        for bad in ["0", "1001", "-1", "1.5", "1e2", "\"1\"", "18446744073709551616"] {
            assert!(serde_json::from_str::<Quantity>(bad).is_err(), "{bad}");
        }
        assert_eq!(serde_json::from_str::<Quantity>("1000").unwrap().get(), 1000);
    }
}
