//! The consumer in its settings, correct or with a bug, and what its steps do.

use super::action::Action;
use super::state::{EVENT_OF_MESSAGE, EVENTS, MESSAGES, MessageTask, State, Worker};
use crate::call::CallOutcome;
use crate::queue::{DeadLetterReason, Message};

/// Counting ends here: two effects are too many already.
const MAX_EFFECTS: u8 = 2;

/// The consumer.
#[derive(Debug, Clone, Copy)]
pub struct Consumer {
    /// Which messages are sent.
    pub scenario: Scenario,
    /// How a handler changes the row that all events change.
    pub write: HandlerWrite,
    /// The seeded bug.
    pub bug: Option<Bug>,
}

/// Which messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// One event, delivered twice.
    OneEventTwice,
    /// Two events.
    TwoEvents,
    /// Two events, one of them delivered twice.
    TwoEventsOneTwice,
}

/// How a handler changes a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandlerWrite {
    /// It adds to the row: `Effects::add`.
    Add,
    /// It reads the row, and writes it back if no other write came between: `Effects::read`, `Effects::update` with a condition.
    ReadThenUpdate,
}

/// A seeded bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The marker is written in a call of its own, before the effect.
    MarkerBeforeEffect,
    /// The marker is written in a call of its own, after the effect.
    EffectBeforeMarker,
    /// The marker is written whether it exists or not.
    MarkerWithoutCondition,
    /// The marker is read before the transaction, and is no condition of it.
    ReadMarkerThenWrite,
    /// Markers expire before messages do.
    MarkerTtlTooShort,
    /// A failed event is acknowledged.
    FailureAcknowledged,
    /// A message is acknowledged though the dead-letter queue did not take it.
    DlqErrorIgnored,
    /// A row that was read is written back without a condition.
    UpdateWithoutVersionCheck,
    /// A refused transaction rejects all its events.
    WholeBatchRejected,
}

