//! What can happen next.

use crate::call::CallOutcome;

/// One action. Orders are named by their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A client sends its request.
    Checkout { order: usize, outcome: CallOutcome },
    /// A checkout without an outbox puts its event on the bus, or dies before.
    PutFromCheckout { order: usize, arrives: bool },
    /// The stream hands so many records to the publisher.
    Invoke { records: usize },
    /// The publisher puts its waiting entries on the bus.
    PutEvents(PutEventsResult),
    /// The publisher sends an entry to its dead-letter queue.
    SendToDlq(CallOutcome),
    /// The publisher reports its batch as done.
    ReportBatch,
    /// The publisher fails, because entries are left that it could not put; or it dies.
    FailInvocation,
    /// Lambda discards a record because of its age.
    DiscardOldRecord,
    /// The consumer receives a copy; there may be another one.
    Consume { order: usize, another_copy: bool },
    /// An operator puts a dead entry on the bus.
    Redrive { order: usize },
}

/// The result of a call of `PutEvents`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutEventsResult {
    /// A result for each entry; these were throttled (a bit each).
    PerEntry { throttled: u8 },
    /// The call is refused because of one entry.
    CallRefused,
    /// The response is lost, but EventBridge has taken all entries that it could.
    ResponseLost,
    /// The call fails without effect.
    Failed,
}

impl Action {
    /// Whether it happens without faults and without people.
    pub(super) fn is_fault_free(&self) -> bool {
        match self {
            Self::Invoke { .. } | Self::ReportBatch => true,
            Self::PutEvents(result) => {
                matches!(result, PutEventsResult::PerEntry { throttled: 0 } | PutEventsResult::CallRefused)
            }
            Self::SendToDlq(outcome) => *outcome == CallOutcome::Succeeded,
            Self::Consume { another_copy, .. } => !another_copy,
            Self::PutFromCheckout { arrives, .. } => *arrives,
            Self::Checkout { .. } | Self::FailInvocation | Self::DiscardOldRecord | Self::Redrive { .. } => false,
        }
    }
}
