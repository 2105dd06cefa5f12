//! Deserializes the times and dates of events.

use std::borrow::Cow;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::{Deserialize, Deserializer, Error};

pub(crate) fn deserialize_timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    parse_text(deserializer, "must be a time such as 2026-05-26T14:22:07Z")
}

pub(crate) fn deserialize_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    parse_text(deserializer, "must be a day such as 2026-05-26")
}

/// Parses a JSON string. The error is `expected`, because jiff's own error repeats a part of the text.
fn parse_text<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D, expected: &str) -> Result<T, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    text.parse().map_err(|_| D::Error::custom(expected))
}

#[cfg(test)]
mod tests {
    use serde_json::from_str;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Time(#[serde(deserialize_with = "deserialize_timestamp")] Timestamp);

    #[derive(serde::Deserialize)]
    struct Day(#[serde(deserialize_with = "deserialize_date")] Date);

    #[test]
    fn invalid_time_error_omits_value() {
        let bad = ["2026-05-26T14:@2:07Z", "ada@example.com", "2026-05-26T14:22:07Z[ada@example.com]", "", "9"];
        for text in bad {
            let error = from_str::<Time>(&format!("{text:?}")).err().unwrap().to_string();
            assert_eq!(error, "must be a time such as 2026-05-26T14:22:07Z", "{text}");
        }
        let error = from_str::<Day>(r#""2026-11-@1""#).err().unwrap().to_string();
        assert_eq!(error, "must be a day such as 2026-05-26");
        let Time(time) = from_str(r#""2026-05-26T14:22:07\u005a""#).unwrap();
        let Day(day) = from_str(r#""2026-05-26""#).unwrap();
        assert_eq!((time.to_string().as_str(), day.to_string().as_str()), ("2026-05-26T14:22:07Z", "2026-05-26"));
    }
}
