//! What can happen next.

use crate::call::CallOutcome;

/// One action. Workers, messages and events are named by their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A worker receives these messages (a bit each).
    Receive { worker: usize, messages: u8 },
    /// A worker reads what its handlers need.
    Read { worker: usize },
    /// A worker tries to write the events of its batch that are not applied yet.
    Write { worker: usize, outcome: CallOutcome },
    /// A worker sends a message to the dead-letter queue.
    SendToDlq { worker: usize, message: usize, outcome: CallOutcome },
    /// A worker reports a message as failed: SQS redelivers it.
    ReportFailure { worker: usize, message: usize },
    /// Lambda deletes a message of a worker that has returned. It is not deleted if Lambda does not get so far, or if SQS ignores
    /// the old receipt handle.
    Acknowledge { worker: usize, message: usize, deleted: bool },
    /// A worker dies.
    Crash { worker: usize },
    /// SQS moves a message to the dead-letter queue.
    ExceedMaxReceives { message: usize },
    /// A marker has expired and is deleted.
    ExpireMarker { event: usize },
    /// An operator redrives a dead letter.
    Redrive { message: usize },
}

impl Action {
    /// Whether it happens without faults and without people.
    pub(super) fn is_fault_free(&self) -> bool {
        match self {
            Self::Receive { .. } | Self::Read { .. } | Self::ReportFailure { .. } => true,
            Self::Write { outcome, .. } | Self::SendToDlq { outcome, .. } => *outcome == CallOutcome::Succeeded,
            Self::Acknowledge { deleted, .. } => *deleted,
            Self::Crash { .. } | Self::ExceedMaxReceives { .. } | Self::ExpireMarker { .. } | Self::Redrive { .. } => {
                false
            }
        }
    }
}
