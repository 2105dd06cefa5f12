//! The queue, the row, the workers, and what an auditor would know.

use super::action::Action;
use crate::call::CallOutcome;
use crate::queue::{DeadLetterReason, Message};

pub(super) const MESSAGES: usize = 2;
const WORKERS: usize = 3;

/// A state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub(super) messages: [Message; MESSAGES],
    pub(super) row: Option<LeaseRow>,
    pub(super) workers: [Worker; WORKERS],
    /// SES will never take this mail.
    pub(super) is_unsendable: bool,
    /// The mail was sent at least once.
    pub(super) sent: bool,
    /// How many mails were sent under a lease that did not end before they were recorded: none, one, or more.
    pub(super) mails_outside_window: u8,
    /// A worker changed a row that another worker owned.
    pub(super) stale_overwrite: bool,
}

/// The lease's row. Its owner is in [`Worker::is_owner`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LeaseRow {
    pub(super) is_running: bool,
    pub(super) is_completed: bool,
}

/// A worker; without a task it is idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) struct Worker {
    pub(super) task: Option<Task>,
    /// Its token is in the row.
    pub(super) is_owner: bool,
    /// It sent the mail.
    pub(super) sent: bool,
    /// Its lease ended before its mail was recorded.
    pub(super) ended_unrecorded: bool,
}

/// A message and what its worker does next about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Task {
    pub(super) message: usize,
    pub(super) phase: Phase,
}

/// What a worker does next about its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Phase {
    Claim,
    Send,
    Complete,
    /// Release the lease, because the mail could not be sent; or never can be.
    Release {
        is_unsendable: bool,
    },
    /// Report a failure; or send the message to the dead-letter queue, if that was its last receive.
    Fail,
    /// Have the message redelivered, because another worker has the lease.
    Defer,
    /// Send the message to the dead-letter queue.
    Reject,
    Acknowledge,
}

impl Phase {
    /// What a worker in this phase may do, other than crash.
    pub(super) fn push_actions(self, worker: usize, actions: &mut Vec<Action>) {
        let send_to_dlq = CallOutcome::ALL.map(|outcome| Action::SendToDlq { worker, outcome });
        match self {
            Self::Claim | Self::Send | Self::Complete | Self::Release { .. } => {
                actions.extend(CallOutcome::ALL.map(|outcome| Action::Call { worker, outcome }));
            }
            Self::Reject => actions.extend(send_to_dlq),
            Self::Defer => actions.push(Action::ReportFailure { worker }),
            Self::Fail => {
                actions.extend(send_to_dlq);
                actions.push(Action::ReportFailure { worker });
            }
            Self::Acknowledge => {
                actions.extend([true, false].map(|deleted| Action::Acknowledge { worker, deleted }));
            }
        }
    }
}

impl Worker {
    /// Whether it has this message.
    pub(super) fn has(&self, message: usize) -> bool {
        self.task.is_some_and(|task| task.message == message)
    }

    fn with_messages_swapped(self) -> Self {
        Self { task: self.task.map(|task| Task { message: 1 - task.message, ..task }), ..self }
    }
}

impl State {
    pub(super) fn new(is_unsendable: bool) -> Self {
        Self {
            messages: [Message::SENT; MESSAGES],
            row: None,
            workers: [Worker::default(); WORKERS],
            is_unsendable,
            sent: false,
            mails_outside_window: 0,
            stale_overwrite: false,
        }
    }

    pub(super) fn queued_messages(&self) -> impl Iterator<Item = usize> {
        (0..MESSAGES).filter(|message| self.messages[*message].in_queue)
    }

    pub(super) fn is_held(&self, message: usize) -> bool {
        self.workers.iter().any(|worker| worker.has(message))
    }

    /// The queue is empty and no worker has a message.
    pub(super) fn is_drained(&self) -> bool {
        self.queued_messages().next().is_none() && self.workers.iter().all(|worker| worker.task.is_none())
    }

    pub(super) fn has_dead_letter(&self) -> bool {
        self.messages.iter().any(|message| message.dead_letter.is_some())
    }

    /// A worker's lease ends before its mail, if it sent one, was recorded.
    pub(super) fn end_unrecorded(&mut self, worker: usize) {
        let worker = &mut self.workers[worker];
        if worker.sent && !worker.ended_unrecorded {
            self.mails_outside_window = self.mails_outside_window.saturating_sub(1);
        }
        worker.ended_unrecorded = true;
    }

    pub(super) fn crash(&mut self, worker: usize) {
        if self.workers[worker].task.is_some_and(|task| task.phase == Phase::Complete) {
            self.end_unrecorded(worker);
        }
        self.workers[worker].task = None;
    }

    /// A worker sends its message to the dead-letter queue. If it does not know that the queue has it, SQS redelivers it.
    pub(super) fn send_to_dlq(&mut self, worker: usize, outcome: CallOutcome) {
        let Some(Task { message, phase }) = self.workers[worker].task else { return };
        if outcome != CallOutcome::Failed {
            let is_rejected = phase == Phase::Reject;
            let reason = if is_rejected { DeadLetterReason::Rejected } else { DeadLetterReason::TooManyReceives };
            self.messages[message].dead_letter = Some(reason);
        }
        let next = Task { message, phase: Phase::Acknowledge };
        self.workers[worker].task = (outcome == CallOutcome::Succeeded).then_some(next);
    }

    pub(super) fn acknowledge(&mut self, worker: usize, deleted: bool) {
        if let Some(Task { message, .. }) = self.workers[worker].task.take() {
            self.messages[message].in_queue &= !deleted;
        }
    }

    /// Makes states equal that differ in nothing relevant: in the past of an idle worker, or in the order of the workers or of the
    /// messages.
    pub(super) fn canonicalize(&mut self) {
        for worker in self.workers.iter_mut().filter(|worker| worker.task.is_none()) {
            *worker = Worker::default();
        }
        self.workers.sort_unstable();
        let mut swapped = self.workers.map(Worker::with_messages_swapped);
        swapped.sort_unstable();
        if (self.messages[1], swapped) < (self.messages[0], self.workers) {
            self.messages.swap(0, 1);
            self.workers = swapped;
        }
    }
}
