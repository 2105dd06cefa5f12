//! Identifiers and quantities: parsed once at the boundary, valid from then on.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Why a value was refused. The text never repeats the value, so that it may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(pub String);

impl InvalidValue {
    /// An explanation for people: what is wrong and what is allowed.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Longest identifier, in bytes: keys and message attributes stay short.
const MAX_ID: usize = 64;

fn identifier(value: &str, extra: &str, max: usize) -> Result<(), InvalidValue> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c) || extra.contains(c);
    if value.is_empty() || value.len() > max || !value.chars().all(allowed) {
        return Err(InvalidValue(format!("must be 1 to {max} ASCII letters, digits or -_.{extra}")));
    }
    Ok(())
}

/// Declares a string newtype that can only hold what its rule accepts.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $pattern:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(#[schemars(regex(pattern = $pattern))] String);

        impl $name {
            /// Parses the text, or says what is allowed.
            pub fn parse(text: impl Into<String>) -> Result<Self, $crate::InvalidValue> {
                let text = text.into();
                let check: fn(&str) -> Result<(), $crate::InvalidValue> = $check;
                check(&text).map(|()| Self(text))
            }

            /// The text itself.
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
    OrderId, r"^[A-Za-z0-9._-]{1,64}$", |s| identifier(s, "", MAX_ID)
);
text_type!(
    /// A customer's identifier, by the same rule as [`OrderId`].
    UserId, r"^[A-Za-z0-9._-]{1,64}$", |s| identifier(s, "", MAX_ID)
);
text_type!(
    /// A stock-keeping unit, by the same rule as [`OrderId`].
    Sku, r"^[A-Za-z0-9._-]{1,64}$", |s| identifier(s, "", MAX_ID)
);
text_type!(
    /// The identifier of a wave of picks, by the same rule as [`OrderId`].
    WaveId, r"^[A-Za-z0-9._-]{1,64}$", |s| identifier(s, "", MAX_ID)
);
text_type!(
    /// The identifier of whatever an event is about, by the same rule as [`OrderId`].
    AggregateId, r"^[A-Za-z0-9._-]{1,64}$", |s| identifier(s, "", MAX_ID)
);
text_type!(
    /// Ties together all that one request caused: 1 to 128 ASCII letters, digits or `-_.:=/+`.
    CorrelationId, r"^[A-Za-z0-9._:=/+-]{1,128}$", |s| identifier(s, ":=/+", 128)
);
text_type!(
    /// An event's identifier: derived, so that whatever republishes an event republishes the same one.
    EventId, r"^[A-Za-z0-9._-]{1,64}$", |s| identifier(s, "", MAX_ID)
);

impl EventId {
    /// The identifier of the `sequence`th event of this type about this aggregate.
    ///
    /// 128 bits of SHA-256 in base 32: `evt_` and 26 characters.
    pub fn derive(event_type: &str, aggregate_id: &str, sequence: u64) -> Self {
        Self(derived("evt_", &[event_type, aggregate_id, &sequence.to_string()]))
    }
}

impl OrderId {
    /// The order that this caller's idempotency key stands for.
    pub fn derive(caller: &str, key: &str) -> Self {
        Self(derived("ord_", &[caller, key]))
    }
}

/// The same for the same parts: groups dead letters by what killed them.
pub fn fingerprint(parts: &[&str]) -> String {
    derived("", parts)
}

/// A prefix and 128 bits of the SHA-256 over the parts. Each part is preceded by its length, so that no two lists of parts agree.
fn derived(prefix: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut text = data_encoding::BASE32_NOPAD.encode(&hash.finalize()[..16]);
    text.make_ascii_lowercase();
    format!("{prefix}{text}")
}

/// How many of one product: 1 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64", into = "u64")]
pub struct Quantity(#[schemars(range(min = 1, max = 1000))] u32);

impl Quantity {
    /// The most of one product that one order may hold.
    pub const MAX: u32 = 1000;

    /// The number itself.
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
    fn an_event_id_depends_on_type_aggregate_and_sequence_and_on_nothing_else() {
        let id = EventId::derive("OrderPlaced", "ord_1", 1);
        assert_eq!(id, EventId::derive("OrderPlaced", "ord_1", 1));
        assert_ne!(id, EventId::derive("OrderPlaced", "ord_1", 2));
        assert_ne!(id, EventId::derive("OrderPlaced", "ord_2", 1));
        assert_ne!(id, EventId::derive("OrderFlagged", "ord_1", 1));
        assert_eq!(id.as_str().len(), 30);
    }

    #[test]
    fn shifting_a_character_from_one_part_to_the_next_gives_another_id() {
        assert_ne!(OrderId::derive("ab", "c"), OrderId::derive("a", "bc"));
    }

    #[test]
    fn an_id_with_a_key_separator_or_control_character_is_refused() {
        for bad in ["", "a#b", "a b", "a\nb", "é", &"x".repeat(65)] {
            assert!(OrderId::parse(bad).is_err(), "{bad:?}");
        }
        assert!(OrderId::parse("ord_8h2a").is_ok());
    }

    #[test]
    fn a_quantity_is_a_whole_number_from_1_to_1000() {
        for bad in ["0", "1001", "-1", "1.5", "1e2", "\"1\"", "18446744073709551616"] {
            assert!(serde_json::from_str::<Quantity>(bad).is_err(), "{bad}");
        }
        assert_eq!(serde_json::from_str::<Quantity>("1000").unwrap().get(), 1000);
    }
}
