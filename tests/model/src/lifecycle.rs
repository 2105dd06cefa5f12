//! An order's whole life: it is scored, perhaps flagged and reviewed, and then listed for picking or cancelled.
//!
//! **Modelled** (`functions/fraud`, `warehouse`, `orders`): the score; two people or jobs that decide about a flagged order at once;
//! the owner, who asks for the cancellation at any moment; two workers of the warehouse, each between the read of a pick's state and the
//! write that withdraws the pick or refuses to; two runs of the job, each of which queries the index, reads the rows that it named, and
//! writes a page with the state of its picks, again without those that were taken from it; the consumer that cancels the order and
//! returns its stock. Facts are delivered any number of times and in any order. Workers and runs end between any two calls.
//!
//! The index is eventually consistent: a query may leave out rows that wait, and return rows that waited at an earlier time.
//!
//! **Left out.** *The way of a fact from its row to a queue*: see [`outbox`](crate::outbox); here a fact is in the queue as soon as its
//! row is stored, and a row is named by its fact. *Failures and dead letters for other reasons than the lifecycle's*: see
//! [`consumer`](crate::consumer). *Handlers that write one row and read none*: their receive and write are one action, as nothing can
//! come between them. *Runs of the handler on fresh reads*: a redelivery does the same. *A run that fails*: it is one that was cut off.
//! *Runs with the same wave*: of their pages with the same number one fails, as if its run had been cut off. *Pages of more than two
//! orders, and several pages in a run*: each page is a transaction by itself. *`OrderCancelled` at fraud*: it only keeps orders out of
//! review, where a decision would change nothing. *Consumers that undo their part*: they apply one fact, as all consumers do.

pub mod action;
pub mod fact;
pub mod properties;
pub mod run;
pub mod state;
pub mod variant;

use stateright::{Model, Property};

use crate::protocol::{LivenessProperty, Protocol};
use action::Action;
use fact::Fact;
use properties::{
    ANSWERED_ONCE, AT_MOST_ONE_PAGE, CANCELLED_FOR_ONE_REASON, CANCELLED_IS_NOT_LISTED, EVENTUALLY_ANSWERED,
    EVENTUALLY_DECIDED, EVENTUALLY_LISTED, FLAGGED_IS_REVIEWED, NO_DEAD_LETTER, ONE_DECISION, REFUSED_IS_LISTED,
    REJECTED_EVENTUALLY_CANCELLED, STOCK_MATCHES, UNDECIDED_IS_NOT_LISTED, liveness_properties, safety_properties,
};
use run::Run;
use state::{Order, State, Task};
pub use variant::{Bug, Lifecycle, Scenario};

