//! The lease sender: three workers are to send one mail once, and SES knows no idempotency.
//!
//! **Modelled** (`functions/chassis`: `lease`, `batch`, `queue`; `functions/email`): claim, send, complete on condition of the owner's
//! token, release likewise; a lease that ends at any moment, also while its owner still works, who then wakes up and goes on; a
//! claim that is granted though its answer is lost; mail that leaves though its answer is lost, after which the sender gives the
//! lease back; a completion that fails or whose answer is lost; mail that SES will never take; two deliveries of the same event,
//! each received any number of times; death between any two calls; the completed lease that expires; operators who redrive.
//!
//! **The window.** A mail that left is *recorded* when its completion is written. Whatever ends a lease before that (its worker
//! dies, cannot write, never learns that the mail left, or is slower than the lease) lets the mail leave again. That, and nothing
//! else, may double a mail; so all mails but one must have left under a lease that ended before they were recorded. With
//! [`Pace::WithinLease`], which is what the template configures (30 seconds for a function, 60 for a lease), slowness is none of
//! the reasons.
//!
//! **Left out.** *More than one event*: each has a row of its own, and the messages of a batch are dealt with side by side. *Which
//! token*: that a worker owns the row says that its token is in it; tokens are never used twice. *Time*: a lease is running or has
//! ended, and ends whenever the checker likes, so every disagreement of clocks is covered too. *How long a message waits for
//! another's lease*: it comes back at any moment; if that was too early it waits again.

use stateright::{Model, Property};

use crate::message::{Answer, Dead, Message};
use crate::promise::{Promise, Protocol};

/// What holds.
pub const ONE_MAIL: &str = "all mails but one left under a lease that ended before they were recorded";
/// What holds, too.
pub const STALE: &str = "a stale owner never overwrites";
/// What holds, too.
pub const NOT_LOST: &str = "a mail has left, is dead with a reason, or its message is still in the queue";
/// What holds, too.
pub const HONEST: &str = "what is recorded has left";
/// What holds, too.
pub const SETTLED: &str = "in the end the mail has left, or is dead with a reason";
/// What holds, too.
pub const REDRIVEN: &str = "in the end the mail has left, if operators redrive what is dead";

const MESSAGES: usize = 2;
const WORKERS: usize = 3;

/// The sender, right or wrong.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    /// When leases end.
    pub pace: Pace,
    /// What is wrong with it.
    pub flaw: Option<Flaw>,
}

/// When leases end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At any moment.
    Any,
    /// Not while the worker lives that has it, since Lambda stops that worker before.
    WithinLease,
}

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// A lease is granted whoever has it.
    NoCondition,
    /// A lease never ends by itself.
    NoExpiry,
    /// A lease may end while its worker is at work, and nobody counts with that.
    ShorterThanWork,
    /// The mail is recorded as sent when the lease is claimed.
    RecordedFirst,
    /// A completion does not ask whose lease it is.
    CompleteWithoutToken,
    /// A release does not ask whose lease it is.
    ReleaseWithoutToken,
    /// A message whose mail is in flight elsewhere is acknowledged.
    InFlightAcknowledged,
    /// A failed send is acknowledged.
    ErrorAcknowledged,
    /// Completed leases are forgotten while messages may still come.
    ShortMemory,
}

/// The queue, the row, the workers, and what an auditor would know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    messages: [Message; MESSAGES],
    row: Option<Row>,
    workers: [Worker; WORKERS],
    /// SES will never take this mail.
    unsendable: bool,
    /// The mail left at least once.
    sent: bool,
    /// How many mails left under a lease that has not ended unrecorded: none, one, or too many.
    plain: u8,
    /// A worker changed a row that was another's.
    overwritten: bool,
}

/// The lease. Which worker has it, that worker knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Row {
    running: bool,
    completed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
struct Worker {
    task: Option<(usize, Phase)>,
    /// Its token is in the row.
    owns: bool,
    /// Its mail left.
    sent: bool,
    /// Its lease ended before its mail was recorded.
    ended: bool,
}

