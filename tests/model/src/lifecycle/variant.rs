//! The lifecycle in its settings, correct or with a bug, and what its steps do.

use super::action::Action;
use super::fact::Fact;
use super::run::{Run, RunPhase};
use super::state::{Order, PickState, State};

/// The lifecycle of orders.
#[derive(Debug, Clone, Copy)]
pub struct Lifecycle {
    /// What happens.
    pub scenario: Scenario,
    /// The seeded bug.
    pub bug: Option<Bug>,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// One order, from its placement on.
    OneOrder,
    /// Two orders that fraud has confirmed, and whose picks are stored. Pages may have both.
    TwoOrders,
}

/// A seeded bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A pick may be listed as soon as the order is placed.
    ReadyWhenPlaced,
    /// The warehouse receives flags, too, and takes them for confirmations.
    FlagMakesReady,
    /// A page is written though its picks may have been listed or withdrawn since they were read.
    ListedWithoutCondition,
    /// What the index names is listed, without a read of the rows and without a condition.
    IndexTrusted,
    /// The page is written in a call of its own, before the state of its picks.
    PageBeforeState,
    /// The page is written in a call of its own, after the state of its picks.
    PageAfterState,
    /// A pick that is ready and whose order has not arrived is taken out of the index.
    ReadyWithoutPickDropped,
    /// A confirmation writes the state of a pick whether there is one or not.
    ConfirmationOverwritesState,
    /// A confirmation is recorded as if no other event could write the row.
    ConfirmationRecorded,
    /// A pick is withdrawn though it may have been listed since it was read.
    WithdrawnWithoutCondition,
    /// The state of an undecided pick is written though there may be one since it was looked for.
    WithdrawnRowPut,
    /// An undecided pick is withdrawn without a trace.
    WithdrawnRowMissing,
    /// An answer is recorded as if no other event could write the row.
    AnswerRecorded,
    /// A request and a rejection have an answer each.
    AnswerPerCause,
    /// The withdrawal of a pick that waits to be listed is refused.
    RefusedWhenReady,
    /// A request that comes too late is not answered.
    RefusalNotStated,
    /// The warehouse does not receive rejections.
    RejectionIgnored,
    /// The status, the stock and the fact of a cancelled order are written whether the status exists or not.
    StatusWithoutCondition,
    /// A request and a rejection have an answer each, and the order is cancelled for each.
    CancelledPerCause,
    /// A decision is written though there may be one since the row was read.
    ReviewWithoutCondition,
    /// No job rejects orders without review.
    ReviewNeverExpires,
}

