//! The transactional consumer: two workers receive batches from one queue and apply events on one table.
//!
//! **Modelled** (`functions/chassis`: delivery and commit): batches of one or two messages, with the same event twice in one batch
//! or in two concurrent ones; one transaction for a batch, cancelled by a marker that exists, and retried without the duplicate; a
//! transaction that DynamoDB refuses because of one event, then retried event by event; handlers that add to a row, or read it and
//! write it back if its version is unchanged; errors with and without effect; sending to the dead-letter queue after the last
//! receive; acknowledgement of each message by itself, also with an old receipt handle; a crash of a worker between any two calls;
//! messages that are redelivered while their worker runs; markers that expire once no copy of their event can come any more;
//! operators who redrive.
//!
//! **Left out.** *More than two events, three messages, two workers*: each seeded bug needs no more, because all conditions are on
//! single rows. *Several rows per effect*: they are written in the same transaction as the one here. *Retries inside a call*: the
//! SDK repeats a transaction with the same idempotency token, and a put whose response was lost finds its own row, which is a
//! duplicate; a call that succeeds covers both. *Conflicts and throttling*: a call that fails. *Backoff*: see
//! [`queue`](crate::queue). *A message that no worker receives within its retention*: SQS deletes it; an alarm fires long before.
//! A poison event represents every event that the handler or DynamoDB rejects.

pub mod action;
pub mod properties;
pub mod state;
pub mod variant;

use stateright::{Model, Property};

use crate::protocol::{LivenessProperty, Protocol};
use action::Action;
use properties::{
    AT_MOST_ONCE, NEIGHBOURS_UNAFFECTED, NOT_LOST, TOTAL_IS_EXACT, liveness_properties, safety_properties,
};
use state::{EVENTS, State, Worker};
pub use variant::{Bug, Consumer, HandlerWrite, Scenario};

impl Model for Consumer {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        [false, true].map(|poison| State::new(self.initial_messages(), poison)).into()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (worker, at_work) in state.workers.iter().enumerate() {
            if at_work.is_idle() {
                actions.extend(state.receivable_batches().map(|messages| Action::Receive { worker, messages }));
            } else {
                actions.push(Action::Crash { worker });
                self.worker_actions(worker, at_work, actions);
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
        let expired = (0..EVENTS).filter(|event| self.may_expire(state, *event));
        actions.extend(expired.map(|event| Action::ExpireMarker { event }));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Receive { worker, messages } => next.receive(worker, messages),
            Action::Read { worker } => next.workers[worker].read = Some(self.value_to_read(state)),
            Action::Write { worker, outcome } => self.write(&mut next, worker, outcome),
            Action::SendToDlq { worker, message, outcome } => self.send_to_dlq(&mut next, worker, message, outcome),
            Action::Acknowledge { worker, message, deleted } => {
                next.workers[worker].tasks[message] = None;
                next.messages[message].in_queue &= !deleted;
            }
            Action::ReportFailure { worker, message } => next.workers[worker].tasks[message] = None,
            Action::ExceedMaxReceives { message } => next.messages[message].exceed_max_receives(),
            Action::Crash { worker } => next.workers[worker] = Worker::default(),
            Action::ExpireMarker { event } => next.rows[event].has_marker = false,
            Action::Redrive { message } => next.messages[message].redrive(),
        }
        next.canonicalize();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        safety_properties()
    }
}

impl Protocol for Consumer {
    const NAME: &'static str = "consumer";
    type Bug = Bug;
    const BUGS: &'static [(Bug, &'static str)] = &[
        (Bug::MarkerBeforeEffect, NOT_LOST),
        (Bug::EffectBeforeMarker, AT_MOST_ONCE),
        (Bug::MarkerWithoutCondition, AT_MOST_ONCE),
        (Bug::ReadMarkerThenWrite, AT_MOST_ONCE),
        (Bug::MarkerTtlTooShort, AT_MOST_ONCE),
        (Bug::FailureAcknowledged, NOT_LOST),
        (Bug::DlqErrorIgnored, NOT_LOST),
        (Bug::UpdateWithoutVersionCheck, TOTAL_IS_EXACT),
        (Bug::WholeBatchRejected, NEIGHBOURS_UNAFFECTED),
    ];

    fn correct() -> Vec<Self> {
        let scenario = Scenario::TwoEventsOneTwice;
        [HandlerWrite::Add, HandlerWrite::ReadThenUpdate].map(|write| Self { scenario, write, bug: None }).into()
    }

    fn with_bug(bug: Bug) -> Self {
        let (scenario, write) = match bug {
            Bug::UpdateWithoutVersionCheck => (Scenario::TwoEvents, HandlerWrite::ReadThenUpdate),
            Bug::WholeBatchRejected => (Scenario::TwoEvents, HandlerWrite::Add),
            _ => (Scenario::OneEventTwice, HandlerWrite::Add),
        };
        Self { scenario, write, bug: Some(bug) }
    }

    fn setting(&self) -> String {
        format!("{:?}, {:?}", self.scenario, self.write)
    }

    fn liveness(&self) -> Vec<LivenessProperty<Self>> {
        liveness_properties()
    }
}