impl Model for Lifecycle {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.initial_state()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for order in 0..self.orders() {
            self.order_actions(state, order, actions);
        }
        for (worker, task) in state.workers.iter().enumerate() {
            if task.is_some() {
                actions.extend([true, false].map(|acknowledged| Action::WriteAnswer { worker, acknowledged }));
                actions.push(Action::CrashWorker { worker });
            }
        }
        for (reviewer, verdict) in state.reviewers.iter().enumerate() {
            if verdict.is_some() {
                actions.extend([Action::WriteReview { reviewer }, Action::CrashReviewer { reviewer }]);
            }
        }
        for (run, at) in state.runs.iter().enumerate() {
            if at.is_some() {
                actions.extend([Action::ContinueRun { run }, Action::CutOffRun { run }]);
            }
        }
        if state.runs[0].is_none() {
            let waiting = state.orders_that(Order::is_ready);
            let found = (1..=state.orders_that(|order| order.was_indexed)).filter(|found| state.may_be_found(*found));
            actions.extend(found.map(|found| Action::QueryIndex { found, is_current: found == waiting }));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Score { order, verdict } => self.score(&mut next.orders[order], verdict),
            Action::BeginReview { verdict, .. } => next.reviewers[0] = Some(verdict),
            Action::WriteReview { reviewer } => {
                let verdict = next.reviewers[reviewer].take()?;
                self.write_review(&mut next.orders[0], verdict);
            }
            Action::CrashReviewer { reviewer } => next.reviewers[reviewer] = None,
            Action::RequestCancellation { order } => next.orders[order].state_fact(Fact::Requested),
            Action::Deliver { order, fact, acknowledged } => {
                let order = &mut next.orders[order];
                self.apply(order, fact);
                order.queue.remove_if(fact, acknowledged);
            }
            Action::ReadPick { order, cause } => {
                next.workers[0] = Some(Task { order, cause, read: state.orders[order].pick_state });
            }
            Action::WriteAnswer { worker, acknowledged } => {
                let Task { order, cause, read } = next.workers[worker].take()?;
                let order = &mut next.orders[order];
                let is_done = self.answer(order, cause, read);
                order.queue.remove_if(cause, is_done && acknowledged);
            }
            Action::CrashWorker { worker } => next.workers[worker] = None,
            Action::QueryIndex { found, .. } => next.runs[0] = Some(Run::start(found)),
            Action::ContinueRun { run } => next.runs[run] = self.continue_run(&mut next, state.runs[run]?),
            Action::CutOffRun { run } => next.runs[run] = None,
        }
        next.sort();
        Some(if self.scenario == Scenario::TwoOrders { next.with_orders_swapped().min(next) } else { next })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        safety_properties(self.scenario)
    }
}

impl Protocol for Lifecycle {
    const NAME: &'static str = "lifecycle";
    type Bug = Bug;
    const BUGS: &'static [(Bug, &'static str)] = &[
        (Bug::ReadyWhenPlaced, UNDECIDED_IS_NOT_LISTED),
        (Bug::FlagMakesReady, FLAGGED_IS_REVIEWED),
        (Bug::ListedWithoutCondition, AT_MOST_ONE_PAGE),
        (Bug::IndexTrusted, CANCELLED_IS_NOT_LISTED),
        (Bug::PageBeforeState, AT_MOST_ONE_PAGE),
        (Bug::PageAfterState, EVENTUALLY_LISTED),
        (Bug::ReadyWithoutPickDropped, EVENTUALLY_LISTED),
        (Bug::ConfirmationOverwritesState, CANCELLED_IS_NOT_LISTED),
        (Bug::ConfirmationRecorded, NO_DEAD_LETTER),
        (Bug::WithdrawnWithoutCondition, CANCELLED_IS_NOT_LISTED),
        (Bug::WithdrawnRowPut, CANCELLED_IS_NOT_LISTED),
        (Bug::WithdrawnRowMissing, CANCELLED_IS_NOT_LISTED),
        (Bug::AnswerRecorded, NO_DEAD_LETTER),
        (Bug::AnswerPerCause, ANSWERED_ONCE),
        (Bug::RefusedWhenReady, REFUSED_IS_LISTED),
        (Bug::RefusalNotStated, EVENTUALLY_ANSWERED),
        (Bug::RejectionIgnored, REJECTED_EVENTUALLY_CANCELLED),
        (Bug::StatusWithoutCondition, STOCK_MATCHES),
        (Bug::CancelledPerCause, CANCELLED_FOR_ONE_REASON),
        (Bug::ReviewWithoutCondition, ONE_DECISION),
        (Bug::ReviewNeverExpires, EVENTUALLY_DECIDED),
    ];

    fn correct() -> Vec<Self> {
        [Scenario::OneOrder, Scenario::TwoOrders].map(|scenario| Self { scenario, bug: None }).into()
    }

    fn with_bug(bug: Bug) -> Self {
        Self { scenario: Scenario::OneOrder, bug: Some(bug) }
    }

    fn setting(&self) -> String {
        format!("{:?}", self.scenario)
    }

    fn liveness(&self) -> Vec<LivenessProperty<Self>> {
        liveness_properties()
    }
}
