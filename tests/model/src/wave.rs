//! Picks are put into waves, held and unheld, while waves are closed and their lists written.
//!
//! **Modelled** (`functions/warehouse`): two workers that put picks into the wave of their clock, which may be one wave behind, on
//! condition that their shard of it is not closed; decisions that hold or unhold a pick, made on three reads and written on
//! condition that these still hold, in any order of arrival, also before the order; every message any number of times; two
//! concurrent runs of the job, each of which closes a wave, reads its picks, writes the list unless there is one, and marks the
//! wave as released; the cursor behind which no run looks again; a crash between any two calls.
//!
//! **Left out.** *Lists of several pages*: they follow from the same rows, and each is written like the one here. *Batches*: the
//! picks of one batch are written in one transaction and succeed or fail together, as one pick does. *More than two of 64
//! shards*: one that a pick is in, one that it is not. *Dead letters*: see [`consumer`](crate::consumer); here messages are
//! redelivered until they are done. *Reads of several rows in one call*: of the rows that a list follows from only holds ever
//! change, and each order's is read by itself. *Minutes*: a wave without a pick is skipped when it has been over for another wave's
//! length and no worker is about to write into it; the model takes this for granted of clocks and function timeouts.

pub mod action;
pub mod job;
pub mod properties;
pub mod state;
pub mod variant;

use stateright::{Model, Property};

use crate::protocol::{LivenessProperty, Protocol};
use action::Action;
use job::{Job, JobPhase};
use properties::{
    AT_MOST_ONE_LIST, EVENTUALLY_LISTED, HELD_IS_NOT_LISTED, LIST_MATCHES_ROWS, NO_PICK_BEHIND_CURSOR,
    liveness_properties, safety_properties,
};
use state::{Phase, State, Task};
pub use variant::{Bug, Scenario, Waves};

impl Model for Waves {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(std::array::from_fn(|message| self.event(message).is_some()))]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let shards = self.selectable_shards(state);
        for (worker, task) in state.workers.iter().enumerate() {
            if let Some(task) = task {
                actions.push(Action::Crash { worker });
                self.worker_actions(worker, *task, &shards, actions);
            } else {
                actions.extend(state.queued_messages().map(|message| Action::Receive { worker, message }));
            }
        }
        for (job, run) in state.jobs.iter().enumerate().rev().take(self.jobs()) {
            if run.is_some() {
                actions.extend([Action::ContinueJob { job }, Action::CutOffJob { job }]);
            } else {
                actions.extend(state.releasable_waves().map(|wave| Action::StartJob { job, wave }));
            }
        }
        if self.cursor_may_advance(state) {
            actions.push(Action::AdvanceCursor);
        }
        let waves = self.waves();
        if state.now + 1 < waves || state.now < waves && state.is_drained() {
            actions.push(Action::StartNextWave);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Receive { worker, message } => {
                next.workers[worker] = Some(Task { message, phase: Phase::Begin });
            }
            Action::ChooseShard { worker, wave, shard } => {
                next.workers[worker] = Some(Task { phase: Phase::AddPick { wave, shard }, ..state.workers[worker]? });
            }
            Action::Read { worker } => {
                let task = state.workers[worker]?;
                let phase = match task.phase {
                    Phase::ReadHold { first_wave } => Phase::ReadWave { first_wave, hold: state.hold },
                    _ => Phase::ReadHold { first_wave: state.orders[0].first_wave },
                };
                next.workers[worker] = Some(Task { phase, ..task });
            }
            Action::Decide { worker, wave, shard } => {
                let task = state.workers[worker]?;
                let decision = self.decide(state, task, (wave, shard))?;
                next.workers[worker] = Some(Task { phase: Phase::WriteDecision(decision), ..task });
            }
            Action::Write { worker, acknowledged } => self.write(&mut next, worker, acknowledged)?,
            Action::Crash { worker } => next.workers[worker] = None,
            Action::StartJob { job, wave } => {
                let phase = if self.reads_before_closing() { JobPhase::ReadMembers } else { JobPhase::Close };
                next.jobs[job] = Some(Job { wave, phase });
            }
            Action::ContinueJob { job } => next.jobs[job] = self.continue_job(&mut next, state.jobs[job]?),
            Action::CutOffJob { job } => next.jobs[job] = None,
            Action::AdvanceCursor => next.cursor += 1,
            Action::StartNextWave => next.now += 1,
        }
        next.sort();
        Some(if self.scenario == Scenario::TwoOrders { next.with_orders_swapped().min(next) } else { next })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        safety_properties(self.scenario)
    }
}

impl Protocol for Waves {
    const NAME: &'static str = "wave";
    type Bug = Bug;
    const BUGS: &'static [(Bug, &'static str)] = &[
        (Bug::PickWithoutClosedCheck, LIST_MATCHES_ROWS),
        (Bug::CloseWithoutShards, LIST_MATCHES_ROWS),
        (Bug::ListReadBeforeClose, LIST_MATCHES_ROWS),
        (Bug::EmptyWaveSkippedTooEarly, NO_PICK_BEHIND_CURSOR),
        (Bug::HoldWithoutWaveCondition, HELD_IS_NOT_LISTED),
        (Bug::HoldWithoutOrderCondition, HELD_IS_NOT_LISTED),
        (Bug::StaleHoldOverwritesNewer, EVENTUALLY_LISTED),
        (Bug::HoldAfterListing, AT_MOST_ONE_LIST),
        (Bug::UnheldInClosedWave, LIST_MATCHES_ROWS),
    ];

    fn correct() -> Vec<Self> {
        let scenarios = [Scenario::TwoOrders, Scenario::FlaggedThenConfirmed, Scenario::FlaggedAgain];
        scenarios.map(|scenario| Self { scenario, bug: None }).into()
    }

    fn with_bug(bug: Bug) -> Self {
        let scenario = match bug {
            Bug::PickWithoutClosedCheck
            | Bug::CloseWithoutShards
            | Bug::ListReadBeforeClose
            | Bug::EmptyWaveSkippedTooEarly => Scenario::TwoOrders,
            _ => Scenario::FlaggedThenConfirmed,
        };
        Self { scenario, bug: Some(bug) }
    }

    fn setting(&self) -> String {
        format!("{:?}", self.scenario)
    }

    fn liveness(&self) -> Vec<LivenessProperty<Self>> {
        liveness_properties()
    }
}