/// What a worker does next about its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Phase {
    Claim,
    Send,
    Complete,
    /// Give the lease back, as the mail could not be sent; or never can be.
    Release {
        never: bool,
    },
    /// Report a failure, or bury the message if that was its last receive.
    Fail,
    /// Put the message back, as its mail is in flight elsewhere.
    Defer,
    Reject,
    Acknowledge,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A worker receives a message.
    Receive(usize, usize),
    /// A worker asks for the lease.
    Claim(usize, Answer),
    /// A worker sends the mail. If it is refused, no mail left.
    Send(usize, Answer),
    /// A worker records that the mail left.
    Complete(usize, Answer),
    /// A worker gives the lease back.
    Release(usize, Answer),
    /// A worker sends its message to the dead letters.
    Bury(usize, Answer),
    /// A worker reports its message as failed: it comes back.
    HandBack(usize),
    /// Lambda deletes the message of a worker that has answered, or does not get so far.
    Acknowledge(usize, bool),
    /// A worker dies.
    Crash(usize),
    /// The queue gives a message up.
    Fall(usize),
    /// The lease's time is over.
    LeaseEnds,
    /// The row has expired and is deleted.
    Expire,
    /// An operator redrives a dead letter.
    Redrive(usize),
}

impl Lease {
    fn has(self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn may_end(self, state: &State) -> bool {
        let at_work = state.workers.iter().any(|worker| worker.owns);
        let fast_enough = self.pace == Pace::Any || self.has(Flaw::ShorterThanWork) || !at_work;
        state.row.is_some_and(|row| row.running) && fast_enough && !self.has(Flaw::NoExpiry)
    }

    fn failed(self) -> Phase {
        if self.has(Flaw::ErrorAcknowledged) { Phase::Acknowledge } else { Phase::Fail }
    }

    fn claim(self, state: &mut State, at: usize, answer: Answer) -> Phase {
        let granted = match state.row {
            _ if answer == Answer::Refused => return self.failed(),
            Some(_) if self.has(Flaw::NoCondition) => true,
            Some(Row { completed: true, .. }) => return Phase::Acknowledge,
            Some(Row { running, .. }) => !running,
            None => true,
        };
        if !granted {
            return if self.has(Flaw::InFlightAcknowledged) { Phase::Acknowledge } else { Phase::Defer };
        }
        let completed = self.has(Flaw::RecordedFirst);
        state.row = Some(Row { running: !completed, completed });
        state.workers.iter_mut().for_each(|worker| worker.owns = false);
        if answer == Answer::Lost {
            return self.failed();
        }
        state.workers[at].owns = true;
        Phase::Send
    }

    fn send(self, state: &mut State, at: usize, answer: Answer) -> Phase {
        if state.unsendable {
            return Phase::Release { never: true };
        }
        if answer != Answer::Refused {
            state.sent = true;
            state.workers[at].sent = true;
            state.plain = (state.plain + u8::from(!state.workers[at].ended)).min(2);
        }
        if answer != Answer::Given {
            state.end_unrecorded(at);
        }
        match answer {
            Answer::Given if self.has(Flaw::RecordedFirst) => Phase::Acknowledge,
            Answer::Given => Phase::Complete,
            _ => Phase::Release { never: false },
        }
    }

    fn complete(self, state: &mut State, at: usize, answer: Answer) -> Phase {
        if answer == Answer::Refused {
            state.end_unrecorded(at);
            return self.failed();
        }
        if state.may_change(at, self.has(Flaw::CompleteWithoutToken)) {
            state.row = Some(Row { running: false, completed: true });
        }
        // If the lease is another's by now, that one will see to it.
        if answer == Answer::Given { Phase::Acknowledge } else { self.failed() }
    }

    fn release(self, state: &mut State, at: usize, answer: Answer) {
        if answer != Answer::Refused && state.may_change(at, self.has(Flaw::ReleaseWithoutToken)) {
            state.row = state.row.map(|row| Row { running: false, ..row });
        }
    }
}

impl State {
    /// A worker's lease ends before its mail, if one left, was recorded.
    fn end_unrecorded(&mut self, at: usize) {
        let worker = &mut self.workers[at];
        self.plain = self.plain.saturating_sub(u8::from(worker.sent && !worker.ended));
        worker.ended = true;
    }

    /// Whether a write that asks for the worker's token changes the row; or one that should ask, and does not.
    fn may_change(&mut self, at: usize, asks_nothing: bool) -> bool {
        let owns = self.workers[at].owns;
        self.overwritten |= asks_nothing && !owns;
        owns || asks_nothing
    }

    fn crash(&mut self, at: usize) {
        if self.workers[at].task.is_some_and(|(_, phase)| phase == Phase::Complete) {
            self.end_unrecorded(at);
        }
        self.workers[at].task = None;
    }

