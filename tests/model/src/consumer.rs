//! The transactional consumer: two workers take batches from one queue and apply events on one table.
//!
//! **Modelled** (`functions/chassis`: `apply`, `commit`, `joint`, `lone`, `batch`, `queue`): batches of one or two messages, with the
//! same event twice in one batch or in two at once; one transaction for a batch, cancelled by a marker that is there, written again
//! without the duplicate; a transaction that DynamoDB refuses for one event's sake, then written event by event; handlers that add
//! to a row, or read it and write it back over the version they read; errors with and without effect; burial on the last
//! receive; acknowledgement message by message, also with an old receipt; death of a worker between any two calls; messages that
//! come back while their worker runs; markers that expire once no copy of their event can come any more; operators who redrive.
//!
//! **Left out.** *More than two events, three messages, two workers*: each mistake below needs no more, as all conditions are on
//! single rows. *Several rows per effect*: they are written in the same transaction as the one here. *Retries inside a call*: the
//! SDK repeats a transaction with the same idempotency token, and a put whose answer was lost finds its own row, which is a
//! duplicate; both are covered by a call that succeeds. *Conflicts and throttling*: a call that is refused. *Backoff*: see
//! [`message`](crate::message). *A message that nobody takes within its retention*: SQS forgets it; an alarm rings long before.
//! A poisoned event stands for whatever the handler or DynamoDB rejects.

use stateright::{Model, Property};

use crate::message::{Answer, Dead, Message};
use crate::promise::{Promise, Protocol};

/// What holds.
pub const ONCE: &str = "an effect happens at most once";
/// What holds, too.
pub const NOT_LOST: &str = "an event is applied, dead with a reason, or still in the queue";
/// What holds, too.
pub const SUM: &str = "what events build on has counted each effect";
/// What holds, too.
pub const NEIGHBOURS: &str = "no event is rejected for another's sake";
/// What holds, too.
pub const SETTLED: &str = "in the end every event is applied, or dead with a reason";
/// What holds, too.
pub const REDRIVEN: &str = "in the end every event is applied, if operators redrive what is dead";

/// The event of each message: the first one is delivered twice.
const EVENT_OF: [usize; 3] = [0, 0, 1];
const MESSAGES: usize = EVENT_OF.len();
const EVENTS: usize = 2;
const WORKERS: usize = 2;

/// Nobody counts any further.
const TOO_OFTEN: u8 = 2;

/// The consumer, right or wrong.
#[derive(Debug, Clone, Copy)]
pub struct Consumer {
    /// Which messages there are.
    pub sent: Sent,
    /// How a handler changes the row that all events build on.
    pub work: Work,
    /// What is wrong with it.
    pub flaw: Option<Flaw>,
}

/// Which messages there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// One event, delivered twice.
    Twins,
    /// Two events.
    Neighbours,
    /// Two events, one of them delivered twice.
    All,
}

/// What a handler does to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Adds to it: `Effects::add`.
    Add,
    /// Reads it, and writes it back if nobody else has since: `Effects::read`, `Effects::update` with a condition.
    Rewrite,
}

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The marker is written in a call of its own, before the effect.
    MarkerFirst,
    /// The marker is written in a call of its own, after the effect.
    EffectFirst,
    /// The marker is written whether there is one or not.
    NoCondition,
    /// The marker is looked for before the transaction, and not in it.
    LookThenWrite,
    /// Markers live shorter than messages.
    ShortMemory,
    /// A failed event is acknowledged.
    ErrorAcknowledged,
    /// A message is acknowledged though the dead-letter queue did not take it.
    BurialUnseen,
    /// What was read is written back without a condition.
    RewriteUnguarded,
    /// A transaction that is refused rejects all its events.
    NeighboursRejected,
}

/// The queue, the table, and the workers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    messages: [Message; MESSAGES],
    rows: [Row; EVENTS],
    /// The row that all events build on: how many it says there were.
    total: u8,
    workers: [Worker; WORKERS],
    /// The second event can never be applied.
    poisoned: bool,
}

