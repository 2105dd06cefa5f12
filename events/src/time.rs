//! Times as events write them.

use std::borrow::Cow;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::{Deserialize, Deserializer, Error};

/// Reads a moment.
pub(crate) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    read(deserializer, "must be a time such as 2026-05-26T14:22:07Z")
}

/// Reads a day.
pub(crate) fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    read(deserializer, "must be a day such as 2026-05-26")
}

/// The error says what is wanted and repeats nothing of what is there, unlike the parser's own.
fn read<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D, otherwise: &str) -> Result<T, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    text.parse().map_err(|_| D::Error::custom(otherwise))
}

#[cfg(test)]
mod tests {
    use serde_json::from_str;

    use super::*;

    #[derive(serde::Deserialize)]
    struct At(#[serde(deserialize_with = "moment")] Timestamp);

    #[derive(serde::Deserialize)]
    struct On(#[serde(deserialize_with = "day")] Date);

    #[test]
    fn a_bad_time_is_not_repeated() {
        let bad = ["2026-05-26T14:@2:07Z", "ada@example.com", "2026-05-26T14:22:07Z[ada@example.com]", "", "9"];
        for text in bad {
            let error = from_str::<At>(&format!("{text:?}")).err().unwrap().to_string();
            assert_eq!(error, "must be a time such as 2026-05-26T14:22:07Z", "{text}");
        }
        let error = from_str::<On>(r#""2026-11-@1""#).err().unwrap().to_string();
        assert_eq!(error, "must be a day such as 2026-05-26");
        let At(time) = from_str(r#""2026-05-26T14:22:07\u005a""#).unwrap();
        let On(day) = from_str(r#""2026-05-26""#).unwrap();
        assert_eq!((time.to_string().as_str(), day.to_string().as_str()), ("2026-05-26T14:22:07Z", "2026-05-26"));
    }
}
