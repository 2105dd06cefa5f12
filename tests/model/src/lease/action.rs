//! What can happen next.

use crate::call::CallOutcome;

/// One action. Workers and messages are named by their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A worker receives a message.
    Receive { worker: usize, message: usize },
    /// A worker makes the next call for its mail: it claims the lease, sends the mail, completes the lease, or releases it. If
    /// sending fails, no mail was sent.
    Call { worker: usize, outcome: CallOutcome },
    /// A worker sends its message to the dead-letter queue.
    SendToDlq { worker: usize, outcome: CallOutcome },
    /// A worker reports its message as failed: SQS redelivers it.
    ReportFailure { worker: usize },
    /// Lambda deletes the message of a worker that has returned, or does not get so far.
    Acknowledge { worker: usize, deleted: bool },
    /// A worker dies.
    Crash { worker: usize },
    /// SQS moves a message to the dead-letter queue.
    ExceedMaxReceives { message: usize },
    /// The lease's time is over.
    EndLease,
    /// The row has expired and is deleted.
    ExpireRow,
    /// An operator redrives a dead letter.
    Redrive { message: usize },
}

impl Action {
    /// Whether it happens without faults and without people.
    pub(super) fn is_fault_free(&self) -> bool {
        match self {
            Self::Receive { .. } | Self::ReportFailure { .. } | Self::EndLease => true,
            Self::Call { outcome, .. } | Self::SendToDlq { outcome, .. } => *outcome == CallOutcome::Succeeded,
            Self::Acknowledge { deleted, .. } => *deleted,
            Self::Crash { .. } | Self::ExceedMaxReceives { .. } | Self::ExpireRow | Self::Redrive { .. } => false,
        }
    }
}
