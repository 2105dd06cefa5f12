//! Picks are put into waves, held and let go, while waves are closed and their lists written.
//!
//! **Modelled** (`functions/warehouse`: `lib`, `wave`, `hold`, `release`): two workers that put picks into the wave of their clock,
//! which may be one wave behind, on condition that their shard of it is not closed; decisions that hold a pick or let it go,
//! made on three reads and written on condition that they still hold, in any order of arrival, also before the order; every
//! message any number of times; two runs of the job at once, each closing, looking who is in the wave, writing the list unless
//! there is one, and saying so; the cursor behind which no run looks again; death between any two calls.
//!
//! **Left out.** *Lists of several pages*: they follow from the same rows, and each is written like the one here. *Batches*: the
//! picks of one batch are written in one transaction and share its fate, as one pick does. *More than two of 64 shards*: one that a
//! pick meets, one that it does not. *Dead letters*: see [`consumer`](crate::consumer); here messages come back until they
//! are dealt with. *Reads of several rows in one call*: of the rows that a list follows from only holds ever change, and each
//! order's is looked at by itself. *Minutes*: a wave without a pick is left alone when its time was over for another wave's length
//! and no worker is on its way into it, which is what `SETTLED` takes for granted of clocks and function timeouts.

use stateright::{Model, Property};

use crate::promise::{Promise, Protocol};

/// What holds.
pub const ONE_LIST: &str = "no pick is on two lists";
/// What holds, too.
pub const COMPLETE: &str = "a list has the picks that the rows say it has, however late one looks";
/// What holds, too.
pub const HELD: &str = "no pick is on a list while it is held";
/// What holds, too.
pub const BEHIND: &str = "no pick waits where no run looks again";
/// What holds, too.
pub const RELEASED: &str = "in the end every pick is on one list, unless it is held";

/// Waves that a pick may go into, at most. The last one ends when every message has been dealt with.
const WAVES: usize = 3;
const SHARDS: u8 = 2;
const ORDERS: usize = 2;
const MESSAGES: usize = 4;
const WORKERS: usize = 2;
const JOBS: usize = 2;

/// The warehouse, right or wrong.
#[derive(Debug, Clone, Copy)]
pub struct Waves {
    /// What happens in it.
    pub scene: Scene,
    /// What is wrong with it.
    pub flaw: Option<Flaw>,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// Orders come.
    Picks,
    /// One order comes, is flagged, and confirmed by a person.
    Holds,
    /// One order comes, is flagged, confirmed by a person, and flagged again; each message is received until it is dealt with.
    Reviews,
}

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// A pick goes into its wave whether that is closed or not.
    PickUnguarded,
    /// A wave is closed without telling its shards, on which picks meet it.
    ClosedUnheard,
    /// Who is in a wave is looked up before it is closed.
    ListedFirst,
    /// A wave that is empty when its time is over is left alone at once.
    EmptyLeftAtOnce,
    /// A hold is written though the wave may have been closed since it was looked at.
    HoldUnguarded,
    /// A hold is written though the order may have come since it was looked for.
    HoldBlind,
    /// A hold is written over another that was not seen.
    HoldOverwritten,
    /// A pick is held though its wave's list has it.
    HeldAfterListing,
    /// A pick that is let go stays in the wave that was closed without it.
    LetGoInPlace,
}

/// A message's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Placed(usize),
    /// A decision about the first order.
    Decided {
        sequence: u8,
        flagged: bool,
    },
}

/// Table, queue, workers and jobs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct State {
    alive: [bool; MESSAGES],
    /// Decisions that have their marker, by their message.
    decided: [bool; MESSAGES],
    orders: [Order; ORDERS],
    /// Of the first order.
    hold: Option<Hold>,
    waves: [Wave; WAVES],
    /// The wave of this moment.
    now: usize,
    /// The first wave that may not be released yet.
    cursor: usize,
    workers: [Option<(usize, Phase)>; WORKERS],
    jobs: [Option<(usize, Task)>; JOBS],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
