//! What applies a batch's events.

use switchyard_events::DomainEvent;
use tokio::time::Instant;

use crate::dynamodb::table::Usage;
use crate::{Outcome, Received};

/// Applies events: in a table's transactions, or under leases around an effect elsewhere.
#[allow(async_fn_in_trait)] // as for `Consumer`
pub trait Apply {
    /// The consumer's name.
    const NAME: &'static str;
    /// What it reads.
    type Event: DomainEvent;

    /// Applies events, no event twice, and returns their outcomes in the same order. Starts nothing after the deadline.
    async fn apply(&self, events: &[Received<Self::Event>], deadline: Instant) -> Vec<Outcome>;

    /// The cost of the calls since the last call of this method.
    fn take_usage(&self) -> Usage;
}
