//! Personal data that must not reach a log.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Holds personal data: serialized as the value itself, shown by `Debug` as `<redacted>`, with no `Display`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Marks a value as personal.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that needs it.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_and_json_shows_all() {
        let email = Redacted::new("ada@example.com");
        assert_eq!(format!("{email:?}"), "<redacted>");
        assert_eq!(serde_json::to_string(&email).unwrap(), "\"ada@example.com\"");
    }
}
