//! Orders, stream, publisher, bus and consumer.

pub(super) const ORDERS: usize = 3;
/// The order whose entry may be one that EventBridge can never take.
const IMPOSSIBLE_ORDER: usize = 1;

/// A state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub(super) orders: [Order; ORDERS],
    /// The records of the table's stream, oldest first: the orders' indexes.
    pub(super) stream: Vec<usize>,
    /// How many of them the publisher has reported as done.
    pub(super) reported: usize,
    /// The publisher's invocation.
    pub(super) invocation: Option<Invocation>,
    /// EventBridge can never take the second order's entry.
    has_impossible_entry: bool,
}

/// One order and its event, wherever they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Order {
    pub(super) stored: bool,
    /// The client received the answer that it is stored.
    pub(super) is_answered: bool,
    /// A checkout without an outbox still has to put the event.
    pub(super) must_put: bool,
    copies: Copies,
    /// How often the consumer applied the event.
    pub(super) effects: u8,
    pub(super) dead_letter: Option<DeadLetterReason>,
}

/// Copies of an event in transit to the consumer. Their number is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Copies {
    #[default]
    None,
    /// The consumer has applied their event id.
    Duplicate,
    /// One has an event id that the consumer does not know.
    New,
}

/// Why an entry is in the publisher's dead-letter queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum DeadLetterReason {
    Refused,
    TooOld,
}

/// An invocation of the publisher. Entries are named by their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Invocation {
    /// How many records its batch has.
    records: usize,
    /// The entries that are to be put.
    pub(super) waiting: Vec<usize>,
    /// The entries that are to be dead-lettered.
    pub(super) refused: Vec<usize>,
    /// Each entry is put in a call of its own, because a call was refused.
    pub(super) one_by_one: bool,
}

impl Invocation {
    pub(super) fn new(mut records: Vec<usize>) -> Self {
        records.sort_unstable();
        Self { records: records.len(), waiting: records, refused: Vec::new(), one_by_one: false }
    }

    /// How many entries its next call has.
    pub(super) fn call_size(&self) -> usize {
        if self.one_by_one { 1 } else { self.waiting.len() }
    }
}

impl Order {
    /// EventBridge takes its event.
    pub(super) fn put_on_bus(&mut self, with_new_id: bool) {
        let is_duplicate = self.effects > 0 && self.copies != Copies::New && !with_new_id;
        self.copies = if is_duplicate { Copies::Duplicate } else { Copies::New };
    }

    /// The consumer receives a copy.
    pub(super) fn consume(&mut self, another_copy: bool) {
        self.effects = (self.effects + u8::from(self.copies == Copies::New)).min(2);
        self.copies = if another_copy { Copies::Duplicate } else { Copies::None };
    }

    pub(super) fn is_in_transit(self) -> bool {
        self.copies != Copies::None
    }

    /// Its event was applied or dead-lettered.
    pub(super) fn is_settled(self) -> bool {
        self.effects > 0 || self.dead_letter.is_some()
    }
}

impl State {
    pub(super) fn new(has_impossible_entry: bool) -> Self {
        let orders = [Order::default(); ORDERS];
        Self { orders, stream: Vec::new(), reported: 0, invocation: None, has_impossible_entry }
    }

    /// The oldest records that the publisher has not reported as done.
    pub(super) fn pending_records(&self, records: usize) -> Vec<usize> {
        self.stream[self.reported..self.reported + records].to_vec()
    }

    /// Whether the publisher has not yet reported the order's record as done.
    pub(super) fn is_pending(&self, order: usize) -> bool {
        self.stream[self.reported..].contains(&order)
    }

    /// Whether EventBridge can never take the order's entry.
    pub(super) fn is_impossible(&self, order: usize) -> bool {
        self.has_impossible_entry && order == IMPOSSIBLE_ORDER
    }

    pub(super) fn report_batch(&mut self) {
        if let Some(invocation) = self.invocation.take() {
            self.reported += invocation.records;
        }
    }

    /// Nothing is in transit.
    pub(super) fn is_quiet(&self) -> bool {
        let in_transit = self.orders.iter().any(|order| order.is_in_transit());
        self.invocation.is_none() && self.reported == self.stream.len() && !in_transit
    }
}
