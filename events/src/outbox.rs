//! [`OutboxEntry`]: an event stored in the row that caused it, until the publisher puts it on the bus.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One event in a row's `outbox` attribute, with all that `PutEvents` needs. The detail is stored as JSON, not as a
/// string that contains JSON.
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
    /// The name of the attribute that stores the outbox, the same in every table.
    pub const ATTRIBUTE: &'static str = "outbox";

    /// Serializes entries to the attribute's text, a JSON array.
    pub fn to_attribute(entries: &[Self]) -> Result<String, serde_json::Error> {
        serde_json::to_string(entries)
    }

    /// Parses the attribute's text.
    pub fn from_attribute(text: &str) -> Result<Vec<Self>, serde_json::Error> {
        serde_json::from_str(text)
    }
}
