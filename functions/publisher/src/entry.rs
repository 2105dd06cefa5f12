//! [`Entry`]: one event that is to be published.

use jiff::{SignedDuration, Timestamp};
use switchyard_events::{Metadata, OutboxEntry, RawEnvelope};

use crate::chunk::Weight;

/// The largest entry, in bytes: less than 1 MB since 2026-01-29
/// (<https://aws.amazon.com/blogs/compute/more-room-to-build-serverless-services-now-support-payloads-up-to-1-mb>, read
/// 2026-11-21). A DynamoDB item has at most 400 KB, so a larger entry is unlikely. If it was sent all the same, it
/// would block its stream.
pub(crate) const MAX_ENTRY_BYTES: usize = 1_000_000 - 1;

/// How long an entry waits in its stream for an unavailable bus. A stream keeps a record for 24 hours
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html>, 2026-11-21). So the records that wait
/// behind this one have three quarters of that left.
const MAX_WAIT: SignedDuration = SignedDuration::from_hours(6);

/// An entry of an outbox, and what happened to it in this invocation.
#[derive(Debug)]
pub struct Entry {
    /// The event.
    pub event: OutboxEntry,
    /// The metadata, if the detail is an envelope. If it is not, consumers refuse it.
    pub(crate) metadata: Option<Metadata>,
    /// When the row was created, if the stream says so.
    pub(crate) created_at: Option<Timestamp>,
    /// How often it was sent to the bus.
    pub(crate) attempts: u32,
    /// Whether it needs a call of its own, because a call with several entries was refused as a whole.
    pub(crate) alone: bool,
    /// Why the bus did not accept it the last time.
    pub(crate) last_error: Option<String>,
}

impl Entry {
    /// An entry that was not sent yet.
    pub fn new(event: OutboxEntry, created_at: Option<Timestamp>) -> Self {
        let envelope = serde_json::from_str::<RawEnvelope<'_>>(event.detail.get());
        Self {
            metadata: envelope.ok().map(|envelope| envelope.metadata),
            event,
            created_at,
            attempts: 0,
            alone: false,
            last_error: None,
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

    /// Whether it has waited for the bus as long as it may. An entry of unknown age waits on: Lambda's
    /// `MaximumRecordAgeInSeconds` ends that.
    pub(crate) fn is_overdue(&self, now: Timestamp) -> bool {
        self.created_at.is_some_and(|created_at| now.duration_since(created_at) > MAX_WAIT)
    }

    pub(crate) fn event_id(&self) -> Option<&str> {
        self.metadata.as_ref().map(|metadata| metadata.event_id.as_str())
    }
}
