//! From the order's transaction over the table's stream and the bus to a consumer's table.
//!
//! **Modelled** (`functions/checkout`: `place`, `commit`; `functions/publisher`; `infra/template.yaml`): a client that repeats its
//! request until it is told that the order stands; the transaction that holds order and outbox; the stream, which offers a batch
//! again until the publisher has answered for it, in batches of either size; calls in which every entry has its own outcome,
//! calls refused whole for one entry's sake, calls that fail with and without effect; an entry that the bus can never take, and
//! its burial; invocations that give up or die anywhere; records that Lambda gives up for their age; a consumer behind it all
//! that gets every copy at least once; operators who put dead entries on the bus again.
//!
//! **Left out.** *More than three orders*: entries meet only in a call and in a batch, for which two would be enough. *Several shards*:
//! each is a stream like this one, and they share nothing. *Bus, rule and queue one by one*: each delivers at least once, so
//! together they do; what they give up lies in the consumer's dead-letter queue. How many copies are on their way is not counted:
//! there may always be one more. *The consumer's workers*: that it applies an event once, whatever they do, is what
//! [`consumer`](crate::consumer) shows. *Stock*: another row of the same transaction.

use stateright::{Model, Property};

use crate::message::Answer;
use crate::promise::{Promise, Protocol};

/// What holds.
pub const ONCE: &str = "an effect happens at most once";
/// What holds, too.
pub const NOT_LOST: &str = "an order's event is in the stream, on its way, applied, or dead with a reason";
/// What holds, too.
pub const TRUE: &str = "there is no event of an order that is not stored";
/// What holds, too.
pub const TOLD: &str = "no client is told of an order that is not stored";
/// What holds, too.
pub const NEIGHBOURS: &str = "no entry is buried for another's sake";
/// What holds, too.
pub const SETTLED: &str = "in the end every stored order's event is applied, or dead with a reason";
/// What holds, too.
pub const REDRIVEN: &str = "in the end it is applied if the bus can take it, though a person may have to put it there";

const ORDERS: usize = 3;

/// The relay, right or wrong.
#[derive(Debug, Clone, Copy)]
pub struct Outbox {
    /// What is wrong with it.
    pub flaw: Option<Flaw>,
}

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Checkout puts the event on the bus itself, after the order.
    PutAfterCommit,
    /// Checkout puts the event on the bus itself, before the order.
    PutBeforeCommit,
    /// A call that was answered is taken to have put all its entries.
    FailedEntriesIgnored,
    /// A call that failed is taken to have put all its entries.
    FailedCallIgnored,
    /// The publisher answers for a batch of which something is left.
    UnsentAcknowledged,
    /// An entry counts as buried though the dead-letter queue did not take it.
    BurialUnseen,
    /// An entry that can never go is tried for ever.
    NeverIsLater,
    /// A call that is refused whole buries all its entries.
    NeighboursBuried,
    /// An event that is put again has another id.
    NewIdEachTime,
}

/// Orders, stream, publisher, bus and consumer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    orders: [Order; ORDERS],
    /// The records that the table's stream has, oldest first: orders by their number.
    stream: Vec<usize>,
    /// How many of them the publisher has answered for.
    answered: usize,
    /// The publisher's invocation.
    run: Option<Run>,
    /// The second order's entry is none that the bus can take.
    unusable: bool,
}

/// One order and its event, wherever they have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Order {
    stored: bool,
    /// The client was told so.
    told: bool,
    /// What a checkout without an outbox still has to do.
    unput: bool,
    copies: Copies,
    effects: u8,
    dead: Option<Dead>,
}

/// Copies of an event on their way to the consumer; how many is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Copies {
    #[default]
    None,
    /// Their id is one that the consumer has applied.
    Known,
    /// One has an id that the consumer does not know.
    New,
}

/// Why an entry lies in the publisher's dead-letter queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Dead {
    Refused,
    TooOld,
}

/// An invocation of the publisher.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Run {
    records: usize,
    waiting: Vec<usize>,
    dead: Vec<usize>,
    /// Each entry goes in a call of its own, since one of them had a call refused.
    alone: bool,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A client sends its request.
    Checkout(usize, Answer),
    /// A checkout without an outbox puts its event on the bus; or dies before.
    PutDirectly(usize, bool),
    /// The stream hands so many records to the publisher.
    Begin(usize),
    /// The publisher puts what waits on the bus.
    Put(Outcome),
    /// The publisher buries an entry.
    Bury(Answer),
    /// The publisher answers for its batch.
    Finish,
    /// The publisher fails, as there are entries it could not put; or dies.
    Fail,
    /// Lambda gives a record up for its age.
    TooOld,
    /// The consumer gets a copy; another one may be behind it.
    Consume(usize, bool),
    /// An operator puts a dead entry on the bus.
    Redrive(usize),
}

/// What becomes of a call to the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is answered entry by entry; the bus was too busy for these (a bit each).
    Each(u8),
    /// It is refused for the sake of an entry.
    Whole,
    /// It fails, though the bus has taken all it could.
    Unknown,
    /// It fails without effect.
    Failed,
}