struct Order {
    came_into: Option<usize>,
    /// The waves that name it (a bit each).
    named_in: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Hold {
    sequence: u8,
    held: bool,
    moved: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
struct Wave {
    closed: bool,
    /// The shards that say so (a bit each).
    closed_shards: u8,
    /// The orders on its list (a bit each).
    list: Option<u8>,
    released: bool,
}

/// What a worker does next about its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Phase {
    Begin,
    /// Write the pick into a shard of a wave.
    Join(usize, u8),
    /// Read the hold, knowing the pick.
    ReadHold(Option<usize>),
    /// Read whether the wave is closed, knowing pick and hold.
    ReadWave(Option<usize>, Option<Hold>),
    /// Write what was decided.
    Decide(Decision),
}

/// A decision, and what it was made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Decision {
    before: Option<Hold>,
    place: Place,
    after: Option<Hold>,
    /// The shard of the wave that the pick moves to.
    shard: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Place {
    Nowhere,
    Open(usize),
    Closed,
}

/// What a run of the job does next about a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Task {
    Close,
    Look,
    /// Who was in the wave.
    Read(u8),
    /// Who is on its list.
    Write(u8),
    Release,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A worker receives a message.
    Receive(usize, usize),
    /// A worker chooses a wave, and a shard of it, for a pick.
    Choose(usize, usize, u8),
    /// A worker reads what comes next.
    Read(usize),
    /// A worker makes its decision; a pick that moves goes into this shard of this wave.
    Make(usize, usize, u8),
    /// A worker writes, and its message is acknowledged; or nobody gets that far.
    Write(usize, bool),
    /// A worker dies.
    Crash(usize),
    /// A run of the job finds a wave to release.
    Begin(usize, usize),
    /// A run of the job goes on.
    Job(usize),
    /// A run of the job is cut off.
    CutOff(usize),
    /// The cursor goes past a wave.
    Advance,
    /// Five minutes pass.
    NextWave,
}

impl Waves {
    fn has(self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// How many waves there are.
    fn waves(self) -> usize {
        if self.scene == Scene::Holds { WAVES - 1 } else { WAVES }
    }

    fn event(self, message: usize) -> Option<Event> {
        match (self.scene, message) {
            (Scene::Picks, 0..ORDERS) => Some(Event::Placed(message)),
            (Scene::Holds | Scene::Reviews, 0) => Some(Event::Placed(0)),
            (Scene::Holds | Scene::Reviews, 1) => Some(Event::Decided { sequence: 2, flagged: true }),
            (Scene::Holds | Scene::Reviews, 2) => Some(Event::Decided { sequence: 3, flagged: false }),
            (Scene::Reviews, 3) => Some(Event::Decided { sequence: 4, flagged: true }),
            _ => None,
        }
    }

    /// Whether a pick may be written into a shard.
    fn admits(self, wave: Wave, shard: u8) -> bool {
        wave.closed_shards >> shard & 1 == 0 || self.has(Flaw::PickUnguarded)
    }

    fn join(self, state: &mut State, order: usize, wave: usize, shard: u8) -> bool {
        if state.orders[order].came_into.is_some() {
            return true;
        }
        if !self.admits(state.waves[wave], shard) {
            return false;
        }
        state.orders[order] = Order { came_into: Some(wave), named_in: 1 << wave };
        true
    }

    /// What a decision does to a pick: `hold::decide`.
    fn decide(self, event: (u8, bool), before: Option<Hold>, place: Place, target: (usize, u8)) -> Decision {
        let (sequence, flagged) = event;
        if before.is_some_and(|before| before.sequence >= sequence) {
            return Decision { before, place, after: None, shard: None };
        }
        let (was_held, went_to) = before.map_or((false, None), |before| (before.held, before.moved));
        let listed = place == Place::Closed && !was_held && !self.has(Flaw::HeldAfterListing);
        let moves = place == Place::Closed && was_held && !flagged && !self.has(Flaw::LetGoInPlace);
        let after = Hold { sequence, held: flagged && !listed, moved: if moves { Some(target.0) } else { went_to } };
        Decision { before, place, after: Some(after), shard: moves.then_some(target.1) }
    }

    fn write(self, state: &mut State, message: usize, decision: Decision) -> bool {
        if state.decided[message] {
            return true;
        }
        let Some(hold) = decision.after else {
            state.decided[message] = true;
            return true;
        };
        let place_holds = match decision.place {
            Place::Nowhere => state.orders[0].came_into.is_none() || self.has(Flaw::HoldBlind),
            Place::Open(wave) => !state.waves[wave].closed || self.has(Flaw::HoldUnguarded),
            Place::Closed => true,
        };
        let target = hold.moved.unwrap_or_default();
        let admitted = decision.shard.is_none_or(|shard| self.admits(state.waves[target], shard));
        let unchanged = state.hold == decision.before || self.has(Flaw::HoldOverwritten);
        if !place_holds || !admitted || !unchanged {
            return false;
        }
        state.decided[message] = true;
        state.hold = Some(hold);
        if decision.shard.is_some() {
            state.orders[0].named_in |= 1 << target;
        }
        true
    }

    /// One step of a job about a wave.
    fn job(self, state: &mut State, at: usize, task: Task) -> Option<Task> {
        let listed_first = self.has(Flaw::ListedFirst);
        match task {
            Task::Close => {
                let all = (1 << SHARDS) - 1;
                let wave = &mut state.waves[at];
                wave.closed = true;
                wave.closed_shards = if self.has(Flaw::ClosedUnheard) { 0 } else { all };
                Some(Task::Look)
            }
            Task::Look => Some(Task::Read(state.members(at))),
            Task::Read(members) => {
                let listed = |order: &usize| members >> order & 1 == 1 && state.is_listed(*order, at);
                let list = (0..ORDERS).filter(listed).map(|order| 1 << order).sum();
                if listed_first {
                    state.waves[at].closed = true;
                    state.waves[at].closed_shards = (1 << SHARDS) - 1;
                }
                Some(Task::Write(list))
            }
            Task::Write(list) => {
                state.waves[at].list.get_or_insert(list);
                Some(Task::Release)
            }
            Task::Release => {
                state.waves[at].released = true;
                None
            }
        }
    }

    /// Whether no pick can come into an empty wave any more.
    fn is_settled(self, state: &State, wave: usize) -> bool {
        let on_its_way = state.workers.iter().flatten().any(|(_, phase)| match phase {
            Phase::Join(to, _) => *to == wave,
            Phase::Decide(Decision { after: Some(hold), shard: Some(_), .. }) => hold.moved == Some(wave),
            _ => false,
        });
        state.now >= (wave + 2).min(self.waves()) && !on_its_way || self.has(Flaw::EmptyLeftAtOnce)
    }

    fn may_advance(self, state: &State) -> bool {
        let wave = state.cursor;
        wave < state.now && (state.waves[wave].released || state.members(wave) == 0 && self.is_settled(state, wave))
    }
}

impl State {
    /// The one wave that an order is in.
    fn current(&self, order: usize) -> Option<usize> {
        let hold = self.hold.filter(|_| order == 0);
        self.orders[order].came_into.map(|came_into| hold.and_then(|hold| hold.moved).unwrap_or(came_into))
    }

