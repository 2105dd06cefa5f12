//! What the author of a consumer implements.

use std::ops::Deref;

use jiff::Timestamp;
use switchyard_events::{DomainEvent, Metadata};

use crate::{Effects, Failure};

/// A consumer whose effect is stored in its own DynamoDB table.
///
/// A handler decides; it does not write. It may run more than once for an event (a duplicate, a failed condition, a crash), so
/// everything that it changes goes through [`Effects`].
///
/// ```
/// use switchyard_chassis::{Consumer, Effects, Failure, Key, Received, Row};
/// use switchyard_events::OrderPlaced;
///
/// /// Gives a point per dollar.
/// struct Loyalty;
///
/// impl Consumer for Loyalty {
///     const NAME: &'static str = "loyalty";
///     type Event = OrderPlaced;
///
///     async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
///         let points = order.total_usd.decimal().trunc();
///         effects.record(Row::new(Key::new(format!("ORDER#{}", order.order_id), "POINTS")).set("points", points));
///         effects.add(Key::new(format!("USER#{}", order.user_id), "BALANCE"), "points", points);
///         Ok(())
///     }
/// }
/// ```
#[allow(async_fn_in_trait)] // a function handles one batch at a time on one thread; nothing here needs to be `Send`
pub trait Consumer {
    /// The consumer's name: its folder, its function, its entry in the template.
    const NAME: &'static str;
    /// What it reads: one fact, or an enum of several.
    type Event: DomainEvent;

    /// Decides what this event changes.
    async fn handle(&self, event: &Received<Self::Event>, effects: &mut Effects) -> Result<(), Failure>;
}

/// An event as it was received.
#[derive(Debug, Clone)]
pub struct Received<E> {
    /// The fact; a `Received` dereferences to it.
    pub event: E,
    /// The event's identity, cause, time and version.
    pub metadata: Metadata,
    /// How often this message has been received, this time included.
    pub receive_count: u32,
    /// When it was received.
    pub received_at: Timestamp,
}

impl<E> Received<E> {
    /// Milliseconds from the event to this receive. Zero if the clocks of producer and consumer disagree.
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
