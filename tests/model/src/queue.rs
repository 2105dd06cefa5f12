//! A standard SQS queue: it delivers each message at least once, in any order, and again if a worker takes too long.
//!
//! A message that a worker has received may be received again at any moment, also while that worker still runs. So there is no
//! clock for visibility timeouts and backoff, and no difference between a visible message and an invisible one: the checker
//! explores every timing. For the same reason a message in the queue also stands for one that has not been sent yet.
//!
//! Receives are not counted: any receive may turn out to be the last. So the result holds for every `maxReceiveCount`.

/// A message in the queue, and its copy in the dead-letter queue if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Message {
    /// The queue has it.
    pub in_queue: bool,
    /// Why it is in the dead-letter queue.
    pub dead_letter: Option<DeadLetterReason>,
}

/// Why a message is in the dead-letter queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeadLetterReason {
    /// It can never be applied.
    Rejected,
    /// It was received too often. Its worker sent it there after the last receive, or SQS did because no worker came back.
    TooManyReceives,
}

impl Message {
    /// A message that no worker has received yet.
    pub const SENT: Self = Self { in_queue: true, dead_letter: None };

    /// No message at all.
    pub const ABSENT: Self = Self { in_queue: false, dead_letter: None };

    /// SQS moves it to the dead-letter queue, because no worker came back from its last receive.
    pub fn exceed_max_receives(&mut self) {
        *self = Self { in_queue: false, dead_letter: Some(DeadLetterReason::TooManyReceives) };
    }

    /// An operator puts a dead letter back into the queue.
    pub fn redrive(&mut self) {
        *self = Self::SENT;
    }

    /// Whether it is in the dead-letter queue, and nowhere else.
    pub fn is_redrivable(self) -> bool {
        self.dead_letter.is_some() && !self.in_queue
    }
}