/// What the table has of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Row {
    marked: bool,
    effects: u8,
}

/// A worker and its batch; without one it is idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
struct Worker {
    /// The messages that it still has to deal with.
    held: [Option<Mark>; MESSAGES],
    /// What it has read of the table.
    read: Option<u8>,
    /// Whether it writes event by event, since it cannot tell for whose sake all were refused.
    alone: bool,
    /// The event of which it has written one half. Only broken consumers write in halves.
    half: Option<usize>,
}

/// What a worker has to do about a message of its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Mark {
    /// To apply its event.
    Open,
    /// To bury it.
    Reject,
    /// To report it as failed; or to bury it, if that was its last receive.
    Fail,
    /// To have it acknowledged.
    Done,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A worker receives these messages (a bit each).
    Receive(usize, u8),
    /// A worker reads what its handlers ask for.
    Read(usize),
    /// A worker tries to write what is open of its batch.
    Write(usize, Answer),
    /// A worker sends a message to the dead letters.
    Bury(usize, usize, Answer),
    /// A worker reports a message as failed: it comes back.
    HandBack(usize, usize),
    /// Lambda deletes a message of a worker that has answered; or does not get so far, or SQS ignores the old receipt.
    Acknowledge(usize, usize, bool),
    /// A worker dies.
    Crash(usize),
    /// The queue gives a message up.
    Fall(usize),
    /// A marker has expired and is deleted.
    Expire(usize),
    /// An operator redrives a dead letter.
    Redrive(usize),
}

