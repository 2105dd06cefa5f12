//! Events on their way from the row that caused them to the bus.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One event in a row's `outbox` attribute: what `PutEvents` needs, the detail as JSON and not as a string inside a string.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// `switchyard.<producer>`.
    pub source: String,
    /// The event's type.
    pub detail_type: String,
    /// The envelope.
    pub detail: Box<RawValue>,
}

impl OutboxEntry {
    /// The attribute that carries the outbox in whatever item Switchyard writes.
    pub const ATTRIBUTE: &'static str = "outbox";

    /// The attribute's text: a JSON array of entries.
    pub fn to_attribute(entries: &[Self]) -> Result<String, serde_json::Error> {
        serde_json::to_string(entries)
    }

    /// The entries in an attribute's text.
    pub fn from_attribute(text: &str) -> Result<Vec<Self>, serde_json::Error> {
        serde_json::from_str(text)
    }
}
