//! From the order's transaction over the table's stream and the bus to a consumer's table.
//!
//! **Modelled** (`functions/checkout`; `functions/publisher`; `infra/template.yaml`): a client that repeats its request until it
//! receives the answer that the order is stored; the transaction that contains order and outbox; the stream, which delivers a batch
//! again until the publisher has reported it as done, in batches of any size; calls of `PutEvents` in which every entry has its own
//! result, calls that are refused because of one entry, calls that fail with and without effect; an entry that EventBridge can never
//! take, and its dead letter; invocations that give up or die anywhere; records that Lambda discards because of their age; a
//! consumer behind it all that receives every copy at least once; operators who put dead entries on the bus again.
//!
//! **Left out.** *More than three orders*: entries meet only in a call and in a batch, for which two would be enough. *Several
//! shards*: each is a stream like this one, and they share nothing. *Bus, rule and queue one by one*: each delivers at least once,
//! so together they do; what they discard is in the consumer's dead-letter queue. The number of copies in transit is not counted:
//! there may always be one more. *The consumer's workers*: [`consumer`](crate::consumer) shows that it applies an event
//! once. *Stock*: another row of the same transaction.

pub mod action;
pub mod properties;
pub mod state;
pub mod variant;

use stateright::{Model, Property};

use crate::protocol::{LivenessProperty, Protocol};
use action::Action;
use properties::{
    AT_MOST_ONCE, EVENTUALLY_SETTLED, NEIGHBOURS_UNAFFECTED, NO_EVENT_WITHOUT_ORDER, NOT_LOST, liveness_properties,
    safety_properties,
};
use state::{DeadLetterReason, Invocation, ORDERS, State};
pub use variant::{Bug, Outbox};

impl Model for Outbox {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        [false, true].map(State::new).into()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (index, order) in state.orders.iter().enumerate() {
            self.order_actions(index, *order, actions);
        }
        if let Some(invocation) = &state.invocation {
            actions.push(Action::FailInvocation);
            self.invocation_actions(state, invocation, actions);
            return;
        }
        let pending = state.stream.len() - state.reported;
        actions.extend((1..=pending).map(|records| Action::Invoke { records }));
        if pending > 0 {
            actions.push(Action::DiscardOldRecord);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Checkout { order, outcome } => self.checkout(&mut next, order, outcome),
            Action::PutFromCheckout { order, arrives } => {
                next.orders[order].must_put = false;
                if arrives {
                    next.orders[order].put_on_bus(false);
                }
            }
            Action::Invoke { records } => next.invocation = Some(Invocation::new(next.pending_records(records))),
            Action::PutEvents(result) => self.put_events(&mut next, result),
            Action::SendToDlq(outcome) => self.send_to_dlq(&mut next, outcome),
            Action::ReportBatch => next.report_batch(),
            Action::FailInvocation => next.invocation = None,
            Action::DiscardOldRecord => {
                let order = next.stream[next.reported];
                next.orders[order].dead_letter.get_or_insert(DeadLetterReason::TooOld);
                next.reported += 1;
            }
            Action::Consume { order, another_copy } => next.orders[order].consume(another_copy),
            Action::Redrive { order } => {
                next.orders[order].dead_letter = None;
                next.orders[order].put_on_bus(false);
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        safety_properties()
    }
}

impl Protocol for Outbox {
    const NAME: &'static str = "outbox";
    type Bug = Bug;
    const BUGS: &'static [(Bug, &'static str)] = &[
        (Bug::PutAfterCommit, NOT_LOST),
        (Bug::PutBeforeCommit, NO_EVENT_WITHOUT_ORDER),
        (Bug::FailedEntriesIgnored, NOT_LOST),
        (Bug::FailedCallIgnored, NOT_LOST),
        (Bug::BatchReportedWithUnsentEntries, NOT_LOST),
        (Bug::DlqErrorIgnored, NOT_LOST),
        (Bug::ImpossibleEntryRetriedForever, EVENTUALLY_SETTLED),
        (Bug::WholeCallDeadLettered, NEIGHBOURS_UNAFFECTED),
        (Bug::NewEventIdOnRetry, AT_MOST_ONCE),
    ];

    fn correct() -> Vec<Self> {
        vec![Self { bug: None }]
    }

    fn with_bug(bug: Bug) -> Self {
        Self { bug: Some(bug) }
    }

    fn setting(&self) -> String {
        format!("{ORDERS} orders")
    }

    fn liveness(&self) -> Vec<LivenessProperty<Self>> {
        liveness_properties()
    }
}
