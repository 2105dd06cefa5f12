//! What can happen next.

use super::fact::Fact;

/// One action. Orders, workers, reviewers and runs of the job are named by their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Fraud scores an order: it confirms or flags it.
    Score { order: usize, verdict: Fact },
    /// A person, or the job that rejects orders without review, finds that the flagged order is not decided.
    BeginReview { verdict: Fact, is_expiry: bool },
    /// A reviewer writes the decision.
    WriteReview { reviewer: usize },
    /// A reviewer's process dies.
    CrashReviewer { reviewer: usize },
    /// The owner asks for the cancellation.
    RequestCancellation { order: usize },
    /// A worker receives a message and applies it. The message is acknowledged, unless the worker does not get that far.
    Deliver { order: usize, fact: Fact, acknowledged: bool },
    /// A worker of the warehouse receives a request or rejection and reads the state of the pick.
    ReadPick { order: usize, cause: Fact },
    /// A worker of the warehouse writes its answer. Its message is acknowledged, unless the worker does not get that far.
    WriteAnswer { worker: usize, acknowledged: bool },
    /// A worker of the warehouse dies.
    CrashWorker { worker: usize },
    /// A run of the job finds orders (a bit each). The answer is current if these are the ones that wait at this moment.
    QueryIndex { found: u8, is_current: bool },
    /// A run of the job makes its next call.
    ContinueRun { run: usize },
    /// A run of the job is cut off by its timeout or a crash.
    CutOffRun { run: usize },
}

impl Action {
    /// Whether it happens without faults, without people, and with an index that is not behind.
    pub(super) fn is_fair(&self) -> bool {
        match self {
            Self::Score { .. } | Self::WriteReview { .. } | Self::ReadPick { .. } | Self::ContinueRun { .. } => true,
            Self::BeginReview { is_expiry, .. } => *is_expiry,
            Self::Deliver { acknowledged, .. } | Self::WriteAnswer { acknowledged, .. } => *acknowledged,
            Self::QueryIndex { is_current, .. } => *is_current,
            Self::RequestCancellation { .. }
            | Self::CrashReviewer { .. }
            | Self::CrashWorker { .. }
            | Self::CutOffRun { .. } => false,
        }
    }
}
