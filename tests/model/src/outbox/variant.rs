//! Checkout and publisher, correct or with a bug, and what their steps do.

use super::action::{Action, PutEventsResult};
use super::state::{DeadLetterReason, Invocation, Order, State};
use crate::call::CallOutcome;

/// Outbox and publisher.
#[derive(Debug, Clone, Copy)]
pub struct Outbox {
    /// The seeded bug.
    pub bug: Option<Bug>,
}

/// A seeded bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Checkout puts the event on the bus itself, after the order.
    PutAfterCommit,
    /// Checkout puts the event on the bus itself, before the order.
    PutBeforeCommit,
    /// A call that returned is taken to have put all its entries.
    FailedEntriesIgnored,
    /// A call that failed is taken to have put all its entries.
    FailedCallIgnored,
    /// The publisher reports a batch as done although entries are left.
    BatchReportedWithUnsentEntries,
    /// An entry counts as dead-lettered though the dead-letter queue did not take it.
    DlqErrorIgnored,
    /// An entry that EventBridge can never take is retried forever.
    ImpossibleEntryRetriedForever,
    /// All entries of a refused call are dead-lettered.
    WholeCallDeadLettered,
    /// An event that is put again has another id.
    NewEventIdOnRetry,
}

/// What the publisher does with an entry after a call.
enum EntryResult {
    Sent,
    Refused,
    Retry,
}

impl Outbox {
    fn has(self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn puts_from_checkout(self) -> bool {
        self.has(Bug::PutAfterCommit) || self.has(Bug::PutBeforeCommit)
    }

    /// What client, checkout, consumer and operator may do about an order.
    pub(super) fn order_actions(self, index: usize, order: Order, actions: &mut Vec<Action>) {
        if !order.is_answered {
            actions.extend(CallOutcome::ALL.map(|outcome| Action::Checkout { order: index, outcome }));
        }
        if order.must_put || self.has(Bug::PutBeforeCommit) && !order.stored && !order.is_in_transit() {
            actions.extend([true, false].map(|arrives| Action::PutFromCheckout { order: index, arrives }));
        }
        if order.is_in_transit() {
            actions.extend([true, false].map(|another_copy| Action::Consume { order: index, another_copy }));
        }
        if order.dead_letter == Some(DeadLetterReason::TooOld) {
            actions.push(Action::Redrive { order: index });
        }
    }

    /// What the publisher may do, other than fail.
    pub(super) fn invocation_actions(self, state: &State, invocation: &Invocation, actions: &mut Vec<Action>) {
        if invocation.waiting.is_empty() {
            if invocation.refused.is_empty() {
                actions.push(Action::ReportBatch);
            } else {
                actions.extend(CallOutcome::ALL.map(Action::SendToDlq));
            }
            return;
        }
        let call = &invocation.waiting[..invocation.call_size()];
        let per_entry = (0..1 << call.len()).map(|throttled| PutEventsResult::PerEntry { throttled });
        actions.extend(per_entry.map(Action::PutEvents));
        actions.extend([PutEventsResult::ResponseLost, PutEventsResult::Failed].map(Action::PutEvents));
        if call.iter().any(|order| state.is_impossible(*order)) {
            actions.push(Action::PutEvents(PutEventsResult::CallRefused));
        }
        if self.has(Bug::BatchReportedWithUnsentEntries) {
            actions.push(Action::ReportBatch);
        }
    }

    /// A request places its order, unless it is stored already.
    pub(super) fn checkout(self, state: &mut State, order: usize, outcome: CallOutcome) {
        if outcome != CallOutcome::Failed && !state.orders[order].stored {
            state.orders[order].stored = true;
            if self.has(Bug::PutAfterCommit) {
                state.orders[order].must_put = true;
            } else if !self.puts_from_checkout() {
                state.stream.push(order);
            }
        }
        state.orders[order].is_answered = outcome == CallOutcome::Succeeded;
    }

    /// The publisher makes its next call.
    pub(super) fn put_events(self, state: &mut State, result: PutEventsResult) {
        let Some(mut invocation) = state.invocation.take() else { return };
        let call: Vec<usize> = invocation.waiting.drain(..invocation.call_size()).collect();
        for (place, &order) in call.iter().enumerate() {
            match self.put_entry(state, order, result, place, call.len()) {
                EntryResult::Sent => {}
                EntryResult::Refused => invocation.refused.push(order),
                EntryResult::Retry => invocation.waiting.push(order),
            }
        }
        invocation.one_by_one |= result == PutEventsResult::CallRefused;
        invocation.waiting.sort_unstable();
        state.invocation = Some(invocation);
    }

    /// EventBridge takes an entry, or does not; and the publisher decides what to do with it.
    fn put_entry(
        self,
        state: &mut State,
        order: usize,
        result: PutEventsResult,
        place: usize,
        call_size: usize,
    ) -> EntryResult {
        let throttled = matches!(result, PutEventsResult::PerEntry { throttled } if throttled >> place & 1 == 1);
        let is_impossible = state.is_impossible(order);
        let call_arrives = matches!(result, PutEventsResult::PerEntry { .. } | PutEventsResult::ResponseLost);
        let arrives = call_arrives && !throttled && !is_impossible;
        if arrives {
            state.orders[order].put_on_bus(self.has(Bug::NewEventIdOnRetry));
        }
        let is_refused = match result {
            PutEventsResult::PerEntry { .. } => is_impossible && !throttled,
            PutEventsResult::CallRefused => call_size == 1 || self.has(Bug::WholeCallDeadLettered),
            PutEventsResult::ResponseLost | PutEventsResult::Failed => false,
        };
        let counts_as_sent = match result {
            PutEventsResult::PerEntry { .. } => arrives || self.has(Bug::FailedEntriesIgnored) && !is_refused,
            PutEventsResult::CallRefused => false,
            PutEventsResult::ResponseLost | PutEventsResult::Failed => self.has(Bug::FailedCallIgnored),
        };
        if counts_as_sent {
            EntryResult::Sent
        } else if is_refused && !self.has(Bug::ImpossibleEntryRetriedForever) {
            EntryResult::Refused
        } else {
            EntryResult::Retry
        }
    }

    /// The publisher sends an entry to its dead-letter queue. If that queue does not take it, the invocation fails.
    pub(super) fn send_to_dlq(self, state: &mut State, outcome: CallOutcome) {
        let Some(invocation) = &mut state.invocation else { return };
        let Some(order) = invocation.refused.pop() else { return };
        if outcome != CallOutcome::Failed {
            state.orders[order].dead_letter = Some(DeadLetterReason::Refused);
        }
        if outcome != CallOutcome::Succeeded && !self.has(Bug::DlqErrorIgnored) {
            state.invocation = None;
        }
    }
}
