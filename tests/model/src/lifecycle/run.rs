//! A run of the job that lists what is ready.

/// A run of the job, and the orders that it works on (a bit each).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Run {
    pub(super) phase: RunPhase,
    pub(super) orders: u8,
}

/// What a run of the job does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum RunPhase {
    /// Read the rows that the index named.
    ReadRows,
    /// Write the page and the state of its picks.
    WritePage,
    /// Read the state of the picks again, because a condition failed.
    ReadAgain,
    /// Make the second of two calls that should be one. Only with a seeded bug.
    WriteRest,
}

impl Run {
    pub(super) fn start(orders: u8) -> Self {
        Self { phase: RunPhase::ReadRows, orders }
    }

    /// The run with this to do next; `None` if no order is left.
    pub(super) fn then(phase: RunPhase, orders: u8) -> Option<Self> {
        (orders > 0).then_some(Self { phase, orders })
    }

    pub(super) fn with_orders_swapped(self) -> Self {
        Self { orders: (self.orders & 1) << 1 | self.orders >> 1, ..self }
    }
}