impl Consumer {
    fn has(self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// The events of the scenario.
    pub(super) fn events(self) -> std::ops::Range<usize> {
        match self.scenario {
            Scenario::OneEventTwice => 0..1,
            Scenario::TwoEvents | Scenario::TwoEventsOneTwice => 0..EVENTS,
        }
    }

    pub(super) fn initial_messages(self) -> [Message; MESSAGES] {
        match self.scenario {
            Scenario::OneEventTwice => [Message::SENT, Message::SENT, Message::ABSENT],
            Scenario::TwoEvents => [Message::ABSENT, Message::SENT, Message::SENT],
            Scenario::TwoEventsOneTwice => [Message::SENT; MESSAGES],
        }
    }

    /// What a worker with a batch may do next, other than crash.
    pub(super) fn worker_actions(self, worker: usize, at_work: &Worker, actions: &mut Vec<Action>) {
        if !at_work.unapplied_events().is_empty() {
            if self.reads_before_writing() && at_work.read.is_none() {
                actions.push(Action::Read { worker });
            } else {
                actions.extend(CallOutcome::ALL.map(|outcome| Action::Write { worker, outcome }));
            }
            return;
        }
        for message in at_work.messages_to(MessageTask::Reject).chain(at_work.messages_to(MessageTask::Fail)) {
            actions.extend(CallOutcome::ALL.map(|outcome| Action::SendToDlq { worker, message, outcome }));
        }
        let failed = at_work.messages_to(MessageTask::Fail);
        actions.extend(failed.map(|message| Action::ReportFailure { worker, message }));
        if at_work.has_returned() {
            for message in at_work.messages_to(MessageTask::Acknowledge) {
                actions.extend([true, false].map(|deleted| Action::Acknowledge { worker, message, deleted }));
            }
        }
    }

    fn reads_before_writing(self) -> bool {
        self.write == HandlerWrite::ReadThenUpdate || self.has(Bug::ReadMarkerThenWrite)
    }

    /// What a worker reads: the total, or the markers (a bit each).
    pub(super) fn value_to_read(self, state: &State) -> u8 {
        if self.has(Bug::ReadMarkerThenWrite) {
            (0..EVENTS).map(|event| u8::from(state.rows[event].has_marker) << event).sum()
        } else {
            state.total
        }
    }

    /// Whether a marker may expire: `MARKER_TTL_DAYS` is longer than all places together keep a message.
    pub(super) fn may_expire(self, state: &State, event: usize) -> bool {
        let copy_exists = state.messages_of(event).any(|message| message.in_queue || message.dead_letter.is_some())
            || (0..MESSAGES).any(|message| EVENT_OF_MESSAGE[message] == event && state.is_held(message));
        state.rows[event].has_marker && (!copy_exists || self.has(Bug::MarkerTtlTooShort))
    }

    fn task_after_failure(self) -> MessageTask {
        if self.has(Bug::FailureAcknowledged) { MessageTask::Acknowledge } else { MessageTask::Fail }
    }

    /// A worker writes its unapplied events, or the first of them.
    pub(super) fn write(self, state: &mut State, worker: usize, outcome: CallOutcome) {
        let unapplied = state.workers[worker].unapplied_events();
        let one_by_one = self.write == HandlerWrite::ReadThenUpdate || state.workers[worker].one_by_one;
        let events = if one_by_one || self.writes_in_halves() { &unapplied[..1] } else { &unapplied[..] };
        if outcome == CallOutcome::Failed {
            state.workers[worker].decide(&unapplied, self.task_after_failure());
            state.workers[worker].read = None;
        } else if state.poison && events.contains(&1) {
            self.refuse(&mut state.workers[worker], events);
        } else if !self.drop_duplicates(state, worker, events) {
            self.apply(state, worker, events, outcome);
        }
    }

    /// DynamoDB refuses a transaction as a whole.
    fn refuse(self, worker: &mut Worker, events: &[usize]) {
        if events.len() > 1 && !self.has(Bug::WholeBatchRejected) {
            worker.one_by_one = true;
        } else {
            worker.decide(events, MessageTask::Reject);
        }
    }

    /// Events whose marker exists cancel the transaction, and are removed from it. Returns whether there were any.
    fn drop_duplicates(self, state: &mut State, worker: usize, events: &[usize]) -> bool {
        let State { rows, workers, .. } = state;
        let worker = &mut workers[worker];
        let markers_read = worker.read.unwrap_or(0);
        let is_duplicate = |event: &&usize| match self.bug {
            Some(Bug::MarkerWithoutCondition) => false,
            Some(Bug::ReadMarkerThenWrite) => markers_read >> **event & 1 == 1,
            _ => rows[**event].has_marker && worker.half_written != Some(**event),
        };
        let duplicates: Vec<usize> = events.iter().filter(is_duplicate).copied().collect();
        worker.decide(&duplicates, MessageTask::Acknowledge);
        !duplicates.is_empty()
    }

    /// DynamoDB takes the transaction, unless the row that was read has changed: then the handler runs again on fresh reads.
    fn apply(self, state: &mut State, worker: usize, events: &[usize], outcome: CallOutcome) {
        if self.write == HandlerWrite::ReadThenUpdate {
            let read = state.workers[worker].read.take().unwrap_or(0);
            if read != state.total && !self.has(Bug::UpdateWithoutVersionCheck) {
                return;
            }
            state.total = read;
        }
        for &event in events {
            self.apply_event(state, worker, event, outcome);
        }
    }

    fn apply_event(self, state: &mut State, worker: usize, event: usize, outcome: CallOutcome) {
        let worker = &mut state.workers[worker];
        let is_first_half = self.writes_in_halves() && worker.half_written.is_none();
        let writes_marker = !self.writes_in_halves() || is_first_half == self.has(Bug::MarkerBeforeEffect);
        let writes_effect = !self.writes_in_halves() || is_first_half == self.has(Bug::EffectBeforeMarker);
        if writes_marker {
            state.rows[event].has_marker = true;
        }
        if writes_effect && state.rows[event].effects < MAX_EFFECTS {
            state.rows[event].effects += 1;
            state.total += 1;
        }
        worker.half_written = is_first_half.then_some(event);
        if outcome != CallOutcome::Succeeded {
            worker.half_written = None;
            worker.decide(&[event], self.task_after_failure());
        } else if !is_first_half {
            worker.decide(&[event], MessageTask::Acknowledge);
        }
    }

    fn writes_in_halves(self) -> bool {
        self.has(Bug::MarkerBeforeEffect) || self.has(Bug::EffectBeforeMarker)
    }

    /// A worker sends a message to the dead-letter queue. If it does not know that the queue has it, SQS redelivers it.
    pub(super) fn send_to_dlq(self, state: &mut State, worker: usize, message: usize, outcome: CallOutcome) {
        let task = &mut state.workers[worker].tasks[message];
        if outcome != CallOutcome::Failed {
            let is_rejected = *task == Some(MessageTask::Reject);
            let reason = if is_rejected { DeadLetterReason::Rejected } else { DeadLetterReason::TooManyReceives };
            state.messages[message].dead_letter = Some(reason);
        }
        let acknowledges = outcome == CallOutcome::Succeeded || self.has(Bug::DlqErrorIgnored);
        *task = acknowledges.then_some(MessageTask::Acknowledge);
    }
}