    fn bury(&mut self, at: usize, answer: Answer) {
        let Some((message, phase)) = self.workers[at].task else { return };
        if answer != Answer::Refused {
            let dead = if phase == Phase::Reject { Dead::Rejected } else { Dead::Exhausted };
            self.messages[message].dead = Some(dead);
        }
        self.workers[at].task = (answer == Answer::Given).then_some((message, Phase::Acknowledge));
    }

    fn acknowledge(&mut self, at: usize, deleted: bool) {
        let task = self.workers[at].task.take();
        if let Some((message, _)) = task.filter(|_| deleted) {
            self.messages[message].alive = false;
        }
    }

    fn is_held(&self, message: usize) -> bool {
        self.workers.iter().any(|worker| worker.task.is_some_and(|(held, _)| held == message))
    }

    fn is_drained(&self) -> bool {
        self.messages.iter().all(|message| !message.alive) && self.workers.iter().all(|worker| worker.task.is_none())
    }

    fn is_dead(&self) -> bool {
        self.messages.iter().any(|message| message.dead.is_some())
    }

    /// Forgets what makes no difference: what an idle worker did, and which of two that are alike is which.
    fn tidy(&mut self) {
        for worker in self.workers.iter_mut().filter(|worker| worker.task.is_none()) {
            *worker = Worker::default();
        }
        self.workers.sort_unstable();
        let mut other = self
            .workers
            .map(|worker| Worker { task: worker.task.map(|(message, phase)| (1 - message, phase)), ..worker });
        other.sort_unstable();
        if (self.messages[1], other) < (self.messages[0], self.workers) {
            self.messages.swap(0, 1);
            self.workers = other;
        }
    }
}

impl Model for Lease {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let fresh = |unsendable| State {
            messages: [Message::NEW; MESSAGES],
            row: None,
            workers: [Worker::default(); WORKERS],
            unsendable,
            sent: false,
            plain: 0,
            overwritten: false,
        };
        vec![fresh(false), fresh(true)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (at, worker) in state.workers.iter().enumerate() {
            let Some((_, phase)) = worker.task else {
                let alive = (0..MESSAGES).filter(|message| state.messages[*message].alive);
                actions.extend(alive.map(|message| Action::Receive(at, message)));
                continue;
            };
            actions.push(Action::Crash(at));
            let mut call = |action: fn(usize, Answer) -> Action| {
                actions.extend(Answer::ALL.map(|answer| action(at, answer)));
            };
            match phase {
                Phase::Claim => call(Action::Claim),
                Phase::Send => call(Action::Send),
                Phase::Complete => call(Action::Complete),
                Phase::Release { .. } => call(Action::Release),
                Phase::Reject => call(Action::Bury),
                Phase::Defer => actions.push(Action::HandBack(at)),
                Phase::Fail => {
                    call(Action::Bury);
                    actions.push(Action::HandBack(at));
                }
                Phase::Acknowledge => {
                    actions.extend([true, false].map(|deleted| Action::Acknowledge(at, deleted)));
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
        if self.may_end(state) {
            actions.push(Action::LeaseEnds);
        }
        let over = state.is_drained() && !state.is_dead();
        if state.row.is_some() && (over || self.has(Flaw::ShortMemory)) {
            actions.push(Action::Expire);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        let phase = match action {
            Action::Claim(at, answer) => Some((at, self.claim(&mut next, at, answer))),
            Action::Send(at, answer) => Some((at, self.send(&mut next, at, answer))),
            Action::Complete(at, answer) => Some((at, self.complete(&mut next, at, answer))),
            Action::Release(at, answer) => {
                self.release(&mut next, at, answer);
                let never = next.workers[at].task.is_some_and(|(_, phase)| phase == Phase::Release { never: true });
                Some((at, if never { Phase::Reject } else { self.failed() }))
            }
            _ => None,
        };
        if let Some((at, phase)) = phase {
            next.workers[at].task = next.workers[at].task.map(|(message, _)| (message, phase));
        }
        match action {
            Action::Receive(at, message) => next.workers[at].task = Some((message, Phase::Claim)),
            Action::Bury(at, answer) => next.bury(at, answer),
            Action::HandBack(at) => next.workers[at].task = None,
            Action::Acknowledge(at, deleted) => next.acknowledge(at, deleted),
            Action::Crash(at) => next.crash(at),
            Action::Fall(message) => next.messages[message].fall(),
            Action::Redrive(message) => next.messages[message].redrive(),
            Action::LeaseEnds => {
                next.row = next.row.map(|row| Row { running: false, ..row });
                let owner = next.workers.iter().position(|worker| worker.owns);
                if let Some(owner) = owner.filter(|_| !self.has(Flaw::ShorterThanWork)) {
                    next.end_unrecorded(owner);
                }
            }
            Action::Expire => {
                next.row = None;
                next.workers.iter_mut().for_each(|worker| worker.owns = false);
            }
            Action::Claim(..) | Action::Send(..) | Action::Complete(..) | Action::Release(..) => {}
        }
        next.tidy();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONE_MAIL, |_, state: &State| state.plain <= 1),
            Property::always(STALE, |_, state: &State| !state.overwritten),
            Property::always(NOT_LOST, |_, state: &State| {
                state.sent || state.is_dead() || state.messages.iter().any(|message| message.alive)
            }),
            Property::always(HONEST, |_, state: &State| state.sent || !state.row.is_some_and(|row| row.completed)),
            Property::sometimes("a mail leaves twice, through the documented window", |_, state: &State| {
                state.workers.iter().filter(|worker| worker.sent).count() == 2
            }),
            Property::sometimes("two workers have the same message", |_, state: &State| {
                let held = |worker: &Worker| worker.task.map(|(message, _)| message);
                (0..MESSAGES).any(|message| state.workers.iter().filter(|w| held(w) == Some(message)).count() == 2)
            }),
        ];
        if self.pace == Pace::Any {
            properties.push(Property::sometimes("a worker wakes up whose lease another has", |_, state: &State| {
                let stale =
                    |worker: &Worker| worker.ended && worker.task.is_some_and(|(_, phase)| phase == Phase::Send);
                state.workers.iter().any(stale) && state.workers.iter().any(|worker| worker.owns && !worker.ended)
            }));
        }
        properties
    }
}

impl Protocol for Lease {
    const NAME: &'static str = "lease";
    type Flaw = Flaw;
    const FLAWS: &'static [(Flaw, &'static str)] = &[
        (Flaw::NoCondition, ONE_MAIL),
        (Flaw::NoExpiry, SETTLED),
        (Flaw::ShorterThanWork, ONE_MAIL),
        (Flaw::RecordedFirst, NOT_LOST),
        (Flaw::CompleteWithoutToken, STALE),
        (Flaw::ReleaseWithoutToken, ONE_MAIL),
        (Flaw::InFlightAcknowledged, NOT_LOST),
        (Flaw::ErrorAcknowledged, NOT_LOST),
        (Flaw::ShortMemory, ONE_MAIL),
    ];