    fn is_held(&self, order: usize) -> bool {
        order == 0 && self.hold.is_some_and(|hold| hold.held)
    }

    /// Whether the rows say that a wave's list has the order.
    fn is_listed(&self, order: usize, wave: usize) -> bool {
        self.current(order) == Some(wave) && !self.is_held(order)
    }

    /// The lists that have an order.
    fn lists_of(&self, order: usize) -> usize {
        self.waves.iter().filter(|wave| wave.list.is_some_and(|list| list >> order & 1 == 1)).count()
    }

    fn members(&self, wave: usize) -> u8 {
        let named = |order: &usize| self.orders[*order].named_in >> wave & 1 == 1;
        (0..ORDERS).filter(named).map(|order| 1 << order).sum()
    }

    fn is_drained(&self) -> bool {
        self.alive == [false; MESSAGES] && self.workers == [None; WORKERS]
    }

    /// Workers are alike, and so are jobs: which of them is in a state makes no difference.
    fn sort(&mut self) {
        self.workers.sort_unstable();
        self.jobs.sort_unstable();
    }

    /// The same with both orders exchanged, which are alike where no decisions come.
    fn mirrored(&self) -> Self {
        let exchanged = |orders: u8| (orders & 1) << 1 | orders >> 1;
        let mut other = self.clone();
        other.alive.swap(0, 1);
        other.orders.swap(0, 1);
        other.workers = self.workers.map(|worker| worker.map(|(message, phase)| (1 - message, phase)));
        for wave in &mut other.waves {
            wave.list = wave.list.map(exchanged);
        }
        for (_, task) in other.jobs.iter_mut().flatten() {
            match task {
                Task::Read(orders) | Task::Write(orders) => *orders = exchanged(*orders),
                Task::Close | Task::Look | Task::Release => {}
            }
        }
        other.sort();
        other
    }

