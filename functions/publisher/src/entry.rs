//! [`Entry`]: one event that is to be published.

use switchyard_events::{Metadata, OutboxEntry, RawEnvelope};

use crate::chunk::Weight;

/// The largest entry, in bytes: less than 1 MB since 2026-01-29
/// (<https://aws.amazon.com/blogs/compute/more-room-to-build-serverless-services-now-support-payloads-up-to-1-mb>, read
/// 2026-11-21). A DynamoDB item has at most 400 KB, so a larger entry is unlikely. If it was sent all the same, it
/// would block its stream.
pub(crate) const MAX_ENTRY_BYTES: usize = 1_000_000 - 1;

/// An entry of an outbox, and what happened to it in this invocation.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) event: OutboxEntry,
    /// The metadata, if the detail is an envelope. If it is not, consumers refuse it.
    pub(crate) metadata: Option<Metadata>,
    /// When the row was created, in milliseconds since 1970.
    pub(crate) created_at_ms: Option<String>,
    /// How often it was sent to the bus.
    pub(crate) attempts: u32,
    /// Whether it needs a call of its own, because a call with several entries was refused as a whole.
    pub(crate) alone: bool,
}

impl Entry {
    pub(crate) fn new(event: OutboxEntry, created_at_ms: Option<String>) -> Self {
        let envelope = serde_json::from_str::<RawEnvelope<'_>>(event.detail.get());
        Self {
            metadata: envelope.ok().map(|envelope| envelope.metadata),
            event,
            created_at_ms,
            attempts: 0,
            alone: false,
        }
    }

    /// The size by EventBridge's rules: source, type and detail in UTF-8. A `Time` would add 14 bytes; entries have
    /// none.
    pub(crate) fn bytes(&self) -> usize {
        self.event.source.len() + self.event.detail_type.len() + self.event.detail.get().len()
    }

    pub(crate) fn weight(&self) -> Weight {
        Weight { bytes: self.bytes(), alone: self.alone }
    }

    pub(crate) fn event_id(&self) -> Option<&str> {
        self.metadata.as_ref().map(|metadata| metadata.event_id.as_str())
    }
}
