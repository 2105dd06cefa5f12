//! What the author of a consumer writes whose effect lies outside DynamoDB.

use switchyard_events::DomainEvent;

use crate::{Failure, Received};

/// A consumer whose effect cannot be part of a transaction, such as mail.
///
/// A lease in the consumer's table keeps two workers from sending at once, and a completed one keeps an event from being sent
/// again. Only a crash between sending and completing lets the same event be sent a second time, after the lease has ended.
#[allow(async_fn_in_trait)] // as for `Consumer`
pub trait Sender {
    /// The consumer's name: its folder, its function, its row in the template.
    const NAME: &'static str;
    /// What it reads.
    type Event: DomainEvent;

    /// Causes the effect.
    async fn send(&self, event: &Received<Self::Event>) -> Result<Sent, Failure>;
}

/// What the other side calls the thing that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its identifier there, such as the message id of SES.
    pub reference: String,
}