impl Lifecycle {
    fn has(self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// The number of orders.
    pub(super) fn orders(self) -> usize {
        if self.scenario == Scenario::OneOrder { 1 } else { 2 }
    }

    pub(super) fn initial_state(self) -> State {
        let mut order = Order::default();
        order.facts.insert(Fact::Placed);
        if self.scenario == Scenario::OneOrder {
            order.queue.insert(Fact::Placed);
            return State::new([order, Order::default()]);
        }
        order.has_pick = true;
        order.state_fact(Fact::Confirmed);
        State::new([order, order])
    }

    /// What may happen to an order.
    pub(super) fn order_actions(self, state: &State, order: usize, actions: &mut Vec<Action>) {
        let Order { facts, queue, .. } = state.orders[order];
        if !facts.has_any(&Fact::SCORES) {
            actions.extend(Fact::SCORES.map(|verdict| Action::Score { order, verdict }));
        }
        if facts.has(Fact::Flagged) && !facts.has_any(&Fact::REVIEWS) && state.reviewers[0].is_none() {
            actions.extend(Fact::REVIEWS.map(|verdict| Action::BeginReview { verdict, is_expiry: false }));
            if !self.has(Bug::ReviewNeverExpires) {
                actions.push(Action::BeginReview { verdict: Fact::Rejected, is_expiry: true });
            }
        }
        if !facts.has(Fact::Requested) {
            actions.push(Action::RequestCancellation { order });
        }
        for fact in queue.iter() {
            if fact.needs_answer() {
                if state.workers[0].is_none() {
                    actions.push(Action::ReadPick { order, cause: fact });
                }
            } else {
                actions.extend([true, false].map(|acknowledged| Action::Deliver { order, fact, acknowledged }));
            }
        }
    }

    pub(super) fn score(self, order: &mut Order, verdict: Fact) {
        order.state_fact(verdict);
        if self.has(Bug::FlagMakesReady) {
            order.queue.insert(verdict);
        }
    }

    /// Writes a decision, unless there is one.
    pub(super) fn write_review(self, order: &mut Order, verdict: Fact) {
        if !order.facts.has_any(&Fact::REVIEWS) || self.has(Bug::ReviewWithoutCondition) {
            order.state_fact(verdict);
            order.queue.remove_if(Fact::Rejected, self.has(Bug::RejectionIgnored));
        }
    }

    /// Applies a fact whose handler writes without reading.
    pub(super) fn apply(self, order: &mut Order, fact: Fact) {
        match fact {
            Fact::Placed => {
                order.has_pick = true;
                if self.has(Bug::ReadyWhenPlaced) && order.pick_state.is_none() {
                    order.make_ready();
                }
            }
            Fact::Confirmed | Fact::ReviewConfirmed | Fact::Flagged => self.confirm(order),
            Fact::WithdrawnOnRequest => self.cancel(order, Fact::CancelledOnRequest),
            Fact::WithdrawnOnRejection => self.cancel(order, Fact::CancelledOnRejection),
            Fact::WithdrawalRefused => order.is_too_late = true,
            Fact::Rejected | Fact::Requested | Fact::CancelledOnRequest | Fact::CancelledOnRejection => {}
        }
    }

    /// The pick may be listed, unless its state was decided before.
    fn confirm(self, order: &mut Order) {
        if order.pick_state.is_none() || self.has(Bug::ConfirmationOverwritesState) {
            order.make_ready();
        } else if self.has(Bug::ConfirmationRecorded) && !order.was_indexed {
            // The row is not this event's.
            order.has_dead_letter = true;
        }
    }

    /// Status, stock and fact, unless there is the status.
    fn cancel(self, order: &mut Order, fact: Fact) {
        let is_cancelled = if self.has(Bug::CancelledPerCause) { order.facts.has(fact) } else { order.is_cancelled() };
        if !is_cancelled || self.has(Bug::StatusWithoutCondition) {
            order.state_fact(fact);
            order.stock_returned = (order.stock_returned + 1).min(2);
        }
    }

    /// Answers a request or rejection. Returns false if a condition failed.
    pub(super) fn answer(self, order: &mut Order, cause: Fact, read: Option<PickState>) -> bool {
        let withdrawn = if cause == Fact::Requested { Fact::WithdrawnOnRequest } else { Fact::WithdrawnOnRejection };
        let has_own_answer = order.facts.has_any(&[withdrawn, Fact::WithdrawalRefused]);
        let is_answered = order.facts.has_any(&Fact::ANSWERS);
        let is_per_cause = self.has(Bug::AnswerPerCause) || self.has(Bug::CancelledPerCause);
        if has_own_answer || is_answered && !is_per_cause {
            order.has_dead_letter |= self.has(Bug::AnswerRecorded) && !has_own_answer;
            return true;
        }
        let read = if self.has(Bug::RefusedWhenReady) { read.map(|_| PickState::Listed) } else { read };
        match read {
            Some(PickState::Listed) => {
                if !self.has(Bug::RefusalNotStated) {
                    order.state_fact(Fact::WithdrawalRefused);
                }
                return true;
            }
            Some(PickState::Ready) if !order.is_ready() && !self.has(Bug::WithdrawnWithoutCondition) => return false,
            None if order.pick_state.is_some() && !self.has(Bug::WithdrawnRowPut) => return false,
            None if self.has(Bug::WithdrawnRowMissing) => {}
            Some(PickState::Ready | PickState::Withdrawn) | None => order.pick_state = Some(PickState::Withdrawn),
        }
        order.state_fact(withdrawn);
        true
    }

    /// A run of the job makes its next call. `None` if it was the last one.
    pub(super) fn continue_run(self, state: &mut State, Run { phase, orders }: Run) -> Option<Run> {
        let ready = orders & state.orders_that(Order::is_ready);
        let with_pick = orders & state.orders_that(|order| order.has_pick);
        match phase {
            RunPhase::ReadRows if self.has(Bug::IndexTrusted) => Run::then(RunPhase::WritePage, with_pick),
            RunPhase::ReadRows => {
                if self.has(Bug::ReadyWithoutPickDropped) {
                    set_listed(state, ready & !with_pick);
                }
                Run::then(RunPhase::WritePage, ready & with_pick)
            }
            RunPhase::WritePage if ready != orders && !self.lists_without_condition() => {
                Run::then(RunPhase::ReadAgain, orders)
            }
            RunPhase::WritePage => {
                if !self.has(Bug::PageAfterState) {
                    add_page(state, orders);
                }
                if !self.has(Bug::PageBeforeState) {
                    set_listed(state, orders);
                }
                let is_split = self.has(Bug::PageAfterState) || self.has(Bug::PageBeforeState);
                Run::then(RunPhase::WriteRest, if is_split { orders } else { 0 })
            }
            RunPhase::ReadAgain => Run::then(RunPhase::WritePage, ready),
            RunPhase::WriteRest => {
                if self.has(Bug::PageAfterState) {
                    add_page(state, orders);
                } else {
                    set_listed(state, ready);
                }
                None
            }
        }
    }

    fn lists_without_condition(self) -> bool {
        self.has(Bug::ListedWithoutCondition) || self.has(Bug::IndexTrusted)
    }
}

fn add_page(state: &mut State, orders: u8) {
    for (bit, order) in state.orders.iter_mut().enumerate() {
        order.pages = (order.pages + (orders >> bit & 1)).min(2);
    }
}

fn set_listed(state: &mut State, orders: u8) {
    for (bit, order) in state.orders.iter_mut().enumerate() {
        if orders >> bit & 1 == 1 {
            order.pick_state = Some(PickState::Listed);
        }
    }
}
