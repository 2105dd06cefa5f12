//! The warehouse in its settings, correct or with a bug, and what its steps do.

use super::action::Action;
use super::job::{Job, JobPhase};
use super::state::{Decision, Hold, JOBS, ORDERS, Order, Phase, PickPlace, SHARDS, State, Task, WAVES, Wave};

const ALL_SHARDS: u8 = (1 << SHARDS) - 1;

/// The warehouse.
#[derive(Debug, Clone, Copy)]
pub struct Waves {
    /// What happens in it.
    pub scenario: Scenario,
    /// The seeded bug.
    pub bug: Option<Bug>,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Two orders are placed.
    TwoOrders,
    /// One order is placed, flagged, and confirmed by a reviewer.
    FlaggedThenConfirmed,
    /// One order is placed, flagged, confirmed by a reviewer, and flagged again. No message is delivered again after its write.
    FlaggedAgain,
}

/// A seeded bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A pick is put into its wave whether that is closed or not.
    PickWithoutClosedCheck,
    /// A wave is closed without a write to its shards, whose rows are the picks' condition.
    CloseWithoutShards,
    /// The members of a wave are read before it is closed.
    ListReadBeforeClose,
    /// A wave that is empty when its time is over is skipped at that moment.
    EmptyWaveSkippedTooEarly,
    /// A hold is written though the wave may have been closed since it was read.
    HoldWithoutWaveCondition,
    /// A hold is written though the order may have arrived since it was looked for.
    HoldWithoutOrderCondition,
    /// A hold is written over another one that was not read.
    StaleHoldOverwritesNewer,
    /// A pick is held though its wave's list has it.
    HoldAfterListing,
    /// A pick that is unheld stays in the wave that was closed without it.
    UnheldInClosedWave,
}

/// A message's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    OrderPlaced {
        order: usize,
    },
    /// A decision about the first order.
    Decided {
        sequence: u8,
        flagged: bool,
    },
}

