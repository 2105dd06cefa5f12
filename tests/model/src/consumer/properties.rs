//! What must hold in every state, and what must come to hold eventually.

use stateright::Property;

use super::action::Action;
use super::state::{MESSAGES, State};
use super::variant::Consumer;
use crate::protocol::LivenessProperty;
use crate::queue::DeadLetterReason;

/// Safety: no duplicate effect.
pub const AT_MOST_ONCE: &str = "an effect happens at most once";
/// Safety: no lost event.
pub const NOT_LOST: &str = "an event is applied, dead-lettered, or still in the queue";
/// Safety: no lost update of the row that all events change.
pub const TOTAL_IS_EXACT: &str = "the shared total counts every effect once";
/// Safety: a poison event is rejected alone.
pub const NEIGHBOURS_UNAFFECTED: &str = "no event is rejected because of another one";
/// Liveness, without help from people.
pub const EVENTUALLY_SETTLED: &str = "eventually every event is applied or dead-lettered";
/// Liveness, if operators redrive.
pub const EVENTUALLY_APPLIED: &str = "eventually every event is applied, if operators redrive dead letters";

pub(super) fn safety_properties() -> Vec<Property<Consumer>> {
    vec![
        Property::always(AT_MOST_ONCE, |_, state: &State| state.rows.iter().all(|row| row.effects <= 1)),
        Property::always(NOT_LOST, |model: &Consumer, state: &State| {
            let in_queue = |event| state.messages_of(event).any(|message| message.in_queue);
            model.events().all(|event| state.rows[event].effects > 0 || in_queue(event) || state.has_dead_letter(event))
        }),
        Property::always(TOTAL_IS_EXACT, |_, state: &State| {
            state.total == state.rows.iter().map(|row| row.effects).sum::<u8>()
        }),
        Property::always(NEIGHBOURS_UNAFFECTED, |_, state: &State| {
            let is_rejected =
                |event| state.messages_of(event).any(|message| message.dead_letter == Some(DeadLetterReason::Rejected));
            !is_rejected(0) && (state.poison || !is_rejected(1))
        }),
        Property::sometimes("an event is redelivered after it was applied", |_, state: &State| {
            state.rows[0].effects == 1 && state.workers.iter().any(|worker| worker.unapplied_events().contains(&0))
        }),
        Property::sometimes("two workers have the same message", |_, state: &State| {
            (0..MESSAGES).any(|message| state.workers.iter().all(|worker| worker.tasks[message].is_some()))
        }),
        Property::sometimes("an event is both applied and dead-lettered", |_, state: &State| {
            state.rows[0].effects == 1 && state.has_dead_letter(0)
        }),
    ]
}

pub(super) fn liveness_properties() -> Vec<LivenessProperty<Consumer>> {
    let settled = LivenessProperty::<Consumer> {
        name: EVENTUALLY_SETTLED,
        is_fair: Action::is_fault_free,
        holds: |model, state| {
            let is_settled = |event: usize| state.rows[event].effects > 0 || state.has_dead_letter(event);
            state.is_drained() && model.events().all(is_settled)
        },
    };
    let applied = LivenessProperty::<Consumer> {
        name: EVENTUALLY_APPLIED,
        is_fair: |action| action.is_fault_free() || matches!(action, Action::Redrive { .. }),
        holds: |model, state| {
            let is_applied = |event: usize| state.rows[event].effects > 0 || state.poison && event == 1;
            state.is_drained() && model.events().all(is_applied)
        },
    };
    vec![settled, applied]
}
