//! Queue, table, workers and runs of the job.

use super::job::{Job, swap_orders};

/// At most so many waves can have a pick. The last one ends when every message is done.
pub(super) const WAVES: usize = 3;
pub(super) const SHARDS: u8 = 2;
pub(super) const ORDERS: usize = 2;
pub(super) const MESSAGES: usize = 4;
pub(super) const JOBS: usize = 2;
const WORKERS: usize = 2;

/// A state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct State {
    pub(super) in_queue: [bool; MESSAGES],
    /// Which decisions have their marker, by message.
    pub(super) has_marker: [bool; MESSAGES],
    pub(super) orders: [Order; ORDERS],
    /// The first order's.
    pub(super) hold: Option<Hold>,
    pub(super) waves: [Wave; WAVES],
    /// The wave of this moment.
    pub(super) now: usize,
    /// The first wave that may not be released yet.
    pub(super) cursor: usize,
    pub(super) workers: [Option<Task>; WORKERS],
    pub(super) jobs: [Option<Job>; JOBS],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub(super) struct Order {
    /// The wave into which its pick was put first.
    pub(super) first_wave: Option<usize>,
    /// The waves whose rows name it (a bit each).
    pub(super) named_in: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Hold {
    /// The decision's sequence.
    pub(super) sequence: u8,
    pub(super) is_held: bool,
    /// The wave into which the pick moved, because the one it was in had been closed without it.
    pub(super) moved_to: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub(super) struct Wave {
    pub(super) closed: bool,
    /// The shards whose row says that the wave is closed (a bit each).
    pub(super) closed_shards: u8,
    /// The orders on its list (a bit each).
    pub(super) list: Option<u8>,
    pub(super) released: bool,
}

/// A message and what its worker does next about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Task {
    pub(super) message: usize,
    pub(super) phase: Phase,
}

/// What a worker does next about its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Phase {
    Begin,
    /// Write the pick into a shard of a wave.
    AddPick {
        wave: usize,
        shard: u8,
    },
    /// Read the hold, after the order.
    ReadHold {
        first_wave: Option<usize>,
    },
    /// Read whether the wave is closed, after order and hold.
    ReadWave {
        first_wave: Option<usize>,
        hold: Option<Hold>,
    },
    WriteDecision(Decision),
}

/// A decision, and the reads on which it depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Decision {
    pub(super) old_hold: Option<Hold>,
    pub(super) place: PickPlace,
    /// None if the event is older than the old hold.
    pub(super) new_hold: Option<Hold>,
    /// The shard of the wave to which the pick moves.
    pub(super) shard: Option<u8>,
}

/// Where a pick is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum PickPlace {
    Nowhere,
    OpenWave(usize),
    ClosedWave,
}

impl State {
    pub(super) fn new(in_queue: [bool; MESSAGES]) -> Self {
        Self {
            in_queue,
            has_marker: [false; MESSAGES],
            orders: [Order::default(); ORDERS],
            hold: None,
            waves: [Wave::default(); WAVES],
            now: 0,
            cursor: 0,
            workers: [None; WORKERS],
            jobs: [None; JOBS],
        }
    }

    pub(super) fn queued_messages(&self) -> impl Iterator<Item = usize> {
        (0..MESSAGES).filter(|message| self.in_queue[*message])
    }

    /// The one wave that an order is in.
    pub(super) fn wave_of(&self, order: usize) -> Option<usize> {
        let hold = self.hold.filter(|_| order == 0);
        self.orders[order].first_wave.map(|first_wave| hold.and_then(|hold| hold.moved_to).unwrap_or(first_wave))
    }

    pub(super) fn is_held(&self, order: usize) -> bool {
        order == 0 && self.hold.is_some_and(|hold| hold.is_held)
    }

    /// Whether it follows from the rows that a wave's list has the order.
    pub(super) fn belongs_on_list(&self, order: usize, wave: usize) -> bool {
        self.wave_of(order) == Some(wave) && !self.is_held(order)
    }

    /// How many lists have an order.
    pub(super) fn lists_of(&self, order: usize) -> usize {
        self.waves.iter().filter(|wave| wave.list.is_some_and(|list| list >> order & 1 == 1)).count()
    }

    /// The orders that a wave's rows name (a bit each).
    pub(super) fn members(&self, wave: usize) -> u8 {
        let is_member = |order: &usize| self.orders[*order].named_in >> wave & 1 == 1;
        (0..ORDERS).filter(is_member).map(|order| 1 << order).sum()
    }

    /// The waves that are over, have members, and are not released.
    pub(super) fn releasable_waves(&self) -> impl Iterator<Item = usize> {
        (self.cursor..self.now).filter(|wave| !self.waves[*wave].released && self.members(*wave) > 0)
    }

    pub(super) fn first_open_wave(&self, from: usize) -> Option<usize> {
        (from..WAVES).find(|wave| !self.waves[*wave].closed)
    }

    /// The queue is empty and no worker has a message.
    pub(super) fn is_drained(&self) -> bool {
        self.in_queue == [false; MESSAGES] && self.workers == [None; WORKERS]
    }

    /// Makes states equal that differ only in the order of workers or of runs of the job.
    pub(super) fn sort(&mut self) {
        self.workers.sort_unstable();
        self.jobs.sort_unstable();
    }

    /// The same state with the two orders swapped. Without decisions, orders are alike.
    pub(super) fn with_orders_swapped(&self) -> Self {
        let mut swapped = self.clone();
        swapped.in_queue.swap(0, 1);
        swapped.orders.swap(0, 1);
        swapped.workers = self.workers.map(|task| task.map(|task| Task { message: 1 - task.message, ..task }));
        for wave in &mut swapped.waves {
            wave.list = wave.list.map(swap_orders);
        }
        swapped.jobs = self.jobs.map(|job| job.map(Job::with_orders_swapped));
        swapped.sort();
        swapped
    }
}
