//! The lease sender: three workers are to send one mail once, and SES has no idempotency key.
//!
//! **Modelled** (`functions/chassis`: lease and delivery; `functions/email`): claim; send; complete and release, both on condition
//! of the owner's token; a lease that ends at any moment, also while its owner still works, and an owner that then continues; a
//! claim that is granted though its response is lost; mail that is sent though the response is lost, after which the sender
//! releases the lease; a completion that fails or whose response is lost; mail that SES will never take; two deliveries of the
//! same event, each received any number of times; a crash between any two calls; the completed lease that expires; operators who
//! redrive.
//!
//! **The documented window.** A mail that was sent is *recorded* when its completion is written. If a lease ends before that
//! (because its worker dies, cannot write, never learns that the mail was sent, or is slower than the lease), the mail is sent
//! again. Nothing else may send a duplicate; so all mails but one must have been sent under a lease that ended before they were
//! recorded. With [`LeaseEnd::AfterOwner`], which the template configures (30 seconds for a function, 60 for a lease), slowness is
//! not among the reasons.
//!
//! **Left out.** *More than one event*: each has a row of its own, and the messages of a batch are handled concurrently. *Which
//! token*: that a worker owns the row says that its token is in it; tokens are never used twice. *Time*: a lease is running or has
//! ended, and ends at any moment that the checker chooses, so every disagreement of clocks is covered too. *How long a message
//! waits for another worker's lease*: it is redelivered at any moment; if that was too early it waits again.

pub mod action;
pub mod properties;
pub mod state;
pub mod variant;

use stateright::{Model, Property};

use crate::protocol::{LivenessProperty, Protocol};
use action::Action;
use properties::{
    AT_MOST_ONE_MAIL, EVENTUALLY_SETTLED, NO_STALE_OVERWRITE, NOT_LOST, liveness_properties, safety_properties,
};
use state::{Phase, State, Task};
pub use variant::{Bug, Lease, LeaseEnd};

impl Model for Lease {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        [false, true].map(State::new).into()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (worker, at_work) in state.workers.iter().enumerate() {
            if let Some(task) = at_work.task {
                actions.push(Action::Crash { worker });
                task.phase.push_actions(worker, actions);
            } else {
                actions.extend(state.queued_messages().map(|message| Action::Receive { worker, message }));
            }
        }
        for (message, copy) in state.messages.iter().enumerate() {
            if copy.in_queue {
                actions.push(Action::ExceedMaxReceives { message });
            }
            // A worker that still has the message works on the dead one; a redriven one is new, as in two deliveries.
            if copy.is_redrivable() && !state.is_held(message) {
                actions.push(Action::Redrive { message });
            }
        }
        if self.lease_may_end(state) {
            actions.push(Action::EndLease);
        }
        if self.row_may_expire(state) {
            actions.push(Action::ExpireRow);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Receive { worker, message } => {
                next.workers[worker].task = Some(Task { message, phase: Phase::Claim });
            }
            Action::Call { worker, outcome } => self.call(&mut next, worker, outcome),
            Action::SendToDlq { worker, outcome } => next.send_to_dlq(worker, outcome),
            Action::ReportFailure { worker } => next.workers[worker].task = None,
            Action::Acknowledge { worker, deleted } => next.acknowledge(worker, deleted),
            Action::Crash { worker } => next.crash(worker),
            Action::ExceedMaxReceives { message } => next.messages[message].exceed_max_receives(),
            Action::Redrive { message } => next.messages[message].redrive(),
            Action::EndLease => self.end_lease(&mut next),
            Action::ExpireRow => {
                next.row = None;
                next.workers.iter_mut().for_each(|worker| worker.is_owner = false);
            }
        }
        next.canonicalize();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        safety_properties(self.lease_end)
    }
}

impl Protocol for Lease {
    const NAME: &'static str = "lease";
    type Bug = Bug;
    const BUGS: &'static [(Bug, &'static str)] = &[
        (Bug::ClaimWithoutCondition, AT_MOST_ONE_MAIL),
        (Bug::LeaseNeverEnds, EVENTUALLY_SETTLED),
        (Bug::LeaseShorterThanFunctionTimeout, AT_MOST_ONE_MAIL),
        (Bug::RecordedBeforeSend, NOT_LOST),
        (Bug::CompleteWithoutToken, NO_STALE_OVERWRITE),
        (Bug::ReleaseWithoutToken, AT_MOST_ONE_MAIL),
        (Bug::AcknowledgedWhileLeaseIsHeld, NOT_LOST),
        (Bug::FailureAcknowledged, NOT_LOST),
        (Bug::RowTtlTooShort, AT_MOST_ONE_MAIL),
    ];

    fn correct() -> Vec<Self> {
        [LeaseEnd::AnyTime, LeaseEnd::AfterOwner].map(|lease_end| Self { lease_end, bug: None }).into()
    }

    fn with_bug(bug: Bug) -> Self {
        let needs_stale_owner = matches!(bug, Bug::CompleteWithoutToken | Bug::ReleaseWithoutToken);
        let lease_end = if needs_stale_owner { LeaseEnd::AnyTime } else { LeaseEnd::AfterOwner };
        Self { lease_end, bug: Some(bug) }
    }

    fn setting(&self) -> String {
        format!("{:?}", self.lease_end)
    }

    fn liveness(&self) -> Vec<LivenessProperty<Self>> {
        liveness_properties()
    }
}
