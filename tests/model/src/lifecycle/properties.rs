//! What must hold in every state, and what must come to hold eventually.

use stateright::Property;

use super::action::Action;
use super::fact::Fact;
use super::run::{Run, RunPhase};
use super::state::{Order, PickState, State};
use super::variant::{Lifecycle, Scenario};
use crate::protocol::LivenessProperty;

/// Safety: a listed order was confirmed.
pub const UNDECIDED_IS_NOT_LISTED: &str = "no order is listed before a decision";
/// Safety: a listed order that was flagged was confirmed by a reviewer.
pub const FLAGGED_IS_REVIEWED: &str = "no flagged order is listed before a reviewer confirmed it";
/// Safety: nothing is picked twice.
pub const AT_MOST_ONE_PAGE: &str = "no order is on two pages";
/// Safety: nothing is both picked and cancelled.
pub const CANCELLED_IS_NOT_LISTED: &str = "no order is both listed and cancelled or withdrawn";
/// Safety: the stock is exact.
pub const STOCK_MATCHES: &str = "stock was returned once if the order is cancelled, and else never";
/// Safety: one cancellation.
pub const CANCELLED_FOR_ONE_REASON: &str = "an order is cancelled for one reason";
/// Safety: one answer of the warehouse.
pub const ANSWERED_ONCE: &str = "a pick is withdrawn for one reason, or its withdrawal refused";
/// Safety: no refusal that is not true.
pub const REFUSED_IS_LISTED: &str = "a withdrawal is refused only if the order is on a page";
/// Safety: one result of a review.
pub const ONE_DECISION: &str = "of concurrent decisions about a flagged order one counts";
/// Safety: every order of arrival is provided for.
pub const NO_DEAD_LETTER: &str = "no fact is dead-lettered because another one came first";
/// Liveness.
pub const EVENTUALLY_LISTED: &str = "eventually every confirmed order is listed, unless it is withdrawn";
/// Liveness.
pub const EVENTUALLY_ANSWERED: &str = "eventually an order is cancelled or its owner learns that it is too late";
/// Liveness.
pub const REJECTED_EVENTUALLY_CANCELLED: &str = "eventually every rejected order is cancelled";
/// Liveness, also without reviewers.
pub const EVENTUALLY_DECIDED: &str = "eventually every order is decided";

pub(super) fn safety_properties(scenario: Scenario) -> Vec<Property<Lifecycle>> {
    let mut properties = vec![
        Property::always(UNDECIDED_IS_NOT_LISTED, |_, state: &State| {
            state.orders.iter().all(|order| order.pages == 0 || order.facts.has_any(&Fact::SCORES))
        }),
        Property::always(FLAGGED_IS_REVIEWED, |_, state: &State| {
            let is_reviewed = |order: &Order| !order.facts.has(Fact::Flagged) || order.facts.has(Fact::ReviewConfirmed);
            state.orders.iter().all(|order| order.pages == 0 || is_reviewed(order))
        }),
        Property::always(AT_MOST_ONE_PAGE, |_, state: &State| state.orders.iter().all(|order| order.pages <= 1)),
        Property::always(CANCELLED_IS_NOT_LISTED, |_, state: &State| {
            state.orders.iter().all(|order| order.pages == 0 || !order.is_withdrawn() && !order.is_cancelled())
        }),
        Property::always(STOCK_MATCHES, |_, state: &State| {
            state.orders.iter().all(|order| order.stock_returned == u8::from(order.is_cancelled()))
        }),
        Property::always(CANCELLED_FOR_ONE_REASON, |_, state: &State| {
            state.orders.iter().all(|order| !order.facts.has_two(&Fact::CANCELLATIONS))
        }),
        Property::always(ANSWERED_ONCE, |_, state: &State| {
            state.orders.iter().all(|order| !order.facts.has_two(&Fact::ANSWERS))
        }),
        Property::always(REFUSED_IS_LISTED, |_, state: &State| {
            state.orders.iter().all(|order| order.pages > 0 || !order.facts.has(Fact::WithdrawalRefused))
        }),
        Property::always(ONE_DECISION, |_, state: &State| {
            state.orders.iter().all(|order| !order.facts.has_two(&Fact::REVIEWS))
        }),
        Property::always(NO_DEAD_LETTER, |_, state: &State| state.orders.iter().all(|order| !order.has_dead_letter)),
        Property::sometimes("a pick is listed while a worker is about to withdraw it", |_, state: &State| {
            state.workers.iter().flatten().any(|task| {
                task.read == Some(PickState::Ready) && state.orders[task.order].pick_state == Some(PickState::Listed)
            })
        }),
        Property::sometimes("two runs write the same page", |_, state: &State| {
            state.runs[0] == state.runs[1] && state.runs[0].is_some_and(|run| run.phase == RunPhase::WritePage)
        }),
    ];
    properties.extend(match scenario {
        Scenario::OneOrder => sometimes_of_one_order(),
        Scenario::TwoOrders => sometimes_of_two_orders(),
    });
    properties
}

