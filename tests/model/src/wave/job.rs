//! A run of the job that closes and releases waves.

/// A run of the job, busy with a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Job {
    pub(super) wave: usize,
    pub(super) phase: JobPhase,
}

/// What a run of the job does next about its wave. Orders are a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum JobPhase {
    Close,
    /// Read which orders the wave's rows name.
    ReadMembers,
    /// Read the holds of these orders.
    ReadHolds {
        members: u8,
    },
    WriteList {
        listed: u8,
    },
    MarkReleased,
}

impl Job {
    pub(super) fn with_orders_swapped(self) -> Self {
        let phase = match self.phase {
            JobPhase::ReadHolds { members } => JobPhase::ReadHolds { members: swap_orders(members) },
            JobPhase::WriteList { listed } => JobPhase::WriteList { listed: swap_orders(listed) },
            phase @ (JobPhase::Close | JobPhase::ReadMembers | JobPhase::MarkReleased) => phase,
        };
        Self { phase, ..self }
    }
}

/// Swaps the bits of the two orders.
pub(super) fn swap_orders(orders: u8) -> u8 {
    (orders & 1) << 1 | orders >> 1
}
