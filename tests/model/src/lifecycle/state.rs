//! The orders with their rows and messages, and those who work on them.

use super::fact::{Fact, FactSet};
use super::run::Run;

pub(super) const ORDERS: usize = 2;
const WORKERS: usize = 2;
const REVIEWERS: usize = 2;
const RUNS: usize = 2;

/// A state of the model. Of workers, reviewers and runs, the idle ones come first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct State {
    pub(super) orders: [Order; ORDERS],
    /// Of the warehouse.
    pub(super) workers: [Option<Task>; WORKERS],
    /// The decisions that are about to be written, of the first order.
    pub(super) reviewers: [Option<Fact>; REVIEWERS],
    pub(super) runs: [Option<Run>; RUNS],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
#[allow(clippy::struct_excessive_bools)] // each is a row, or a mark of its own
pub(super) struct Order {
    /// The facts that were stated, each with its row.
    pub(super) facts: FactSet,
    /// The facts that are in the queue of their consumer.
    pub(super) queue: FactSet,
    /// The row `PICK`: what the order needs.
    pub(super) has_pick: bool,
    /// The row `READY`.
    pub(super) pick_state: Option<PickState>,
    /// The index has named the row, and may still do so.
    pub(super) was_indexed: bool,
    /// The number of pages that have the order.
    pub(super) pages: u8,
    /// The row that says that it is too late to cancel the order.
    pub(super) is_too_late: bool,
    /// How often its stock was returned.
    pub(super) stock_returned: u8,
    /// One of its messages is in the dead-letter queue.
    pub(super) has_dead_letter: bool,
}

/// What the row `READY` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum PickState {
    /// It waits to be listed, and is in the index.
    Ready,
    Listed,
    Withdrawn,
}

/// A worker of the warehouse has read the state of an order's pick, to answer a request or a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Task {
    pub(super) order: usize,
    pub(super) cause: Fact,
    pub(super) read: Option<PickState>,
}

impl Order {
    /// States a fact: its row is stored, and its consumer will receive it.
    pub(super) fn state_fact(&mut self, fact: Fact) {
        self.facts.insert(fact);
        if fact.has_subscriber() {
            self.queue.insert(fact);
        }
    }

    pub(super) fn make_ready(&mut self) {
        self.pick_state = Some(PickState::Ready);
        self.was_indexed = true;
    }

    pub(super) fn is_ready(&self) -> bool {
        self.pick_state == Some(PickState::Ready)
    }

    pub(super) fn is_confirmed(&self) -> bool {
        self.facts.has_any(&[Fact::Confirmed, Fact::ReviewConfirmed])
    }

    pub(super) fn is_withdrawn(&self) -> bool {
        self.facts.has_any(&[Fact::WithdrawnOnRequest, Fact::WithdrawnOnRejection])
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.facts.has_any(&Fact::CANCELLATIONS)
    }
}

impl State {
    pub(super) fn new(orders: [Order; ORDERS]) -> Self {
        Self { orders, workers: [None; WORKERS], reviewers: [None; REVIEWERS], runs: [None; RUNS] }
    }

    /// The orders of which this is true (a bit each).
    pub(super) fn orders_that(&self, is_true: impl Fn(&Order) -> bool) -> u8 {
        (0..ORDERS).filter(|order| is_true(&self.orders[*order])).map(|order| 1 << order).sum()
    }

    /// Whether the index may name these orders.
    pub(super) fn may_be_found(&self, orders: u8) -> bool {
        orders & !self.orders_that(|order| order.was_indexed) == 0
    }

    /// Makes states equal that differ only in the order of workers, of reviewers or of runs of the job.
    pub(super) fn sort(&mut self) {
        self.workers.sort_unstable();
        self.reviewers.sort_unstable();
        self.runs.sort_unstable();
    }

    /// The same state with the two orders swapped.
    pub(super) fn with_orders_swapped(&self) -> Self {
        let mut swapped = self.clone();
        swapped.orders.swap(0, 1);
        swapped.workers = self.workers.map(|task| task.map(|task| Task { order: 1 - task.order, ..task }));
        swapped.runs = self.runs.map(|run| run.map(Run::with_orders_swapped));
        swapped.sort();
        swapped
    }
}
