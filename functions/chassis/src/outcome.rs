//! What happened to one event.

use std::time::Duration;

use crate::Failure;

/// The result of one event, from the handler to the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The effect is written.
    Applied,
    /// The effect was written before, by an earlier delivery of the same event.
    Duplicate,
    /// Another worker holds the event's lease. The message becomes visible again after this time, however often it was received.
    Deferred(Duration),
    /// Nothing is written.
    Failed(Failure),
}
