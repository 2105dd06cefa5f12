//! What the author of a consumer writes.

use std::ops::Deref;

use jiff::Timestamp;
use switchyard_events::{DomainEvent, Metadata};

use crate::{Effects, Failure};

/// A consumer whose effect lies in its own DynamoDB table.
///
/// A handler decides; it does not write. It may run more than once for an event (a duplicate, a condition that failed, a crash),
/// so all that it does goes through [`Effects`].
#[allow(async_fn_in_trait)] // a function handles one batch at a time on one thread; nothing here needs to be `Send`
pub trait Consumer {
    /// The consumer's name: its folder, its function, its row in the template.
    const NAME: &'static str;
    /// What it reads: one fact, or an enum of several.
    type Event: DomainEvent;

    /// States what this event changes.
    async fn handle(&self, event: &Received<Self::Event>, effects: &mut Effects) -> Result<(), Failure>;
}

/// An event as it came in.
#[derive(Debug, Clone)]
pub struct Received<E> {
    /// The fact; a `Received` dereferences to it.
    pub event: E,
    /// Who, what, when and why.
    pub metadata: Metadata,
    /// How often this message has been received, this time included.
    pub receive_count: u32,
    /// When it was received.
    pub received_at: Timestamp,
}

impl<E> Received<E> {
    /// Milliseconds from the event to this receive; never negative, whatever the clocks say.
    pub fn lag_ms(&self) -> u64 {
        let lag = self.received_at.as_millisecond().saturating_sub(self.metadata.occurred_at.as_millisecond());
        u64::try_from(lag).unwrap_or(0)
    }
}

impl<E> Deref for Received<E> {
    type Target = E;
    fn deref(&self) -> &E {
        &self.event
    }
}
