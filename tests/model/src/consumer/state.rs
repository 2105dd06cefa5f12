//! The queue, the table, and the workers.

use crate::queue::Message;

/// The event of each message: the first event is delivered twice.
pub(super) const EVENT_OF_MESSAGE: [usize; 3] = [0, 0, 1];
pub(super) const MESSAGES: usize = EVENT_OF_MESSAGE.len();
pub(super) const EVENTS: usize = 2;
pub(super) const MAX_BATCH_SIZE: u32 = 2;
const WORKERS: usize = 2;

/// A state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub(super) messages: [Message; MESSAGES],
    pub(super) rows: [EventRow; EVENTS],
    /// The row that all events change: how many effects it has counted.
    pub(super) total: u8,
    pub(super) workers: [Worker; WORKERS],
    /// The second event is a poison event: it can never be applied.
    pub(super) poison: bool,
}

/// What the table has of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct EventRow {
    pub(super) has_marker: bool,
    /// How often the event was applied.
    pub(super) effects: u8,
}

/// A worker and its batch; without a batch it is idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) struct Worker {
    /// What it still has to do about each message.
    pub(super) tasks: [Option<MessageTask>; MESSAGES],
    /// What it has read from the table: the total, or the markers (a bit each).
    pub(super) read: Option<u8>,
    /// It writes event by event, because it cannot know which one caused the refusal of the transaction.
    pub(super) one_by_one: bool,
    /// The event of which it has written one half, marker or effect. Only consumers with a bug write in halves.
    pub(super) half_written: Option<usize>,
}

/// What a worker has to do about a message of its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum MessageTask {
    /// Apply its event.
    Apply,
    /// Send it to the dead-letter queue.
    Reject,
    /// Report it as failed; or send it to the dead-letter queue, if that was its last receive.
    Fail,
    /// Have it acknowledged.
    Acknowledge,
}

impl State {
    pub(super) fn new(messages: [Message; MESSAGES], poison: bool) -> Self {
        let (rows, workers) = ([EventRow::default(); EVENTS], [Worker::default(); WORKERS]);
        Self { messages, rows, total: 0, workers, poison }
    }

    /// The queue is empty and no worker has a batch.
    pub(super) fn is_drained(&self) -> bool {
        self.messages.iter().all(|message| !message.in_queue) && self.workers.iter().all(Worker::is_idle)
    }

    pub(super) fn messages_of(&self, event: usize) -> impl Iterator<Item = &Message> {
        self.messages.iter().zip(EVENT_OF_MESSAGE).filter_map(move |(message, of)| (of == event).then_some(message))
    }

    /// Whether a worker has the message.
    pub(super) fn is_held(&self, message: usize) -> bool {
        self.workers.iter().any(|worker| worker.tasks[message].is_some())
    }

    pub(super) fn has_dead_letter(&self, event: usize) -> bool {
        self.messages_of(event).any(|message| message.dead_letter.is_some())
    }

    /// The batches that a worker may receive, each as a bit per message.
    pub(super) fn receivable_batches(&self) -> impl Iterator<Item = u8> {
        let in_queue =
            |batch: &u8| (0..MESSAGES).all(|message| batch >> message & 1 == 0 || self.messages[message].in_queue);
        (1..1 << MESSAGES).filter(|batch: &u8| batch.count_ones() <= MAX_BATCH_SIZE).filter(in_queue)
    }

    pub(super) fn receive(&mut self, worker: usize, batch: u8) {
        for message in (0..MESSAGES).filter(|message| batch >> message & 1 == 1) {
            self.workers[worker].tasks[message] = Some(MessageTask::Apply);
        }
    }

    /// Makes states equal that differ in nothing relevant: in the past of an idle worker, in the order of the two workers, or in
    /// the order of the two messages of the first event.
    pub(super) fn canonicalize(&mut self) {
        for worker in &mut self.workers {
            if worker.is_idle() {
                *worker = Worker::default();
            }
        }
        let key = |message: usize| (self.messages[message], self.workers.map(|worker| worker.tasks[message]));
        if key(0) > key(1) {
            self.messages.swap(0, 1);
            self.workers.iter_mut().for_each(|worker| worker.tasks.swap(0, 1));
        }
        self.workers.sort_unstable();
    }
}

impl Worker {
    /// The events that are neither applied nor failed, each once.
    pub(super) fn unapplied_events(&self) -> Vec<usize> {
        let mut events: Vec<usize> =
            self.messages_to(MessageTask::Apply).map(|message| EVENT_OF_MESSAGE[message]).collect();
        events.dedup();
        events
    }

    /// The messages about which the worker has this to do.
    pub(super) fn messages_to(&self, task: MessageTask) -> impl Iterator<Item = usize> {
        (0..MESSAGES).filter(move |message| self.tasks[*message] == Some(task))
    }

    /// Sets what is next for the messages of events that were not decided yet.
    pub(super) fn decide(&mut self, events: &[usize], task: MessageTask) {
        for (message, held) in self.tasks.iter_mut().enumerate() {
            if *held == Some(MessageTask::Apply) && events.contains(&EVENT_OF_MESSAGE[message]) {
                *held = Some(task);
            }
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.tasks == [None; MESSAGES]
    }

    /// Whether the function has returned: only acknowledgements are left.
    pub(super) fn has_returned(&self) -> bool {
        self.tasks.iter().flatten().all(|task| *task == MessageTask::Acknowledge)
    }
}
