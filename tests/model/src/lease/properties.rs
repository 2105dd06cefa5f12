//! What must hold in every state, and what must come to hold eventually.

use stateright::Property;

use super::action::Action;
use super::state::{MESSAGES, Phase, State, Task, Worker};
use super::variant::{Lease, LeaseEnd};
use crate::protocol::LivenessProperty;

/// Safety: no duplicate mail outside the documented window.
pub const AT_MOST_ONE_MAIL: &str = "all mails but one were sent under a lease that ended before they were recorded";
/// Safety: completing and releasing check the token.
pub const NO_STALE_OVERWRITE: &str = "a stale owner never overwrites the row";
/// Safety: no lost mail.
pub const NOT_LOST: &str = "the mail was sent, is dead-lettered, or its message is still in the queue";
/// Safety: no false record.
pub const RECORDED_IS_SENT: &str = "a mail that is recorded as sent was sent";
/// Liveness, without help from people.
pub const EVENTUALLY_SETTLED: &str = "eventually the mail is sent or dead-lettered";
/// Liveness, if operators redrive.
pub const EVENTUALLY_SENT: &str = "eventually the mail is sent, if operators redrive dead letters";

pub(super) fn safety_properties(lease_end: LeaseEnd) -> Vec<Property<Lease>> {
    let mut properties = vec![
        Property::always(AT_MOST_ONE_MAIL, |_, state: &State| state.mails_outside_window <= 1),
        Property::always(NO_STALE_OVERWRITE, |_, state: &State| !state.stale_overwrite),
        Property::always(NOT_LOST, |_, state: &State| {
            state.sent || state.has_dead_letter() || state.queued_messages().next().is_some()
        }),
        Property::always(RECORDED_IS_SENT, |_, state: &State| {
            state.sent || !state.row.is_some_and(|row| row.is_completed)
        }),
        Property::sometimes("a mail is sent twice, through the documented window", |_, state: &State| {
            state.workers.iter().filter(|worker| worker.sent).count() == 2
        }),
        Property::sometimes("two workers have the same message", |_, state: &State| {
            (0..MESSAGES).any(|message| state.workers.iter().filter(|worker| worker.has(message)).count() == 2)
        }),
    ];
    if lease_end == LeaseEnd::AnyTime {
        properties.push(Property::sometimes("a worker continues whose lease another one has", |_, state: &State| {
            let is_stale = |worker: &Worker| {
                worker.ended_unrecorded && matches!(worker.task, Some(Task { phase: Phase::Send, .. }))
            };
            state.workers.iter().any(is_stale)
                && state.workers.iter().any(|worker| worker.is_owner && !worker.ended_unrecorded)
        }));
    }
    properties
}

pub(super) fn liveness_properties() -> Vec<LivenessProperty<Lease>> {
    let settled = LivenessProperty::<Lease> {
        name: EVENTUALLY_SETTLED,
        is_fair: Action::is_fault_free,
        holds: |_, state| state.is_drained() && (state.sent || state.has_dead_letter()),
    };
    let sent = LivenessProperty::<Lease> {
        name: EVENTUALLY_SENT,
        is_fair: |action| action.is_fault_free() || matches!(action, Action::Redrive { .. }),
        holds: |_, state| state.is_drained() && (state.sent || state.is_unsendable),
    };
    vec![settled, sent]
}
