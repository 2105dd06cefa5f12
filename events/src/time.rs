//! Times as events write them.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, Error};

/// Reads a time. The error says what is wanted and repeats nothing of what is there, unlike the parser's own.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    text.parse().map_err(|_| D::Error::custom("must be a time such as 2026-05-26T14:22:07Z"))
}

#[cfg(test)]
mod tests {
    use serde_json::from_str;

    use super::*;

    #[derive(serde::Deserialize)]
    struct At(#[serde(deserialize_with = "read")] Timestamp);

    #[test]
    fn a_bad_time_is_not_repeated() {
        let bad = ["2026-05-26T14:@2:07Z", "ada@example.com", "2026-05-26T14:22:07Z[ada@example.com]", "", "9"];
        for text in bad {
            let error = from_str::<At>(&format!("{text:?}")).err().unwrap().to_string();
            assert_eq!(error, "must be a time such as 2026-05-26T14:22:07Z", "{text}");
        }
        let At(time) = from_str(r#""2026-05-26T14:22:07\u005a""#).unwrap();
        assert_eq!(time.to_string(), "2026-05-26T14:22:07Z");
    }
}
