//! What can happen next.

/// One action. Workers, messages, waves, shards and runs of the job are named by their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A worker receives a message.
    Receive { worker: usize, message: usize },
    /// A worker chooses a wave, and a shard of it, for a pick.
    ChooseShard { worker: usize, wave: usize, shard: u8 },
    /// A worker reads the row that is next.
    Read { worker: usize },
    /// A worker decides about a pick. A pick that moves goes into this shard of this wave.
    Decide { worker: usize, wave: usize, shard: u8 },
    /// A worker writes. Its message is acknowledged, unless the worker does not get that far.
    Write { worker: usize, acknowledged: bool },
    /// A worker dies.
    Crash { worker: usize },
    /// A run of the job finds a wave to release.
    StartJob { job: usize, wave: usize },
    /// A run of the job makes its next call.
    ContinueJob { job: usize },
    /// A run of the job is cut off by its timeout or a crash.
    CutOffJob { job: usize },
    /// The cursor moves past a wave.
    AdvanceCursor,
    /// Five minutes pass.
    StartNextWave,
}

impl Action {
    /// Whether it happens without faults.
    pub(super) fn is_fault_free(&self) -> bool {
        !matches!(self, Self::Crash { .. } | Self::CutOffJob { .. } | Self::Write { acknowledged: false, .. })
    }
}
