//! No faults: every event delivered to each of its consumers several times, in shuffled order.
//!
//! Orders are placed while no consumer listens, so that the stack's own rules fill the queues. Then one consumer after another,
//! chosen by chance, gets what has come for it: every copy a message of its own, shuffled, and some of them kept back for a later
//! turn, so that a copy may come long after what follows from the first. What a consumer says goes over the stack's bus to the
//! queues of others, and is copied and shuffled likewise.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use fastrand::Rng;
use tokio::time::{Instant, sleep};
use yard::Consumer;

use crate::calm;
use crate::stage::Stage;

/// For so long all counts must have stayed the same before what has come is taken to be all.
const STILL: Duration = Duration::from_secs(4);

/// Of the copies of a turn, one in so many is kept back for a later one.
const KEPT_BACK: usize = 4;

/// A turn with fewer copies than this keeps none back.
const FEW: usize = 100;

/// Delivers until nothing is left to deliver.
pub(crate) struct Shuffle<'a> {
    stage: &'a Stage,
    copies: usize,
    random: Rng,
    /// Bodies that are still to be delivered, by consumer.
    held: BTreeMap<&'a str, Vec<String>>,
    /// Messages that were delivered, by consumer.
    pub(crate) delivered: BTreeMap<String, u64>,
}

impl<'a> Shuffle<'a> {
    /// Stops all consumers.
    pub(crate) async fn begin(stage: &'a Stage, copies: usize, seed: u64) -> Result<Self> {
        for consumer in &stage.stack.consumers {
            listen(stage, consumer, false).await?;
        }
        let random = Rng::with_seed(seed ^ 0x5_AFF1E);
        Ok(Self { stage, copies, random, held: BTreeMap::new(), delivered: BTreeMap::new() })
    }

    /// Delivers what has come, and what comes of it. False if the deadline ended it.
    pub(crate) async fn deliver(&mut self, deadline: Instant) -> Result<bool> {
        loop {
            self.take().await?;
            let stage = self.stage;
            let waiting =
                stage.stack.consumers.iter().filter(|consumer| self.held.contains_key(consumer.name.as_str()));
            let Some(consumer) = self.random.choice(waiting.collect::<Vec<_>>()) else {
                return Ok(true);
            };
            self.turn(consumer).await?;
            listen(stage, consumer, true).await?;
            let drained = calm::drained(stage, [consumer], deadline).await?;
            listen(stage, consumer, false).await?;
            if !drained {
                return Ok(false);
            }
        }
    }

    /// Takes all messages out of all queues, once no more come.
    async fn take(&mut self) -> Result<()> {
        let stage = self.stage;
        let (mut since, mut last) = (Instant::now(), calm::waiting(stage, &stage.stack.consumers).await?);
        while since.elapsed() < STILL {
            sleep(Duration::from_millis(500)).await;
            let now = calm::waiting(stage, &stage.stack.consumers).await?;
            if now != last {
                (since, last) = (Instant::now(), now);
            }
        }
        for consumer in &stage.stack.consumers {
            for message in calm::receive_all(stage, &consumer.queue_url).await? {
                let body = message.body().unwrap_or_default();
                let held = self.held.entry(&consumer.name).or_default();
                held.extend(std::iter::repeat_n(body.to_owned(), self.copies));
                calm::delete(stage, &consumer.queue_url, &message).await?;
            }
        }
        Ok(())
    }

    /// Sends a consumer what is held for it, or most of it.
    async fn turn(&mut self, consumer: &'a Consumer) -> Result<()> {
        let Some(mut bodies) = self.held.remove(consumer.name.as_str()) else {
            return Ok(());
        };
        self.random.shuffle(&mut bodies);
        if bodies.len() >= FEW {
            let later = bodies.split_off(bodies.len() - bodies.len() / KEPT_BACK);
            self.held.insert(&consumer.name, later);
        }
        for ten in bodies.chunks(10) {
            let entry = |(at, body): (usize, &String)| {
                SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(body).build()
            };
            let entries = ten.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
            let send = self.stage.cloud.sqs.send_message_batch().queue_url(&consumer.queue_url);
            let answer = send.set_entries(Some(entries)).send().await;
            let answer = answer.with_context(|| format!("the queue of {} takes nothing", consumer.name))?;
            anyhow::ensure!(answer.failed.is_empty(), "the queue of {} takes not all: {answer:?}", consumer.name);
        }
        *self.delivered.entry(consumer.name.clone()).or_default() += bodies.len() as u64;
        Ok(())
    }
}

/// Starts or stops a consumer.
async fn listen(stage: &Stage, consumer: &Consumer, enabled: bool) -> Result<()> {
    let update = stage.cloud.lambda.update_event_source_mapping().uuid(&consumer.mapping).enabled(enabled);
    update.send().await.with_context(|| format!("the mapping of {} cannot be changed", consumer.name))?;
    // The poll that is under way may still take messages.
    sleep(Duration::from_millis(1500)).await;
    Ok(())
}
