//! What must hold in every state, and what must come to hold eventually.

use stateright::Property;

use super::action::Action;
use super::state::{DeadLetterReason, ORDERS, State};
use super::variant::Outbox;
use crate::protocol::LivenessProperty;

/// Safety: no duplicate effect.
pub const AT_MOST_ONCE: &str = "an effect happens at most once";
/// Safety: no lost event.
pub const NOT_LOST: &str = "an order's event is in the stream, in transit, applied, or dead-lettered";
/// Safety: no event before its order.
pub const NO_EVENT_WITHOUT_ORDER: &str = "there is no event of an order that is not stored";
/// Safety: a client is answered after the commit.
pub const NO_ANSWER_WITHOUT_ORDER: &str = "no client receives a 202 for an order that is not stored";
/// Safety: an impossible entry is dead-lettered alone.
pub const NEIGHBOURS_UNAFFECTED: &str = "no entry is dead-lettered because of another one";
/// Liveness, without help from people.
pub const EVENTUALLY_SETTLED: &str = "eventually every stored order's event is applied or dead-lettered";
/// Liveness, if operators redrive.
pub const EVENTUALLY_APPLIED: &str = "eventually every possible event is applied, if operators redrive dead letters";

pub(super) fn safety_properties() -> Vec<Property<Outbox>> {
    vec![
        Property::always(AT_MOST_ONCE, |_, state: &State| state.orders.iter().all(|order| order.effects <= 1)),
        Property::always(NOT_LOST, |_, state: &State| {
            (0..ORDERS).all(|index| {
                let order = state.orders[index];
                !order.stored
                    || order.is_settled()
                    || order.is_in_transit()
                    || order.must_put
                    || state.is_pending(index)
            })
        }),
        Property::always(NO_EVENT_WITHOUT_ORDER, |_, state: &State| {
            state.orders.iter().all(|order| order.stored || !order.is_in_transit() && order.effects == 0)
        }),
        Property::always(NO_ANSWER_WITHOUT_ORDER, |_, state: &State| {
            state.orders.iter().all(|order| order.stored || !order.is_answered)
        }),
        Property::always(NEIGHBOURS_UNAFFECTED, |_, state: &State| {
            let is_refused = |index: usize| state.orders[index].dead_letter == Some(DeadLetterReason::Refused);
            (0..ORDERS).all(|index| !is_refused(index) || state.is_impossible(index))
        }),
        Property::sometimes("a batch of which a part was put is delivered again", |_, state: &State| {
            state.invocation.as_ref().is_some_and(|invocation| {
                let mut effects = invocation.waiting.iter().map(|order| state.orders[*order].effects);
                effects.clone().any(|effects| effects == 1) && effects.any(|effects| effects == 0)
            })
        }),
        Property::sometimes("an order is applied whose client has no answer", |_, state: &State| {
            state.orders.iter().any(|order| order.effects == 1 && !order.is_answered)
        }),
    ]
}

pub(super) fn liveness_properties() -> Vec<LivenessProperty<Outbox>> {
    let settled = LivenessProperty::<Outbox> {
        name: EVENTUALLY_SETTLED,
        is_fair: Action::is_fault_free,
        holds: |_, state| state.is_quiet() && state.orders.iter().all(|order| !order.stored || order.is_settled()),
    };
    let applied = LivenessProperty::<Outbox> {
        name: EVENTUALLY_APPLIED,
        is_fair: |action| action.is_fault_free() || matches!(action, Action::Redrive { .. }),
        holds: |_, state| {
            let is_applied = |index: usize| state.orders[index].effects > 0 || state.is_impossible(index);
            state.is_quiet() && (0..ORDERS).all(|index| !state.orders[index].stored || is_applied(index))
        },
    };
    vec![settled, applied]
}