fn sometimes_of_one_order() -> Vec<Property<Lifecycle>> {
    vec![
        Property::sometimes("a pick is withdrawn before its order arrives", |_, state: &State| {
            state.orders[0].is_withdrawn() && !state.orders[0].has_pick
        }),
        Property::sometimes("a confirmation arrives after the withdrawal", |_, state: &State| {
            let Order { facts, queue, was_indexed, .. } = state.orders[0];
            facts.has(Fact::ReviewConfirmed) && !queue.has(Fact::ReviewConfirmed) && !was_indexed
        }),
        Property::sometimes("a pick is ready before its order arrives", |_, state: &State| {
            state.orders[0].is_ready() && !state.orders[0].has_pick
        }),
        Property::sometimes("a request and a rejection are about to be answered", |_, state: &State| {
            let causes = state.workers.map(|task| task.map(|task| task.cause));
            causes == [Some(Fact::Rejected), Some(Fact::Requested)] && !state.orders[0].facts.has_any(&Fact::ANSWERS)
        }),
        Property::sometimes("two reviewers are about to decide differently", |_, state: &State| {
            state.reviewers == Fact::REVIEWS.map(Some) && !state.orders[0].facts.has_any(&Fact::REVIEWS)
        }),
    ]
}

fn sometimes_of_two_orders() -> Vec<Property<Lifecycle>> {
    vec![
        Property::sometimes("a page has two orders", |_, state: &State| {
            state.runs.iter().flatten().any(|run| run.phase == RunPhase::WritePage && run.orders == 0b11)
                && state.orders.iter().all(Order::is_ready)
        }),
        Property::sometimes("a page is written again without an order that was withdrawn", |_, state: &State| {
            let is_written_again = |run: &Run| run.phase == RunPhase::ReadAgain && run.orders == 0b11;
            state.runs.iter().flatten().any(is_written_again)
                && state.orders.iter().any(Order::is_ready)
                && state.orders.iter().any(Order::is_withdrawn)
        }),
    ]
}

pub(super) fn liveness_properties() -> Vec<LivenessProperty<Lifecycle>> {
    let property = |name, holds| LivenessProperty { name, is_fair: Action::is_fair, holds };
    vec![
        property(EVENTUALLY_LISTED, |_, state: &State| {
            state.orders.iter().all(|order| !order.is_confirmed() || order.pages == 1 || order.is_withdrawn())
        }),
        property(EVENTUALLY_ANSWERED, |_, state| {
            let is_answered = |order: &Order| order.is_cancelled() || order.is_too_late;
            state.orders.iter().all(|order| !order.facts.has(Fact::Requested) || is_answered(order))
        }),
        property(REJECTED_EVENTUALLY_CANCELLED, |_, state| {
            state.orders.iter().all(|order| !order.facts.has(Fact::Rejected) || order.is_cancelled())
        }),
        property(EVENTUALLY_DECIDED, |_, state| {
            let is_decided = |order: &Order| order.is_confirmed() || order.facts.has(Fact::Rejected);
            state.orders.iter().all(|order| !order.facts.has(Fact::Placed) || is_decided(order))
        }),
    ]
}
