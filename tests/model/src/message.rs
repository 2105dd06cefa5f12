//! A standard queue: each message at least once, in any order, and again whenever a worker takes too long.
//!
//! A message that a worker took may be received again at any moment, also while that worker still runs. So there is no clock for
//! visibility timeouts and backoff, and no difference between a message that waits and one that is hidden: every timing is among
//! those explored. For the same reason a message that waits stands also for one that has not been sent yet.
//!
//! Receives are not counted: any receive may turn out to be the last. So what holds here holds for every `maxReceiveCount`.

/// A message of the queue, and its copy among the dead letters if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Message {
    /// Whether the queue has it.
    pub alive: bool,
    /// Why it lies among the dead letters.
    pub dead: Option<Dead>,
}

/// Why a message is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dead {
    /// It can never be applied.
    Rejected,
    /// It was received too often: its worker has buried it after the last receive, or the queue has since no worker came back.
    Exhausted,
}

/// What becomes of a call, as seen by whoever makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It had its effect, and the caller knows.
    Given,
    /// It had its effect, and the caller sees an error. The SDK's own tries are over by then.
    Lost,
    /// It had none, and the caller sees an error.
    Refused,
}

impl Answer {
    /// All that can become of a call.
    pub const ALL: [Self; 3] = [Self::Given, Self::Lost, Self::Refused];
}

impl Message {
    /// A message that nobody has taken yet.
    pub const NEW: Self = Self { alive: true, dead: None };

    /// No message at all.
    pub const NONE: Self = Self { alive: false, dead: None };

    /// The queue itself puts it among the dead letters, as no worker came back from its last receive.
    pub fn fall(&mut self) {
        *self = Self { alive: false, dead: Some(Dead::Exhausted) };
    }

    /// An operator puts a dead letter back into the queue.
    pub fn redrive(&mut self) {
        *self = Self::NEW;
    }

    /// Whether it is among the dead letters, and nowhere else.
    pub fn is_redrivable(self) -> bool {
        self.dead.is_some() && !self.alive
    }
}
