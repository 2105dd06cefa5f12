//! One event on its way.

use switchyard_events::{Metadata, OutboxEntry, RawEnvelope};

use crate::chunk::Weight;

/// The most bytes of an entry: less than 1 MB since 2026-01-29
/// (<https://aws.amazon.com/blogs/compute/more-room-to-build-serverless-services-now-support-payloads-up-to-1-mb>, read 2026-11-21).
/// A row holds 400 KB, so that hardly anything can be larger; but one that is would hold up its whole stream.
pub(crate) const MAX_ENTRY: usize = 1_000_000 - 1;

/// The most bytes of all entries in a call, unless it has only one: less than 256 KB, as it was for a call before and as some
/// pages still say (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html>, read 2026-11-21). Larger calls would
/// spare next to none, since a call takes ten entries at most.
pub(crate) const MAX_CALL: usize = 256 * 1024 - 1;

/// An entry of an outbox.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) event: OutboxEntry,
    /// What the envelope says, if it is one; what is none is for consumers to refuse.
    pub(crate) metadata: Option<Metadata>,
    /// When the row came to be, in milliseconds since 1970.
    pub(crate) since: Option<String>,
    /// How often it was put on the bus.
    pub(crate) tries: u32,
    /// Whether it must have a call of its own, since a call with it was refused whole.
    pub(crate) alone: bool,
}

impl Entry {
    pub(crate) fn new(event: OutboxEntry, since: Option<String>) -> Self {
        let envelope = serde_json::from_str::<RawEnvelope<'_>>(event.detail.get());
        Self { metadata: envelope.ok().map(|envelope| envelope.metadata), event, since, tries: 0, alone: false }
    }

    /// Its size as EventBridge reckons it: source, type and detail in UTF-8 (a time, which it does not carry, would be 14 more).
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
