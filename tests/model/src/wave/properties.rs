//! What must hold in every state, and what must come to hold eventually.

use stateright::Property;

use super::action::Action;
use super::job::{Job, JobPhase};
use super::state::{MESSAGES, ORDERS, Phase, State, WAVES};
use super::variant::{Event, Scenario, Waves};
use crate::protocol::LivenessProperty;

/// Safety: no pick is listed twice.
pub const AT_MOST_ONE_LIST: &str = "no pick is on two lists";
/// Safety: a list can be computed from the rows again.
pub const LIST_MATCHES_ROWS: &str = "at any later time, a list has the picks that follow from the rows";
/// Safety: a held order is not picked.
pub const HELD_IS_NOT_LISTED: &str = "no pick is on a list while it is held";
/// Safety: no pick is forgotten.
pub const NO_PICK_BEHIND_CURSOR: &str = "no pick waits behind the cursor, where no run looks again";
/// Liveness.
pub const EVENTUALLY_LISTED: &str = "eventually every pick is on one list, unless it is held";

pub(super) fn safety_properties(scenario: Scenario) -> Vec<Property<Waves>> {
    let mut properties = vec![
        Property::always(AT_MOST_ONE_LIST, |_, state: &State| (0..ORDERS).all(|order| state.lists_of(order) <= 1)),
        Property::always(LIST_MATCHES_ROWS, |_, state: &State| (0..WAVES).all(|wave| list_matches_rows(state, wave))),
        Property::always(HELD_IS_NOT_LISTED, |_, state: &State| !state.is_held(0) || state.lists_of(0) == 0),
        Property::always(NO_PICK_BEHIND_CURSOR, |_, state: &State| {
            let is_behind = |order: &usize| state.wave_of(*order).is_some_and(|wave| wave < state.cursor);
            (0..ORDERS).filter(is_behind).all(|order| state.is_held(order) || state.lists_of(order) == 1)
        }),
        Property::sometimes("a wave is closed while a pick is about to be added to it", |_, state: &State| {
            state.workers.iter().flatten().any(|task| {
                matches!(task.phase, Phase::AddPick { wave, .. } if state.waves[wave].closed && !state.waves[wave].released)
            })
        }),
    ];
    if scenario == Scenario::TwoOrders {
        properties.push(Property::sometimes("two runs of the job write the same list", |_, state: &State| {
            let writes = |job: &Option<Job>| matches!(job, Some(Job { phase: JobPhase::WriteList { .. }, .. }));
            state.jobs.iter().all(writes) && state.jobs[0] == state.jobs[1]
        }));
    } else {
        properties.push(Property::sometimes("a pick that was held is listed in a later wave", |_, state: &State| {
            state.hold.is_some_and(|hold| hold.moved_to.is_some()) && state.lists_of(0) == 1
        }));
        properties.push(Property::sometimes("a flag arrives before its order", |_, state: &State| {
            state.hold.is_some() && state.orders[0].first_wave.is_none()
        }));
    }
    properties
}

/// Whether a wave's list, if it is written, has the orders that follow from the rows.
fn list_matches_rows(state: &State, wave: usize) -> bool {
    let Some(list) = state.waves[wave].list else { return true };
    (0..ORDERS).all(|order| (list >> order & 1 == 1) == state.belongs_on_list(order, wave))
}

pub(super) fn liveness_properties() -> Vec<LivenessProperty<Waves>> {
    vec![LivenessProperty {
        name: EVENTUALLY_LISTED,
        is_fair: Action::is_fault_free,
        holds: |model, state| {
            let mut events = (0..MESSAGES).filter_map(|message| model.event(message));
            state.is_drained() && events.all(|event| is_complete(state, event))
        },
    }]
}

/// Whether the event has had its final effect.
fn is_complete(state: &State, event: Event) -> bool {
    match event {
        Event::OrderPlaced { order } => {
            state.orders[order].first_wave.is_some() && (state.lists_of(order) == 1 || state.is_held(order))
        }
        Event::Decided { sequence, .. } => state.hold.is_some_and(|hold| hold.sequence >= sequence),
    }
}