impl Outbox {
    fn has(self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn has_no_outbox(self) -> bool {
        self.has(Flaw::PutAfterCommit) || self.has(Flaw::PutBeforeCommit)
    }

    fn checkout(self, state: &mut State, order: usize, answer: Answer) {
        if answer != Answer::Refused && !state.orders[order].stored {
            state.orders[order].stored = true;
            if self.has(Flaw::PutAfterCommit) {
                state.orders[order].unput = true;
            } else if !self.has_no_outbox() {
                state.stream.push(order);
            }
        }
        state.orders[order].told = answer == Answer::Given;
    }

    fn put(self, state: &mut State, outcome: Outcome) {
        let Some(mut run) = state.run.take() else { return };
        let one = if run.alone { 1 } else { run.waiting.len() };
        let call: Vec<usize> = run.waiting.drain(..one).collect();
        let unusable = |order: &usize| state.unusable && *order == 1;
        for (place, order) in call.iter().enumerate() {
            let busy = matches!(outcome, Outcome::Each(busy) if busy >> place & 1 == 1);
            let arrives = matches!(outcome, Outcome::Each(_) | Outcome::Unknown) && !busy && !unusable(order);
            if arrives {
                state.orders[*order].send(self.has(Flaw::NewIdEachTime));
            }
            let refused = match outcome {
                Outcome::Each(_) => unusable(order) && !busy,
                Outcome::Whole => call.len() == 1 || self.has(Flaw::NeighboursBuried),
                Outcome::Unknown | Outcome::Failed => false,
            };
            let taken = arrives && outcome != Outcome::Unknown
                || self.has(Flaw::FailedCallIgnored) && matches!(outcome, Outcome::Unknown | Outcome::Failed)
                || self.has(Flaw::FailedEntriesIgnored) && matches!(outcome, Outcome::Each(_)) && !refused;
            match () {
                () if taken => {}
                () if refused && !self.has(Flaw::NeverIsLater) => run.dead.push(*order),
                () => run.waiting.push(*order),
            }
        }
        run.alone |= outcome == Outcome::Whole;
        run.waiting.sort_unstable();
        state.run = Some(run);
    }

    fn bury(self, state: &mut State, answer: Answer) {
        let Some(run) = &mut state.run else { return };
        let Some(order) = run.dead.pop() else { return };
        if answer != Answer::Refused {
            state.orders[order].dead = Some(Dead::Refused);
        }
        if answer != Answer::Given && !self.has(Flaw::BurialUnseen) {
            state.run = None;
        }
    }
}

impl Order {
    /// The bus takes its event.
    fn send(&mut self, new_id: bool) {
        let known = self.effects > 0 && self.copies != Copies::New && !new_id;
        self.copies = if known { Copies::Known } else { Copies::New };
    }

    /// The consumer gets a copy; there may be more.
    fn consume(&mut self, more: bool) {
        self.effects = (self.effects + u8::from(self.copies == Copies::New)).min(2);
        self.copies = if more { Copies::Known } else { Copies::None };
    }

    fn is_coming(self) -> bool {
        self.copies != Copies::None
    }
}

impl State {
    fn finish(&mut self) {
        if let Some(run) = self.run.take() {
            self.answered += run.records;
        }
    }

    /// Whether its record is still before the publisher.
    fn is_streamed(&self, order: usize) -> bool {
        self.stream[self.answered..].contains(&order)
    }