impl Waves {
    fn has(self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// The number of waves.
    pub(super) fn waves(self) -> usize {
        if self.scenario == Scenario::FlaggedThenConfirmed { WAVES - 1 } else { WAVES }
    }

    /// The number of concurrent runs of the job.
    pub(super) fn jobs(self) -> usize {
        if self.scenario == Scenario::TwoOrders { JOBS } else { 1 }
    }

    fn shards(self) -> u8 {
        if self.scenario == Scenario::TwoOrders { SHARDS } else { 1 }
    }

    pub(super) fn event(self, message: usize) -> Option<Event> {
        match (self.scenario, message) {
            (Scenario::TwoOrders, 0..ORDERS) => Some(Event::OrderPlaced { order: message }),
            (Scenario::TwoOrders, _) => None,
            (_, 0) => Some(Event::OrderPlaced { order: 0 }),
            (_, 1) => Some(Event::Decided { sequence: 2, flagged: true }),
            (_, 2) => Some(Event::Decided { sequence: 3, flagged: false }),
            (Scenario::FlaggedAgain, 3) => Some(Event::Decided { sequence: 4, flagged: true }),
            _ => None,
        }
    }

    /// The waves, and their shards, that a worker may take for open: the wave of its clock, which may be late; or the next open
    /// one, if that is closed.
    pub(super) fn selectable_shards(self, state: &State) -> Vec<(usize, u8)> {
        let late_clock = state.now.checked_sub(1).filter(|_| self.scenario == Scenario::TwoOrders);
        let clocks = [late_clock, Some(state.now)].into_iter().flatten();
        let mut waves: Vec<usize> = clocks.flat_map(|now| [Some(now), state.first_open_wave(now)]).flatten().collect();
        waves.retain(|wave| *wave < self.waves());
        waves.dedup();
        waves.into_iter().flat_map(|wave| (0..self.shards()).map(move |shard| (wave, shard))).collect()
    }

    /// What a worker with a message may do, other than crash.
    pub(super) fn worker_actions(self, worker: usize, task: Task, shards: &[(usize, u8)], actions: &mut Vec<Action>) {
        let shards = shards.iter().copied();
        match task.phase {
            Phase::Begin if matches!(self.event(task.message), Some(Event::OrderPlaced { .. })) => {
                actions.extend(shards.map(|(wave, shard)| Action::ChooseShard { worker, wave, shard }));
            }
            Phase::Begin | Phase::ReadHold { .. } => actions.push(Action::Read { worker }),
            Phase::ReadWave { .. } => {
                actions.extend(shards.map(|(wave, shard)| Action::Decide { worker, wave, shard }));
            }
            Phase::AddPick { .. } | Phase::WriteDecision(_) => {
                actions.push(Action::Write { worker, acknowledged: true });
                if self.scenario != Scenario::FlaggedAgain {
                    actions.push(Action::Write { worker, acknowledged: false });
                }
            }
        }
    }

    /// Decides about a pick, as `functions/warehouse` does. None if the worker is in another phase.
    pub(super) fn decide(self, state: &State, task: Task, target: (usize, u8)) -> Option<Decision> {
        let Phase::ReadWave { first_wave, hold: old_hold } = task.phase else { return None };
        let Some(Event::Decided { sequence, flagged }) = self.event(task.message) else { return None };
        let place = match first_wave.map(|first_wave| old_hold.and_then(|hold| hold.moved_to).unwrap_or(first_wave)) {
            None => PickPlace::Nowhere,
            Some(wave) if state.waves[wave].closed => PickPlace::ClosedWave,
            Some(wave) => PickPlace::OpenWave(wave),
        };
        if old_hold.is_some_and(|hold| hold.sequence >= sequence) {
            return Some(Decision { old_hold, place, new_hold: None, shard: None });
        }
        let was_held = old_hold.is_some_and(|hold| hold.is_held);
        let is_closed = place == PickPlace::ClosedWave;
        let is_listed = is_closed && !was_held && !self.has(Bug::HoldAfterListing);
        let moves = is_closed && was_held && !flagged && !self.has(Bug::UnheldInClosedWave);
        let moved_to = if moves { Some(target.0) } else { old_hold.and_then(|hold| hold.moved_to) };
        let new_hold = Some(Hold { sequence, is_held: flagged && !is_listed, moved_to });
        Some(Decision { old_hold, place, new_hold, shard: moves.then_some(target.1) })
    }

    /// A worker writes a pick or a decision. If a condition fails, the handler runs again. None if it has nothing to write.
    pub(super) fn write(self, state: &mut State, worker: usize, acknowledged: bool) -> Option<()> {
        let Task { message, phase } = state.workers[worker].take()?;
        let is_done = match (phase, self.event(message)?) {
            (Phase::AddPick { wave, shard }, Event::OrderPlaced { order }) => self.add_pick(state, order, wave, shard),
            (Phase::WriteDecision(decision), _) => self.write_decision(state, message, decision),
            _ => return None,
        };
        state.workers[worker] = (!is_done).then_some(Task { message, phase: Phase::Begin });
        state.in_queue[message] &= !(is_done && acknowledged);
        Some(())
    }

    /// Whether a pick may be written into a shard.
    fn admits_pick(self, wave: Wave, shard: u8) -> bool {
        wave.closed_shards >> shard & 1 == 0 || self.has(Bug::PickWithoutClosedCheck)
    }

    /// Returns false if the condition failed.
    fn add_pick(self, state: &mut State, order: usize, wave: usize, shard: u8) -> bool {
        if state.orders[order].first_wave.is_some() {
            return true;
        }
        if !self.admits_pick(state.waves[wave], shard) {
            return false;
        }
        state.orders[order] = Order { first_wave: Some(wave), named_in: 1 << wave };
        true
    }

    /// Returns false if a condition failed.
    fn write_decision(self, state: &mut State, message: usize, decision: Decision) -> bool {
        if state.has_marker[message] {
            return true;
        }
        if let Some(new_hold) = decision.new_hold {
            let target = new_hold.moved_to.unwrap_or_default();
            let is_admitted = decision.shard.is_none_or(|shard| self.admits_pick(state.waves[target], shard));
            if !self.reads_still_hold(state, decision) || !is_admitted {
                return false;
            }
            state.hold = Some(new_hold);
            if decision.shard.is_some() {
                state.orders[0].named_in |= 1 << target;
            }
        }
        state.has_marker[message] = true;
        true
    }

    /// Whether the rows on which a decision depends are unchanged.
    fn reads_still_hold(self, state: &State, decision: Decision) -> bool {
        let place_holds = match decision.place {
            PickPlace::Nowhere => state.orders[0].first_wave.is_none() || self.has(Bug::HoldWithoutOrderCondition),
            PickPlace::OpenWave(wave) => !state.waves[wave].closed || self.has(Bug::HoldWithoutWaveCondition),
            PickPlace::ClosedWave => true,
        };
        place_holds && (state.hold == decision.old_hold || self.has(Bug::StaleHoldOverwritesNewer))
    }

    pub(super) fn reads_before_closing(self) -> bool {
        self.has(Bug::ListReadBeforeClose)
    }

    /// A run of the job makes its next call. None if it was the last one.
    pub(super) fn continue_job(self, state: &mut State, job: Job) -> Option<Job> {
        let wave = &mut state.waves[job.wave];
        let phase = match job.phase {
            JobPhase::Close => {
                wave.closed = true;
                wave.closed_shards = if self.has(Bug::CloseWithoutShards) { 0 } else { ALL_SHARDS };
                JobPhase::ReadMembers
            }
            JobPhase::ReadMembers => JobPhase::ReadHolds { members: state.members(job.wave) },
            JobPhase::ReadHolds { members } => {
                if self.reads_before_closing() {
                    wave.closed = true;
                    wave.closed_shards = ALL_SHARDS;
                }
                let is_listed = |order: &usize| members >> order & 1 == 1 && state.belongs_on_list(*order, job.wave);
                JobPhase::WriteList { listed: (0..ORDERS).filter(is_listed).map(|order| 1 << order).sum() }
            }
            JobPhase::WriteList { listed } => {
                wave.list.get_or_insert(listed);
                JobPhase::MarkReleased
            }
            JobPhase::MarkReleased => {
                wave.released = true;
                return None;
            }
        };
        Some(Job { phase, ..job })
    }

    pub(super) fn cursor_may_advance(self, state: &State) -> bool {
        let wave = state.cursor;
        wave < state.now && (state.waves[wave].released || state.members(wave) == 0 && self.is_settled(state, wave))
    }

    /// Whether no pick can be put into an empty wave any more.
    fn is_settled(self, state: &State, wave: usize) -> bool {
        let awaits_pick = state.workers.iter().flatten().any(|task| match task.phase {
            Phase::AddPick { wave: target, .. } => target == wave,
            Phase::WriteDecision(Decision { new_hold: Some(hold), shard: Some(_), .. }) => hold.moved_to == Some(wave),
            _ => false,
        });
        state.now >= (wave + 2).min(self.waves()) && !awaits_pick || self.has(Bug::EmptyWaveSkippedTooEarly)
    }
}
