//! What a handler wants written, read and emitted.

use std::rc::Rc;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use rust_decimal::Decimal;
use switchyard_events::{Cause, Envelope, Fact, OutboxEntry};

use crate::reads::Reads;
use crate::transaction::Write;
use crate::{Condition, Failure, Item, Key, Row, Update};

/// Collects what one event changes. Nothing happens before the handler returns; then all of it happens together, or none.
pub struct Effects {
    pub(crate) record: Option<Row>,
    pub(crate) writes: Vec<Write>,
    pub(crate) outbox: Vec<OutboxEntry>,
    pub(crate) seen: Vec<Key>,
    context: Context,
}

/// What an event's effects need to know of the batch and of the event.
pub(crate) struct Context {
    pub cause: Cause,
    pub producer: &'static str,
    pub now: Timestamp,
    pub reads: Rc<Reads>,
    /// Random, the same for a whole batch, so that its additions to a sharded counter merge.
    pub shard: u32,
    /// How often the handler has run for this event before.
    pub runs: u32,
}

impl Effects {
    pub(crate) fn new(context: Context) -> Self {
        Self { record: None, writes: Vec::new(), outbox: Vec::new(), seen: Vec::new(), context }
    }

    /// The time of this batch.
    pub fn now(&self) -> Timestamp {
        self.context.now
    }

    /// Whether the handler has run for this event before, because a condition failed or an earlier event of the batch came first.
    pub fn is_rerun(&self) -> bool {
        self.context.runs > 0
    }

    /// The row that this consumer keeps once per event. It becomes the deduplication marker, which saves the event a write: its
    /// key must be new for every event, and it can be recorded only once per event.
    ///
    /// Its partition key is `ORDER#<id>` or `USER#<id>`, so that `yard trace` finds it.
    pub fn record(&mut self, row: Row) {
        debug_assert!(self.record.is_none(), "an event is recorded once");
        self.record = Some(row);
    }

    /// Writes a row, whatever was there.
    pub fn put(&mut self, row: Row) {
        self.writes.push(Write::Put(row));
    }

    /// Writes a row where none is; if there is one, the handler runs again on fresh reads.
    pub fn put_new(&mut self, row: Row) {
        self.writes.push(Write::PutNew(row));
    }

    /// Adds to a number. Additions to one row are summed over the batch.
    pub fn add(&mut self, key: Key, attribute: &str, delta: impl Into<Decimal>) {
        self.update(key, Update::new().add(attribute, delta));
    }

    /// Changes a row; with a condition, if that fails, the handler runs again on fresh reads.
    pub fn update(&mut self, key: Key, update: Update) {
        self.writes.push(Write::Update(key, update));
    }

    /// Adds to a counter that many batches meet on: one of `shards` rows `<sk>#<n>`, the same one for a whole batch.
    /// Its value is the sum over the shards ([`crate::Table::sum_shards`]).
    pub fn add_sharded(&mut self, key: Key, shards: u32, update: Update) {
        let shard = self.context.shard % shards.max(1);
        self.update(Key::new(key.pk, format!("{}#{shard}", key.sk)), update);
    }

    /// Asks that a condition on a row holds when the effects are written; if not, the handler runs again on fresh reads.
    pub fn check(&mut self, key: Key, condition: Condition) {
        self.writes.push(Write::Check(key, condition));
    }

    /// Reads a row of the consumer's table, strongly consistent. The reads of a whole batch travel in one call.
    pub async fn read(&mut self, key: Key) -> Result<Option<Item>, Failure> {
        self.seen.push(key.clone());
        self.context.reads.get(key).await
    }

    /// Says something happened. The fact leaves with the effects, or not at all.
    ///
    /// `sequence` is the fact's place among all facts about the same thing.
    pub fn emit<F: Fact>(&mut self, fact: F, sequence: u64) -> Result<(), Failure> {
        let context = &self.context;
        let entry = Envelope::new(fact, sequence, context.producer, context.now, context.cause.clone())
            .map_err(|error| Failure::reject("bad_fact", format!("{}: aggregate id: {error}", F::TYPE)))?
            .into_outbox_entry()
            .map_err(|error| Failure::reject("bad_fact", format!("{}: {error}", F::TYPE)))?;
        self.outbox.push(entry);
        Ok(())
    }

    /// Whether two events' effects may not share a transaction, because the later one saw or overwrites what the earlier one writes.
    pub(crate) fn depends_on(&self, earlier: &Self) -> bool {
        let reads_it = earlier.keys().any(|key| self.seen.contains(key));
        let overwrites = self.writes.iter().any(|write| {
            let clash = |other: &Write| other.key() == write.key() && !other.merges_with(write);
            earlier.writes.iter().any(clash) || earlier.record.as_ref().is_some_and(|row| row.key == *write.key())
        });
        let records = self.record.as_ref().is_some_and(|row| earlier.keys().any(|key| *key == row.key));
        reads_it || overwrites || records
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        self.writes.iter().map(Write::key).chain(self.record.as_ref().map(|row| &row.key))
    }

    /// The outbox as an attribute, if anything was emitted.
    pub(crate) fn outbox_attribute(&self) -> Result<Option<AttributeValue>, Failure> {
        if self.outbox.is_empty() {
            return Ok(None);
        }
        let text = OutboxEntry::to_attribute(&self.outbox).map_err(|error| Failure::reject("bad_fact", error))?;
        Ok(Some(AttributeValue::S(text)))
    }
}