impl Consumer {
    fn has(self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// The events that there are.
    fn events(self) -> std::ops::Range<usize> {
        match self.sent {
            Sent::Twins => 0..1,
            Sent::Neighbours | Sent::All => 0..EVENTS,
        }
    }

    /// Whether its handlers read before they write.
    fn reads(self) -> bool {
        self.work == Work::Rewrite || self.has(Flaw::LookThenWrite)
    }

    /// Whether a marker may be forgotten: `MARKER_TTL_DAYS` is longer than all places together keep a message.
    fn forgets(self, state: &State, event: usize) -> bool {
        let may_come = state.messages_of(event).any(|message| message.alive || message.dead.is_some())
            || (0..MESSAGES).any(|message| EVENT_OF[message] == event && state.is_held(message));
        state.rows[event].marked && (!may_come || self.has(Flaw::ShortMemory))
    }

    /// What a failure makes of a message.
    fn failed(self) -> Mark {
        if self.has(Flaw::ErrorAcknowledged) { Mark::Done } else { Mark::Fail }
    }

    fn write(self, state: &mut State, worker: usize, answer: Answer) {
        let open = state.workers[worker].open();
        let one = self.work == Work::Rewrite || state.workers[worker].alone || self.in_halves();
        let events = if one { &open[..1] } else { &open[..] };
        if answer == Answer::Refused {
            state.workers[worker].mark(&open, self.failed());
            state.workers[worker].read = None;
        } else if state.poisoned && events.contains(&1) {
            self.refuse(&mut state.workers[worker], events);
        } else if !self.drop_duplicates(state, worker, events) {
            self.apply(state, worker, events, answer);
        }
    }

    /// DynamoDB refuses a transaction as a whole.
    fn refuse(self, worker: &mut Worker, events: &[usize]) {
        if events.len() > 1 && !self.has(Flaw::NeighboursRejected) {
            worker.alone = true;
        } else {
            worker.mark(events, Mark::Reject);
        }
    }

    /// Events that have their marker cancel the transaction, and are taken out of it.
    fn drop_duplicates(self, state: &mut State, at: usize, events: &[usize]) -> bool {
        let State { rows, workers, .. } = state;
        let worker = &mut workers[at];
        let seen = worker.read.unwrap_or(0);
        let known = |event: &&usize| match self.flaw {
            Some(Flaw::NoCondition) => false,
            Some(Flaw::LookThenWrite) => seen >> **event & 1 == 1,
            _ => rows[**event].marked && worker.half != Some(**event),
        };
        let known: Vec<usize> = events.iter().filter(known).copied().collect();
        worker.mark(&known, Mark::Done);
        !known.is_empty()
    }

    fn apply(self, state: &mut State, at: usize, events: &[usize], answer: Answer) {
        let worker = &mut state.workers[at];
        if self.work == Work::Rewrite {
            let read = worker.read.take().unwrap_or(0);
            if read != state.total && !self.has(Flaw::RewriteUnguarded) {
                return; // The handler runs again on fresh reads.
            }
            state.total = read;
        }
        for &event in events {
            let halves = match (self.flaw, worker.half) {
                (Some(Flaw::MarkerFirst), None) | (Some(Flaw::EffectFirst), Some(_)) => (true, false),
                (Some(Flaw::MarkerFirst), Some(_)) | (Some(Flaw::EffectFirst), None) => (false, true),
                _ => (true, true),
            };
            if halves.0 {
                state.rows[event].marked = true;
            }
            if halves.1 && state.rows[event].effects < TOO_OFTEN {
                state.rows[event].effects += 1;
                state.total += 1;
            }
            let whole = halves == (true, true) || worker.half.is_some();
            worker.half = (!whole).then_some(event);
            match answer {
                Answer::Given if whole => worker.mark(&[event], Mark::Done),
                Answer::Given => {}
                _ => {
                    worker.half = None;
                    worker.mark(&[event], self.failed());
                }
            }
        }
    }

    fn in_halves(self) -> bool {
        self.has(Flaw::MarkerFirst) || self.has(Flaw::EffectFirst)
    }

    fn bury(self, state: &mut State, worker: usize, message: usize, answer: Answer) {
        let held = &mut state.workers[worker].held[message];
        if answer != Answer::Refused {
            state.messages[message].dead =
                Some(if *held == Some(Mark::Reject) { Dead::Rejected } else { Dead::Exhausted });
        }
        // If it is not known to lie there, it comes back.
        let taken = answer == Answer::Given || self.has(Flaw::BurialUnseen);
        *held = taken.then_some(Mark::Done);
    }
}

impl Worker {
    /// The events that are not decided, each once.
    fn open(&self) -> Vec<usize> {
        let mut open: Vec<usize> = self.holds(Mark::Open).map(|message| EVENT_OF[message]).collect();
        open.dedup();
        open
    }

    fn holds(&self, mark: Mark) -> impl Iterator<Item = usize> {
        (0..MESSAGES).filter(move |message| self.held[*message] == Some(mark))
    }