    fn first_open(&self, from: usize) -> Option<usize> {
        (from..WAVES).find(|wave| !self.waves[*wave].closed)
    }
}

impl Model for Waves {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            alive: std::array::from_fn(|message| self.event(message).is_some()),
            decided: [false; MESSAGES],
            orders: [Order::default(); ORDERS],
            hold: None,
            waves: [Wave::default(); WAVES],
            now: 0,
            cursor: 0,
            workers: [None; WORKERS],
            jobs: [None; JOBS],
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // Waves that a worker may take to be open: that of its clock, which may be late; or if that is closed, the next open one.
        let late = state.now.checked_sub(1).filter(|_| self.scene == Scene::Picks);
        let clocks = [late, Some(state.now)].into_iter().flatten();
        let mut open: Vec<usize> = clocks.flat_map(|now| [Some(now), state.first_open(now)]).flatten().collect();
        open.retain(|wave| *wave < self.waves());
        open.dedup();
        let shards = open
            .into_iter()
            .flat_map(|wave| (0..if self.scene == Scene::Picks { SHARDS } else { 1 }).map(move |shard| (wave, shard)));
        for (at, worker) in state.workers.iter().enumerate() {
            let Some((message, phase)) = worker else {
                let alive = (0..MESSAGES).filter(|message| state.alive[*message]);
                actions.extend(alive.map(|message| Action::Receive(at, message)));
                continue;
            };
            actions.push(Action::Crash(at));
            match (phase, self.event(*message)) {
                (Phase::Begin, Some(Event::Placed(_))) => {
                    actions.extend(shards.clone().map(|(wave, shard)| Action::Choose(at, wave, shard)));
                }
                (Phase::Begin | Phase::ReadHold(_), _) => actions.push(Action::Read(at)),
                (Phase::ReadWave(..), _) => {
                    actions.extend(shards.clone().map(|(wave, shard)| Action::Make(at, wave, shard)));
                }
                (Phase::Join(..) | Phase::Decide(_), _) => {
                    actions.push(Action::Write(at, true));
                    if self.scene != Scene::Reviews {
                        actions.push(Action::Write(at, false));
                    }
                }
            }
        }
        let jobs = if self.scene == Scene::Picks { JOBS } else { 1 };
        for (at, job) in state.jobs.iter().enumerate().rev().take(jobs) {
            if job.is_some() {
                actions.extend([Action::Job(at), Action::CutOff(at)]);
                continue;
            }
            let waves =
                (state.cursor..state.now).filter(|wave| !state.waves[*wave].released && state.members(*wave) > 0);
            actions.extend(waves.map(|wave| Action::Begin(at, wave)));
        }
        if self.may_advance(state) {
            actions.push(Action::Advance);
        }
        if state.now + 1 < self.waves() || state.now < self.waves() && state.is_drained() {
            actions.push(Action::NextWave);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Receive(at, message) => next.workers[at] = Some((message, Phase::Begin)),
            Action::Choose(at, wave, shard) => {
                next.workers[at] = next.workers[at].map(|(message, _)| (message, Phase::Join(wave, shard)));
            }
            Action::Read(at) => {
                let (message, phase) = next.workers[at]?;
                let phase = match phase {
                    Phase::ReadHold(came_into) => Phase::ReadWave(came_into, state.hold),
                    _ => Phase::ReadHold(state.orders[0].came_into),
                };
                next.workers[at] = Some((message, phase));
            }
            Action::Make(at, wave, shard) => {
                let (message, phase) = next.workers[at]?;
                let (Phase::ReadWave(came_into, before), Some(Event::Decided { sequence, flagged })) =
                    (phase, self.event(message))
                else {
                    return None;
                };
                let place = match came_into.map(|wave| before.and_then(|hold| hold.moved).unwrap_or(wave)) {
                    None => Place::Nowhere,
                    Some(wave) if state.waves[wave].closed => Place::Closed,
                    Some(wave) => Place::Open(wave),
                };
                let decision = self.decide((sequence, flagged), before, place, (wave, shard));
                next.workers[at] = Some((message, Phase::Decide(decision)));
            }
            Action::Write(at, acknowledged) => {
                let (message, phase) = next.workers[at].take()?;
                let done = match (phase, self.event(message)?) {
                    (Phase::Join(wave, shard), Event::Placed(order)) => self.join(&mut next, order, wave, shard),
                    (Phase::Decide(decision), _) => self.write(&mut next, message, decision),
                    _ => return None,
                };
                // If not, the handler runs again.
                next.workers[at] = (!done).then_some((message, Phase::Begin));
                next.alive[message] &= !(done && acknowledged);
            }
            Action::Crash(at) => next.workers[at] = None,
            Action::Begin(at, wave) => {
                next.jobs[at] = Some((wave, if self.has(Flaw::ListedFirst) { Task::Look } else { Task::Close }));
            }
            Action::Job(at) => {
                let (wave, task) = next.jobs[at]?;
                next.jobs[at] = self.job(&mut next, wave, task).map(|task| (wave, task));
            }
            Action::CutOff(at) => next.jobs[at] = None,
            Action::Advance => next.cursor += 1,
            Action::NextWave => next.now += 1,
        }
        next.sort();
        Some(if self.scene == Scene::Picks { next.mirrored().min(next) } else { next })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONE_LIST, |_, state: &State| (0..ORDERS).all(|order| state.lists_of(order) <= 1)),
            Property::always(COMPLETE, |_, state: &State| {
                let agree = |wave: usize, list: u8| {
                    (0..ORDERS).all(|order| (list >> order & 1 == 1) == state.is_listed(order, wave))
                };
                (0..WAVES).all(|wave| state.waves[wave].list.is_none_or(|list| agree(wave, list)))
            }),
            Property::always(HELD, |_, state: &State| !state.is_held(0) || state.lists_of(0) == 0),
            Property::always(BEHIND, |_, state: &State| {
                let waits = |order: &usize| state.current(*order).is_some_and(|wave| wave < state.cursor);
                (0..ORDERS).filter(waits).all(|order| state.is_held(order) || state.lists_of(order) == 1)
            }),
            Property::sometimes("a wave is closed while a pick is on its way into it", |_, state: &State| {
                state.workers.iter().flatten().any(|(_, phase)| {
                    matches!(phase, Phase::Join(wave, _) if state.waves[*wave].closed && !state.waves[*wave].released)
                })
            }),
        ];
        if self.scene == Scene::Picks {
            properties.push(Property::sometimes("two runs write the same list", |_, state: &State| {
                let writes = |job: &Option<(usize, Task)>| job.is_some_and(|(_, task)| matches!(task, Task::Write(_)));
                state.jobs.iter().all(writes) && state.jobs[0] == state.jobs[1]
            }));
        } else {
            properties
                .push(Property::sometimes("a pick that was held is listed in a later wave", |_, state: &State| {
                    state.hold.is_some_and(|hold| hold.moved.is_some()) && state.lists_of(0) == 1
                }));
            properties.push(Property::sometimes("a flag comes before its order", |_, state: &State| {
                state.hold.is_some() && state.orders[0].came_into.is_none()
            }));
        }
        properties
    }
}

