//! The lease in its settings, correct or with a bug, and what its steps do.

use super::state::{LeaseRow, Phase, State, Task};
use crate::call::CallOutcome;

/// The lease sender.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    /// When leases end.
    pub lease_end: LeaseEnd,
    /// The seeded bug.
    pub bug: Option<Bug>,
}

/// When leases end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseEnd {
    /// At any moment.
    AnyTime,
    /// Not while the worker that owns it is alive, because Lambda stops that worker before.
    AfterOwner,
}

/// A seeded bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A lease is granted although another worker holds it.
    ClaimWithoutCondition,
    /// A lease never ends by itself.
    LeaseNeverEnds,
    /// A lease may end while its worker is at work, though the protocol relies on the opposite.
    LeaseShorterThanFunctionTimeout,
    /// The mail is recorded as sent when the lease is claimed.
    RecordedBeforeSend,
    /// A completion does not check whose lease it is.
    CompleteWithoutToken,
    /// A release does not check whose lease it is.
    ReleaseWithoutToken,
    /// A message is acknowledged while another worker has the lease.
    AcknowledgedWhileLeaseIsHeld,
    /// A failed send is acknowledged.
    FailureAcknowledged,
    /// Completed leases expire before messages do.
    RowTtlTooShort,
}

impl Lease {
    fn has(self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    pub(super) fn lease_may_end(self, state: &State) -> bool {
        let owner_works = state.workers.iter().any(|worker| worker.is_owner);
        let may_interrupt = self.lease_end == LeaseEnd::AnyTime || self.has(Bug::LeaseShorterThanFunctionTimeout);
        state.row.is_some_and(|row| row.is_running) && (may_interrupt || !owner_works) && !self.has(Bug::LeaseNeverEnds)
    }

    /// The row's time to live is longer than all places together keep a message.
    pub(super) fn row_may_expire(self, state: &State) -> bool {
        let no_copy_exists = state.is_drained() && !state.has_dead_letter();
        state.row.is_some() && (no_copy_exists || self.has(Bug::RowTtlTooShort))
    }

    fn phase_after_failure(self) -> Phase {
        if self.has(Bug::FailureAcknowledged) { Phase::Acknowledge } else { Phase::Fail }
    }

    /// A worker makes the call of its phase.
    pub(super) fn call(self, state: &mut State, worker: usize, outcome: CallOutcome) {
        let Some(task) = state.workers[worker].task else { return };
        let phase = match task.phase {
            Phase::Claim => self.claim(state, worker, outcome),
            Phase::Send => self.send(state, worker, outcome),
            Phase::Complete => self.complete(state, worker, outcome),
            Phase::Release { is_unsendable } => {
                self.release(state, worker, outcome);
                if is_unsendable { Phase::Reject } else { self.phase_after_failure() }
            }
            other => other,
        };
        state.workers[worker].task = Some(Task { phase, ..task });
    }

    fn claim(self, state: &mut State, worker: usize, outcome: CallOutcome) -> Phase {
        if outcome == CallOutcome::Failed {
            return self.phase_after_failure();
        }
        if let Some(row) = state.row.filter(|_| !self.has(Bug::ClaimWithoutCondition)) {
            if row.is_completed || row.is_running && self.has(Bug::AcknowledgedWhileLeaseIsHeld) {
                return Phase::Acknowledge;
            }
            if row.is_running {
                return Phase::Defer;
            }
        }
        let is_completed = self.has(Bug::RecordedBeforeSend);
        state.row = Some(LeaseRow { is_running: !is_completed, is_completed });
        state.workers.iter_mut().for_each(|worker| worker.is_owner = false);
        if outcome == CallOutcome::ResponseLost {
            return self.phase_after_failure();
        }
        state.workers[worker].is_owner = true;
        Phase::Send
    }

    fn send(self, state: &mut State, worker: usize, outcome: CallOutcome) -> Phase {
        if state.is_unsendable {
            return Phase::Release { is_unsendable: true };
        }
        if outcome != CallOutcome::Failed {
            state.sent = true;
            state.workers[worker].sent = true;
            if !state.workers[worker].ended_unrecorded {
                state.mails_outside_window = (state.mails_outside_window + 1).min(2);
            }
        }
        if outcome != CallOutcome::Succeeded {
            state.end_unrecorded(worker);
            return Phase::Release { is_unsendable: false };
        }
        if self.has(Bug::RecordedBeforeSend) { Phase::Acknowledge } else { Phase::Complete }
    }

    /// Records the mail as sent. If another worker owns the lease by now, that worker will record it.
    fn complete(self, state: &mut State, worker: usize, outcome: CallOutcome) -> Phase {
        if outcome == CallOutcome::Failed {
            state.end_unrecorded(worker);
            return self.phase_after_failure();
        }
        if may_change_row(state, worker, self.has(Bug::CompleteWithoutToken)) {
            state.row = Some(LeaseRow { is_running: false, is_completed: true });
        }
        if outcome == CallOutcome::Succeeded { Phase::Acknowledge } else { self.phase_after_failure() }
    }

    fn release(self, state: &mut State, worker: usize, outcome: CallOutcome) {
        if outcome != CallOutcome::Failed && may_change_row(state, worker, self.has(Bug::ReleaseWithoutToken)) {
            state.row = state.row.map(|row| LeaseRow { is_running: false, ..row });
        }
    }

    pub(super) fn end_lease(self, state: &mut State) {
        state.row = state.row.map(|row| LeaseRow { is_running: false, ..row });
        let owner = state.workers.iter().position(|worker| worker.is_owner);
        if let Some(owner) = owner.filter(|_| !self.has(Bug::LeaseShorterThanFunctionTimeout)) {
            state.end_unrecorded(owner);
        }
    }
}

/// Whether a write changes the row: its condition is the worker's token, unless a bug left that out.
fn may_change_row(state: &mut State, worker: usize, without_token: bool) -> bool {
    let is_owner = state.workers[worker].is_owner;
    state.stale_overwrite |= without_token && !is_owner;
    is_owner || without_token
}