    /// Decides the messages of events.
    fn mark(&mut self, events: &[usize], mark: Mark) {
        for (message, held) in self.held.iter_mut().enumerate() {
            if *held == Some(Mark::Open) && events.contains(&EVENT_OF[message]) {
                *held = Some(mark);
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.held == [None; MESSAGES]
    }

    /// Whether all are decided, so that the function answers.
    fn has_answered(&self) -> bool {
        self.held.iter().flatten().all(|mark| *mark == Mark::Done)
    }
}

impl State {
    fn is_drained(&self) -> bool {
        self.messages.iter().all(|message| !message.alive) && self.workers.iter().all(Worker::is_idle)
    }

    fn messages_of(&self, event: usize) -> impl Iterator<Item = &Message> {
        self.messages.iter().zip(EVENT_OF).filter_map(move |(message, of)| (of == event).then_some(message))
    }

    fn is_held(&self, message: usize) -> bool {
        self.workers.iter().any(|worker| worker.held[message].is_some())
    }

    fn is_dead(&self, event: usize) -> bool {
        self.messages_of(event).any(|message| message.dead.is_some())
    }

    /// Forgets what makes no difference: messages that a worker has dealt with, and which of two that are alike is which.
    fn tidy(&mut self) {
        for worker in &mut self.workers {
            if worker.is_idle() {
                *worker = Worker::default();
            }
        }
        let twin = |message: usize| (self.messages[message], self.workers.map(|worker| worker.held[message]));
        if twin(0) > twin(1) {
            self.messages.swap(0, 1);
            self.workers.iter_mut().for_each(|worker| worker.held.swap(0, 1));
        }
        self.workers.sort_unstable();
    }

    fn receive(&mut self, worker: usize, messages: u8) {
        for message in (0..MESSAGES).filter(|message| messages >> message & 1 == 1) {
            self.workers[worker].held[message] = Some(Mark::Open);
        }
    }
}

impl Model for Consumer {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let fresh = |poisoned| State {
            messages: match self.sent {
                Sent::Twins => [Message::NEW, Message::NEW, Message::NONE],
                Sent::Neighbours => [Message::NONE, Message::NEW, Message::NEW],
                Sent::All => [Message::NEW; MESSAGES],
            },
            rows: [Row::default(); EVENTS],
            total: 0,
            workers: [Worker::default(); WORKERS],
            poisoned,
        };
        vec![fresh(false), fresh(true)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let alive = |messages: &u8| (0..MESSAGES).all(|m| messages >> m & 1 == 0 || state.messages[m].alive);
        for (at, worker) in state.workers.iter().enumerate() {
            if worker.is_idle() {
                let batches = (1..1 << MESSAGES).filter(|messages: &u8| messages.count_ones() <= 2);
                actions.extend(batches.filter(alive).map(|messages| Action::Receive(at, messages)));
                continue;
            }
            actions.push(Action::Crash(at));
            if !worker.open().is_empty() {
                if self.reads() && worker.read.is_none() {
                    actions.push(Action::Read(at));
                } else {
                    actions.extend(Answer::ALL.map(|answer| Action::Write(at, answer)));
                }
                continue;
            }
            for message in worker.holds(Mark::Reject).chain(worker.holds(Mark::Fail)) {
                actions.extend(Answer::ALL.map(|answer| Action::Bury(at, message, answer)));
            }
            actions.extend(worker.holds(Mark::Fail).map(|message| Action::HandBack(at, message)));
            if worker.has_answered() {
                for message in worker.holds(Mark::Done) {
                    actions.extend([true, false].map(|deleted| Action::Acknowledge(at, message, deleted)));
                }
            }
        }
        for (at, message) in state.messages.iter().enumerate() {
            if message.alive {
                actions.push(Action::Fall(at));
            }
            // A worker that still has it works on the message that fell; its new self is another one, as in two deliveries.
            if message.is_redrivable() && !state.is_held(at) {
                actions.push(Action::Redrive(at));
            }
        }
        actions.extend((0..EVENTS).filter(|event| self.forgets(state, *event)).map(Action::Expire));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Receive(worker, messages) => next.receive(worker, messages),
            Action::Read(worker) => {
                let markers = (0..EVENTS).map(|event| u8::from(state.rows[event].marked) << event).sum();
                let looks = self.has(Flaw::LookThenWrite);
                next.workers[worker].read = Some(if looks { markers } else { state.total });
            }
            Action::Write(worker, answer) => self.write(&mut next, worker, answer),
            Action::Bury(worker, message, answer) => self.bury(&mut next, worker, message, answer),
            Action::Acknowledge(worker, message, deleted) => {
                next.workers[worker].held[message] = None;
                if deleted {
                    next.messages[message].alive = false;
                }
            }
            Action::HandBack(worker, message) => next.workers[worker].held[message] = None,
            Action::Fall(message) => next.messages[message].fall(),
            Action::Crash(worker) => next.workers[worker] = Worker::default(),
            Action::Expire(event) => next.rows[event].marked = false,
            Action::Redrive(message) => next.messages[message].redrive(),
        }
        next.tidy();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONCE, |_, state: &State| state.rows.iter().all(|row| row.effects <= 1)),
            Property::always(NOT_LOST, |model: &Self, state: &State| {
                let alive = |event| state.messages_of(event).any(|message| message.alive);
                model.events().all(|event| state.rows[event].effects > 0 || alive(event) || state.is_dead(event))
            }),
            Property::always(SUM, |_, state: &State| {
                state.total == state.rows.iter().map(|row| row.effects).sum::<u8>()
            }),
            Property::always(NEIGHBOURS, |_, state: &State| {
                let rejected = |event| state.messages_of(event).any(|message| message.dead == Some(Dead::Rejected));
                !rejected(0) && (state.poisoned || !rejected(1))
            }),
            Property::sometimes("an event comes again after it was applied", |_, state: &State| {
                state.rows[0].effects == 1 && state.workers.iter().any(|worker| worker.open().contains(&0))
            }),
            Property::sometimes("two workers have the same message", |_, state: &State| {
                (0..MESSAGES).any(|message| state.workers.iter().all(|worker| worker.held[message].is_some()))
            }),
            Property::sometimes("an event is both applied and among the dead letters", |_, state: &State| {
                state.rows[0].effects == 1 && state.is_dead(0)
            }),
        ]
    }
}