    fn orders(&self) -> impl Iterator<Item = (usize, &Order)> {
        self.orders.iter().enumerate()
    }
}

impl Model for Outbox {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let fresh = |unusable| State {
            orders: [Order::default(); ORDERS],
            stream: Vec::new(),
            answered: 0,
            run: None,
            unusable,
        };
        vec![fresh(false), fresh(true)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (at, order) in state.orders() {
            if !order.told {
                actions.extend(Answer::ALL.map(|answer| Action::Checkout(at, answer)));
            }
            if order.unput || self.has(Flaw::PutBeforeCommit) && !order.stored && !order.is_coming() {
                actions.extend([true, false].map(|put| Action::PutDirectly(at, put)));
            }
            if order.is_coming() {
                actions.extend([true, false].map(|more| Action::Consume(at, more)));
            }
            if order.dead == Some(Dead::TooOld) {
                actions.push(Action::Redrive(at));
            }
        }
        let Some(run) = &state.run else {
            let left = state.stream.len() - state.answered;
            actions.extend((1..=left).map(Action::Begin));
            if left > 0 {
                actions.push(Action::TooOld);
            }
            return;
        };
        actions.push(Action::Fail);
        if !run.waiting.is_empty() {
            let call = if run.alone { &run.waiting[..1] } else { &run.waiting[..] };
            actions.extend((0..1 << call.len()).map(|busy| Action::Put(Outcome::Each(busy))));
            actions.extend([Action::Put(Outcome::Unknown), Action::Put(Outcome::Failed)]);
            if state.unusable && call.contains(&1) {
                actions.push(Action::Put(Outcome::Whole));
            }
            if self.has(Flaw::UnsentAcknowledged) {
                actions.push(Action::Finish);
            }
        } else if !run.dead.is_empty() {
            actions.extend(Answer::ALL.map(Action::Bury));
        } else {
            actions.push(Action::Finish);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Checkout(order, answer) => self.checkout(&mut next, order, answer),
            Action::PutDirectly(order, put) => {
                next.orders[order].unput = false;
                if put {
                    next.orders[order].send(false);
                }
            }
            Action::Begin(records) => {
                let mut waiting = next.stream[next.answered..next.answered + records].to_vec();
                waiting.sort_unstable();
                next.run = Some(Run { records, waiting, dead: Vec::new(), alone: false });
            }
            Action::Put(outcome) => self.put(&mut next, outcome),
            Action::Bury(answer) => self.bury(&mut next, answer),
            Action::Finish => next.finish(),
            Action::Fail => next.run = None,
            Action::TooOld => {
                let order = &mut next.orders[next.stream[next.answered]];
                order.dead = order.dead.or(Some(Dead::TooOld));
                next.answered += 1;
            }
            Action::Consume(order, more) => next.orders[order].consume(more),
            Action::Redrive(order) => {
                let order = &mut next.orders[order];
                order.dead = None;
                order.send(false);
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONCE, |_, state: &State| state.orders().all(|(_, order)| order.effects <= 1)),
            Property::always(NOT_LOST, |_, state: &State| {
                state.orders().filter(|(_, order)| order.stored).all(|(at, order)| {
                    order.effects > 0
                        || order.is_coming()
                        || order.dead.is_some()
                        || order.unput
                        || state.is_streamed(at)
                })
            }),
            Property::always(TRUE, |_, state: &State| {
                state.orders().all(|(_, order)| order.stored || !order.is_coming() && order.effects == 0)
            }),
            Property::always(TOLD, |_, state: &State| state.orders().all(|(_, order)| order.stored || !order.told)),
            Property::always(NEIGHBOURS, |_, state: &State| {
                let refused =
                    |(at, order): (usize, &Order)| order.dead == Some(Dead::Refused) && !(state.unusable && at == 1);
                !state.orders().any(refused)
            }),
            Property::sometimes("a batch comes again, part of which was put", |_, state: &State| {
                state.run.as_ref().is_some_and(|run| {
                    run.waiting.iter().any(|order| state.orders[*order].effects == 1)
                        && run.waiting.iter().any(|order| state.orders[*order].effects == 0)
                })
            }),
            Property::sometimes("a client is not told of its order, which is applied", |_, state: &State| {
                state.orders().any(|(_, order)| order.effects == 1 && !order.told)
            }),
        ]
    }
}

impl Protocol for Outbox {
    const NAME: &'static str = "outbox";
    type Flaw = Flaw;
    const FLAWS: &'static [(Flaw, &'static str)] = &[
        (Flaw::PutAfterCommit, NOT_LOST),
        (Flaw::PutBeforeCommit, TRUE),
        (Flaw::FailedEntriesIgnored, NOT_LOST),
        (Flaw::FailedCallIgnored, NOT_LOST),
        (Flaw::UnsentAcknowledged, NOT_LOST),
        (Flaw::BurialUnseen, NOT_LOST),
        (Flaw::NeverIsLater, SETTLED),
        (Flaw::NeighboursBuried, NEIGHBOURS),
        (Flaw::NewIdEachTime, ONCE),
    ];

    fn sound() -> Vec<Self> {
        vec![Self { flaw: None }]
    }

    fn flawed(flaw: Flaw) -> Self {
        Self { flaw: Some(flaw) }
    }

    fn setting(&self) -> String {
        format!("{ORDERS} orders")
    }

    fn promises(&self) -> Vec<Promise<Self>> {
        let settled = Promise::<Self> {
            name: SETTLED,
            sure: happens,
            kept: |_, state| {
                let settled = |(_, order): (usize, &Order)| !order.stored || order.effects > 0 || order.dead.is_some();
                is_quiet(state) && state.orders().all(settled)
            },
        };
        let redriven = Promise::<Self> {
            name: REDRIVEN,
            sure: |action| happens(action) || matches!(action, Action::Redrive(_)),
            kept: |_, state| {
                let hopeless = |at| state.unusable && at == 1;
                let applied = |(at, order): (usize, &Order)| !order.stored || order.effects > 0 || hopeless(at);
                is_quiet(state) && state.orders().all(applied)
            },
        };
        vec![settled, redriven]
    }
}

/// Nothing is on its way.
fn is_quiet(state: &State) -> bool {
    let coming = state.orders().any(|(_, order)| order.is_coming());
    state.run.is_none() && state.answered == state.stream.len() && !coming
}

/// What happens without faults and without people.
fn happens(action: &Action) -> bool {
    match action {
        Action::Begin(_) | Action::Finish => true,
        Action::Put(outcome) => matches!(outcome, Outcome::Each(0) | Outcome::Whole),
        Action::Bury(answer) => *answer == Answer::Given,
        Action::Consume(_, more) => !more,
        Action::PutDirectly(_, put) => *put,
        Action::Checkout(..) | Action::Fail | Action::TooOld | Action::Redrive(_) => false,
    }
}
