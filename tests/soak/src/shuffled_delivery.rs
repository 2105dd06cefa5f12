//! No faults: every event is delivered to each of its consumers several times, in shuffled order.
//!
//! Orders are placed while all consumers are disabled, so that the stack's own rules fill the queues. Then one consumer
//! after another, in random order, gets the messages that have arrived for it. Each copy is a message of its own. The
//! copies are shuffled, and some are held back for a later turn, so that a copy may arrive long after the consequences
//! of the first. Events that a consumer emits go over the stack's bus to other queues, and are copied and shuffled in
//! the same way.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use fastrand::Rng;
use tokio::time::Instant;
use yard::Consumer;

use crate::changes::Changes;
use crate::mapping::set_mapping_enabled;
use crate::queues;
use crate::soak_stack::SoakStack;

/// Of the copies of a turn one in this many is held back for a later turn.
const HOLD_BACK_ONE_IN: usize = 4;

/// A turn with fewer copies than this holds none back.
const MIN_COPIES_TO_HOLD_BACK: usize = 100;

/// Delivers until no message is left.
pub(crate) struct ShuffledDelivery<'a> {
    stack: &'a SoakStack,
    copies: usize,
    random: Rng,
    /// Bodies that are not delivered yet, by consumer.
    pending: BTreeMap<&'a str, Vec<String>>,
    /// Messages that were delivered, by consumer.
    pub(crate) delivered: BTreeMap<String, u64>,
}

impl<'a> ShuffledDelivery<'a> {
    /// Disables all consumers.
    pub(crate) async fn begin(stack: &'a SoakStack, copies: usize, seed: u64) -> Result<Self> {
        for consumer in &stack.deployed.consumers {
            set_mapping_enabled(&stack.cloud, consumer, false).await?;
        }
        let random = Rng::with_seed(seed ^ 0x5_AFF1E);
        Ok(Self { stack, copies, random, pending: BTreeMap::new(), delivered: BTreeMap::new() })
    }

    /// Delivers all messages that have arrived, and those that follow from them. Some changes are made between two turns. Returns
    /// false if the deadline ended it.
    pub(crate) async fn deliver(&mut self, changes: &Changes<'_>, deadline: Instant) -> Result<bool> {
        loop {
            changes.make_some().await;
            self.collect_messages().await?;
            let stack = self.stack;
            let consumers = stack.deployed.consumers.iter();
            let waiting = consumers.filter(|consumer| self.pending.contains_key(consumer.name.as_str()));
            let Some(consumer) = self.random.choice(waiting.collect::<Vec<_>>()) else {
                return Ok(true);
            };
            self.send_copies(consumer).await?;
            set_mapping_enabled(&stack.cloud, consumer, true).await?;
            let empty = queues::wait_until_empty(&stack.cloud, [consumer], deadline).await?;
            set_mapping_enabled(&stack.cloud, consumer, false).await?;
            if !empty {
                return Ok(false);
            }
        }
    }

    /// Takes all messages out of all queues, and makes their copies.
    async fn collect_messages(&mut self) -> Result<()> {
        let stack = self.stack;
        queues::wait_until_stable(&stack.cloud, &stack.deployed.consumers).await?;
        for consumer in &stack.deployed.consumers {
            for message in queues::receive_all(&stack.cloud, &consumer.queue_url).await? {
                let body = message.body().unwrap_or_default();
                let pending = self.pending.entry(&consumer.name).or_default();
                pending.extend(std::iter::repeat_n(body.to_owned(), self.copies));
                queues::delete(&stack.cloud, &consumer.queue_url, &message).await?;
            }
        }
        Ok(())
    }

    /// Sends a consumer its pending copies, or most of them.
    async fn send_copies(&mut self, consumer: &'a Consumer) -> Result<()> {
        let Some(mut bodies) = self.pending.remove(consumer.name.as_str()) else {
            return Ok(());
        };
        self.random.shuffle(&mut bodies);
        if bodies.len() >= MIN_COPIES_TO_HOLD_BACK {
            let later = bodies.split_off(bodies.len() - bodies.len() / HOLD_BACK_ONE_IN);
            self.pending.insert(&consumer.name, later);
        }
        for batch in bodies.chunks(10) {
            self.send_batch(consumer, batch).await?;
        }
        *self.delivered.entry(consumer.name.clone()).or_default() += bodies.len() as u64;
        Ok(())
    }

    async fn send_batch(&self, consumer: &Consumer, bodies: &[String]) -> Result<()> {
        let entry = |(index, body): (usize, &String)| {
            SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body).build()
        };
        let entries = bodies.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
        let send = self.stack.cloud.sqs.send_message_batch().queue_url(&consumer.queue_url);
        let response = send.set_entries(Some(entries)).send().await;
        let response = response.with_context(|| format!("no message can be sent to the queue of {}", consumer.name))?;
        ensure!(response.failed.is_empty(), "messages to the queue of {} were refused: {response:?}", consumer.name);
        Ok(())
    }
}
