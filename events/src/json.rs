//! A JSON parser whose errors contain no value of the message.

use serde::Deserialize;
use serde_path_to_error::{Path, Segment};

use crate::ParseError;

/// Parses JSON. The error names the place, which begins with `prefix`, and the problem, but repeats no value.
pub(crate) fn parse<'a, T: Deserialize<'a>>(prefix: &str, text: &'a str) -> Result<T, ParseError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| ParseError::Malformed {
        path: match (prefix, safe_path(error.path()).as_str()) {
            ("", "") => "body".into(),
            ("", path) => path.into(),
            (prefix, "") => prefix.into(),
            (prefix, path) => format!("{prefix}.{path}"),
        },
        reason: without_values(&error.into_inner().to_string()),
    })?;
    json.end()
        .map_err(|error| ParseError::Malformed { path: "body".into(), reason: without_values(&error.to_string()) })?;
    Ok(value)
}

/// A place in the JSON as an error may repeat it: the field names of a message may contain anything.
fn safe_path(path: &Path) -> String {
    path.iter().fold(String::new(), |safe, segment| match segment {
        Segment::Map { key } if safe.is_empty() => safe_field_name(key).to_owned(),
        Segment::Map { key } => format!("{safe}.{}", safe_field_name(key)),
        Segment::Seq { .. } => format!("{safe}{segment}"),
        Segment::Enum { .. } | Segment::Unknown => safe,
    })
}

/// A field name as an error may repeat it. A name that cannot be one of our fields becomes `…`, because it may be
/// personal data.
pub fn safe_field_name(name: &str) -> &str {
    let plain = name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'-'));
    if plain { name } else { "…" }
}

/// Removes the invalid value from serde's messages (`invalid type: string "ada@example.com", expected u64`).
fn without_values(message: &str) -> String {
    let Some(start) = message.find(['"', '`']) else {
        return message.into();
    };
    let is_value =
        ["invalid type", "invalid value", "unknown variant", "unknown field"].iter().any(|p| message.starts_with(p));
    match message.rfind(", expected") {
        Some(end) if is_value && start < end => format!("{}…{}", &message[..start], &message[end..]),
        _ => message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_error_omits_message_values() {
        let error = parse::<Vec<u32>>("detail.data", r#"[1, "ada@example.com"]"#).unwrap_err();
        assert_eq!(error.to_string(), "detail.data.[1]: invalid type: string …, expected u32 at line 1 column 21");
    }

    #[test]
    fn parse_error_omits_unknown_field_names() {
        let check = |body: &str, expected: &str| {
            let error = parse::<serde_json::Map<String, serde_json::Value>>("", body).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        };
        check(r#"{"ada@example.com": nil}"#, "…: ");
        check(r#"{"detail": nil}"#, "detail: ");
    }

    #[test]
    fn parse_rejects_text_after_json() {
        assert!(parse::<u32>("", "1 2").is_err());
    }
}
