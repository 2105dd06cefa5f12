//! [`Usd`], exact to the cent.

use std::borrow::Cow;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

use crate::{InvalidValue, Quantity};

/// An amount in United States dollars. In JSON it is a number with two decimals (`89.50`); it is never converted to a
/// float.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(Decimal);

impl Usd {
    /// Zero dollars.
    pub const ZERO: Self = Self(Decimal::ZERO);
    /// The largest amount that is accepted, in whole dollars. It is far above any order, and far below the sums that
    /// lose a cent.
    pub const MAX_DOLLARS: i64 = 1_000_000_000_000;

    /// Converts from whole cents.
    pub fn from_cents(cents: i64) -> Self {
        Self(Decimal::new(cents, 2))
    }

    /// Parses plain decimal notation with at most two decimals, up to [`Usd::MAX_DOLLARS`] either side of zero.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let invalid = || InvalidValue::new("must be an amount in dollars with at most two decimals, such as 89.50");
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(invalid());
        }
        let mut amount = Decimal::from_str_exact(text).map_err(|_| invalid())?;
        if amount.scale() > 2 {
            return Err(invalid());
        }
        if amount.abs() > Decimal::from(Self::MAX_DOLLARS) {
            return Err(InvalidValue(format!("must be at most {} dollars", Self::MAX_DOLLARS)));
        }
        amount.rescale(2);
        amount.set_sign_positive(amount.is_zero() || amount.is_sign_positive());
        Ok(Self(amount))
    }

    /// The amount as a decimal number of dollars.
    pub fn decimal(self) -> Decimal {
        self.0
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(number.get()).map_err(de::Error::custom)
    }
}

impl JsonSchema for Usd {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "number",
            "multipleOf": 0.01,
            "minimum": -Self::MAX_DOLLARS,
            "maximum": Self::MAX_DOLLARS,
            "description": "United States dollars with two decimals."
        })
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Usd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Usd {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Mul<Quantity> for Usd {
    type Output = Self;
    fn mul(self, quantity: Quantity) -> Self {
        Self(self.0 * Decimal::from(quantity.get()))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usd_json_keeps_two_decimals() {
        for (input, output) in [("89.5", "89.50"), ("44.75", "44.75"), ("0", "0.00"), ("-0.0", "0.00"), ("-3", "-3.00")]
        {
            let amount: Usd = serde_json::from_str(input).unwrap();
            assert_eq!(serde_json::to_string(&amount).unwrap(), output, "{input}");
        }
    }

    #[test]
    fn usd_parse_rejects_invalid_amounts() {
        for bad in ["1.005", "1e2", "\"1.00\"", "null", "NaN", "1000000000000.01", "1e400", "true", "[]"] {
            assert!(serde_json::from_str::<Usd>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn usd_sum_of_ten_dimes_is_one_dollar() {
        let dime = Usd::from_cents(10);
        assert_eq!((0..10).map(|_| dime).sum::<Usd>(), Usd::from_cents(100));
    }
}
