//! [`Address`] and its parts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::InvalidValue;
use crate::ids::text_type;

/// A shipping address, reduced to the parts that consumers need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// ISO 3166-1 code of the country.
    pub country: CountryCode,
    /// State, province or other first subdivision: the part of its ISO 3166-2 code after the dash.
    pub region: RegionCode,
    /// Postal code, in the country's own format.
    pub postal_code: PostalCode,
}

impl Address {
    /// Country and region as one code.
    pub fn subdivision(&self) -> Subdivision {
        Subdivision(format!("{}-{}", self.country, self.region))
    }
}

text_type!(
    /// A country's first subdivision by its ISO 3166-2 code, such as `US-CA`.
    Subdivision, r"^[A-Z]{2}-[A-Z0-9]{1,3}$",
    |s| {
        let (country, region) = s.split_once('-').unwrap_or_default();
        CountryCode::parse(country).and(RegionCode::parse(region)).map(drop)
    }
);
text_type!(
    /// Two capital letters of ISO 3166-1, such as `US`.
    CountryCode, r"^[A-Z]{2}$",
    |s| require(
        s.len() == 2 && s.bytes().all(|b| b.is_ascii_uppercase()),
        "must be two capital letters of ISO 3166-1, such as US"
    )
);
text_type!(
    /// One to three capital letters or digits of ISO 3166-2, such as `CA`.
    RegionCode, r"^[A-Z0-9]{1,3}$",
    |s| require(
        (1..=3).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()),
        "must be one to three capital letters or digits of ISO 3166-2, such as CA"
    )
);
text_type!(
    /// One to twelve ASCII letters, digits, spaces or dashes.
    PostalCode, r"^[A-Za-z0-9 -]{1,12}$",
    |s| require(
        (1..=12).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ' || b == b'-'),
        "must be 1 to 12 letters, digits, spaces or dashes"
    )
);

fn require(valid: bool, reason: &str) -> Result<(), InvalidValue> {
    if valid { Ok(()) } else { Err(InvalidValue::new(reason)) }
}