impl Protocol for Waves {
    const NAME: &'static str = "wave";
    type Flaw = Flaw;
    const FLAWS: &'static [(Flaw, &'static str)] = &[
        (Flaw::PickUnguarded, COMPLETE),
        (Flaw::ClosedUnheard, COMPLETE),
        (Flaw::ListedFirst, COMPLETE),
        (Flaw::EmptyLeftAtOnce, BEHIND),
        (Flaw::HoldUnguarded, HELD),
        (Flaw::HoldBlind, HELD),
        (Flaw::HoldOverwritten, RELEASED),
        (Flaw::HeldAfterListing, ONE_LIST),
        (Flaw::LetGoInPlace, COMPLETE),
    ];

    fn sound() -> Vec<Self> {
        [Scene::Picks, Scene::Holds, Scene::Reviews].map(|scene| Self { scene, flaw: None }).into()
    }

    fn flawed(flaw: Flaw) -> Self {
        let of_picks =
            matches!(flaw, Flaw::PickUnguarded | Flaw::ClosedUnheard | Flaw::ListedFirst | Flaw::EmptyLeftAtOnce);
        Self { scene: if of_picks { Scene::Picks } else { Scene::Holds }, flaw: Some(flaw) }
    }

    fn setting(&self) -> String {
        format!("{:?}", self.scene)
    }

    fn promises(&self) -> Vec<Promise<Self>> {
        vec![Promise {
            name: RELEASED,
            sure: |action| !matches!(action, Action::Crash(_) | Action::CutOff(_) | Action::Write(_, false)),
            kept: |model, state| {
                let mut events = (0..MESSAGES).filter_map(|message| model.event(message));
                state.is_drained()
                    && events.all(|event| match event {
                        Event::Placed(order) => {
                            state.orders[order].came_into.is_some()
                                && (state.lists_of(order) == 1 || state.is_held(order))
                        }
                        Event::Decided { sequence, .. } => state.hold.is_some_and(|hold| hold.sequence >= sequence),
                    })
            },
        }]
    }
}