    fn sound() -> Vec<Self> {
        [Pace::Any, Pace::WithinLease].map(|pace| Self { pace, flaw: None }).into()
    }

    fn flawed(flaw: Flaw) -> Self {
        let stale = matches!(flaw, Flaw::CompleteWithoutToken | Flaw::ReleaseWithoutToken);
        Self { pace: if stale { Pace::Any } else { Pace::WithinLease }, flaw: Some(flaw) }
    }

    fn setting(&self) -> String {
        format!("{:?}", self.pace)
    }

    fn promises(&self) -> Vec<Promise<Self>> {
        let settled = Promise::<Self> {
            name: SETTLED,
            sure: happens,
            kept: |_, state| state.is_drained() && (state.sent || state.is_dead()),
        };
        let redriven = Promise::<Self> {
            name: REDRIVEN,
            sure: |action| happens(action) || matches!(action, Action::Redrive(_)),
            kept: |_, state| state.is_drained() && (state.sent || state.unsendable),
        };
        vec![settled, redriven]
    }
}

/// What happens without faults and without people.
fn happens(action: &Action) -> bool {
    match action {
        Action::Receive(..) | Action::HandBack(_) | Action::Acknowledge(_, true) | Action::LeaseEnds => true,
        Action::Claim(_, answer)
        | Action::Send(_, answer)
        | Action::Complete(_, answer)
        | Action::Release(_, answer)
        | Action::Bury(_, answer) => *answer == Answer::Given,
        Action::Acknowledge(_, false) | Action::Crash(_) | Action::Fall(_) | Action::Expire | Action::Redrive(_) => {
            false
        }
    }
}
