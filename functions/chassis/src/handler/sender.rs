//! What the author of a consumer implements whose effect is outside DynamoDB.

use switchyard_events::{DomainEvent, EventId};

use crate::{Failure, Received};

/// A consumer whose effect cannot be part of a transaction, such as mail.
///
/// A lease in the consumer's table keeps two workers from sending at the same time. A completed lease keeps an event from being
/// sent again. Only a crash between sending and completing can send an event a second time, after the lease has ended.
///
/// ```
/// use switchyard_chassis::{Received, SendError, Sender, Sent};
/// use switchyard_events::OrderPlaced;
///
/// struct Webhook;
///
/// impl Sender for Webhook {
///     const NAME: &'static str = "webhook";
///     type Event = OrderPlaced;
///
///     async fn send(&self, order: &Received<OrderPlaced>) -> Result<Sent, SendError> {
///         // Call the other system here. Give it the event's id, if it has a use for idempotency keys.
///         Ok(Sent { reference: format!("accepted-{}", order.metadata.event_id) })
///     }
/// }
/// ```
#[allow(async_fn_in_trait)] // as for `Consumer`
pub trait Sender {
    /// The consumer's name: its folder, its function, its entry in the template.
    const NAME: &'static str;
    /// What it reads: one fact, or an enum of several.
    type Event: DomainEvent;

    /// Causes the effect.
    async fn send(&self, event: &Received<Self::Event>) -> Result<Sent, SendError>;

    /// An event about the same aggregate whose effect must not happen after this event's, such as the receipt of an order that is now
    /// cancelled. Before this event is sent, the other one is settled: if it is being sent, this one waits for that; if it was not sent, it
    /// never will be, and counts as a duplicate when it arrives. So the later effect is never followed by the earlier one.
    ///
    /// Costs a write unit for an event that supersedes one, and nothing for any other.
    fn supersedes(&self, _event: &Received<Self::Event>) -> Option<EventId> {
        None
    }

    /// Asks the other system for anything that has no effect. Called before a send is repeated whose outcome is unknown, so that an
    /// outage of the other system does not count as an unknown outcome again and again.
    async fn probe(&self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Why an effect is not known to have happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The effect did not happen. The lease ends now, so that the next attempt need not wait for it.
    #[error("{0}")]
    NotSent(#[from] Failure),
    /// The effect may have happened: no answer came. The lease stays until its end, which spaces out the possible repetitions.
    #[error("{0}")]
    OutcomeUnknown(Failure),
}

/// What the other system calls the effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The effect's identifier in the other system, such as the message id of SES.
    pub reference: String,
}
