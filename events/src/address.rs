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

/// The regions of the United States: the second part of every code of ISO 3166-2:US
/// (<https://en.wikipedia.org/wiki/ISO_3166-2:US>, a stored copy, 2026-11-21). 50 states, the District of Columbia, and the outlying
/// areas American Samoa, Guam, Northern Mariana Islands, Puerto Rico, Minor Outlying Islands and Virgin Islands. The postal codes AA, AE
/// and AP of military mail are no regions of ISO 3166-2: they name no place whose tax law could apply.
pub const US_REGIONS: [&str; 57] = [
    "AK", "AL", "AR", "AS", "AZ", "CA", "CO", "CT", "DC", "DE", "FL", "GA", "GU", "HI", "IA", "ID", "IL", "IN", "KS",
    "KY", "LA", "MA", "MD", "ME", "MI", "MN", "MO", "MP", "MS", "MT", "NC", "ND", "NE", "NH", "NJ", "NM", "NV", "NY",
    "OH", "OK", "OR", "PA", "PR", "RI", "SC", "SD", "TN", "TX", "UM", "UT", "VA", "VI", "VT", "WA", "WI", "WV", "WY",
];

/// The outlying areas of the United States, which are also countries of ISO 3166-1.
const US_OUTLYING_AREAS: [&str; 6] = ["AS", "GU", "MP", "PR", "UM", "VI"];

impl Address {
    /// Country and region as one code.
    pub fn subdivision(&self) -> Subdivision {
        Subdivision(format!("{}-{}", self.country, self.region))
    }

    /// Whether the region exists, as far as is known: every region of a country other than the United States counts as existing.
    ///
    /// Checkout accepts only such an address. Readers of events accept every address, as orders from before that check exists may have
    /// another one, and are orders all the same.
    pub fn is_known_region(&self) -> bool {
        check_region(&self.country, &self.region).is_ok()
    }
}

/// Checks that a region exists in its country, as far as is known, and that a place is always named by the same pair: an outlying area of
/// the United States by the country `US`. The error is about the country if that is not `US`, else about the region.
pub fn check_region(country: &CountryCode, region: &RegionCode) -> Result<(), InvalidValue> {
    if US_OUTLYING_AREAS.contains(&country.as_str()) {
        return Err(InvalidValue(format!("must be US, with {country} as the region")));
    }
    require(
        country.as_str() != "US" || US_REGIONS.contains(&region.as_str()),
        "must be a state, DC or an outlying area of the United States (ISO 3166-2:US), such as CA or PR",
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn us_region_must_be_on_the_list() {
        let check = |country: &str, region: &str| {
            let (country, region) = (CountryCode::parse(country).unwrap(), RegionCode::parse(region).unwrap());
            check_region(&country, &region).map_err(|invalid| invalid.0)
        };
        for region in US_REGIONS {
            assert_eq!(check("US", region), Ok(()), "{region}");
        }
        for region in ["ZZ", "C", "CAL", "AE", "1"] {
            assert!(
                check("US", region).unwrap_err().starts_with("must be a state, DC or an outlying area"),
                "{region}"
            );
        }
        assert_eq!(check("DE", "BY"), Ok(()));
        assert_eq!(check("PR", "SJ"), Err("must be US, with PR as the region".into()));
        assert!(US_REGIONS.is_sorted() && US_OUTLYING_AREAS.iter().all(|area| US_REGIONS.contains(area)));
    }
}