impl Protocol for Consumer {
    const NAME: &'static str = "consumer";
    type Flaw = Flaw;
    const FLAWS: &'static [(Flaw, &'static str)] = &[
        (Flaw::MarkerFirst, NOT_LOST),
        (Flaw::EffectFirst, ONCE),
        (Flaw::NoCondition, ONCE),
        (Flaw::LookThenWrite, ONCE),
        (Flaw::ShortMemory, ONCE),
        (Flaw::ErrorAcknowledged, NOT_LOST),
        (Flaw::BurialUnseen, NOT_LOST),
        (Flaw::RewriteUnguarded, SUM),
        (Flaw::NeighboursRejected, NEIGHBOURS),
    ];

    fn sound() -> Vec<Self> {
        [Work::Add, Work::Rewrite].map(|work| Self { sent: Sent::All, work, flaw: None }).into()
    }

    fn flawed(flaw: Flaw) -> Self {
        let (sent, work) = match flaw {
            Flaw::RewriteUnguarded => (Sent::Neighbours, Work::Rewrite),
            Flaw::NeighboursRejected => (Sent::Neighbours, Work::Add),
            _ => (Sent::Twins, Work::Add),
        };
        Self { sent, work, flaw: Some(flaw) }
    }

    fn setting(&self) -> String {
        format!("{:?}, {:?}", self.sent, self.work)
    }

    fn promises(&self) -> Vec<Promise<Self>> {
        let settled = Promise::<Self> {
            name: SETTLED,
            sure: happens,
            kept: |model, state| {
                let settled = |event: usize| state.rows[event].effects > 0 || state.is_dead(event);
                state.is_drained() && model.events().all(settled)
            },
        };
        let redriven = Promise::<Self> {
            name: REDRIVEN,
            sure: |action| happens(action) || matches!(action, Action::Redrive(_)),
            kept: |model, state| {
                let applied = |event: usize| state.rows[event].effects > 0 || state.poisoned && event == 1;
                state.is_drained() && model.events().all(applied)
            },
        };
        vec![settled, redriven]
    }
}

/// What happens without faults and without people.
fn happens(action: &Action) -> bool {
    match action {
        Action::Receive(..) | Action::Read(_) | Action::Acknowledge(_, _, true) | Action::HandBack(..) => true,
        Action::Write(_, answer) | Action::Bury(_, _, answer) => *answer == Answer::Given,
        Action::Acknowledge(_, _, false)
        | Action::Crash(_)
        | Action::Fall(_)
        | Action::Expire(_)
        | Action::Redrive(_) => false,
    }
}
