//! What a handler wants written, read and emitted.

use std::rc::Rc;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use rust_decimal::Decimal;
use switchyard_events::{Cause, Envelope, Fact, OutboxEntry};

use crate::dynamodb::batch_get::BatchGet;
use crate::dynamodb::write::{Write, WriteSet};
use crate::{Condition, Failure, Item, Key, Row, Update};

/// Collects what one event changes. Nothing happens before the handler returns; then all of it happens together, or none.
///
/// ```
/// use switchyard_chassis::{Condition, Effects, Key, Row, Update};
/// # use switchyard_events::{OrderId, UserId};
///
/// fn reserve(order: &OrderId, user: &UserId, effects: &mut Effects) {
///     // The row that marks the event as applied. Its key is new for every event.
///     effects.record(Row::new(Key::new(format!("ORDER#{order}"), "RESERVATION")).set("at", effects.now()));
///     // Additions to one row are summed over the whole batch.
///     effects.add(Key::new(format!("USER#{user}"), "TOTALS"), "reservations", 1);
///     // If the condition fails, the handler runs again on fresh reads.
///     let open = Update::new().set("state", "reserved").when(Condition::missing("state"));
///     effects.update(Key::new(format!("ORDER#{order}"), "STATE"), open);
/// }
/// ```
pub struct Effects {
    writes: WriteSet,
    reads: Vec<Key>,
    outbox: Vec<OutboxEntry>,
    /// The author's first mistake; it rejects the event.
    mistake: Option<Failure>,
    context: Context,
}

/// What an event's effects need to know of the batch and of the event.
pub(crate) struct Context {
    pub cause: Cause,
    pub producer: &'static str,
    pub now: Timestamp,
    pub batch_get: Rc<BatchGet>,
    /// Random, the same for a whole batch, so that its additions to a sharded counter merge.
    pub shard: u32,
    /// How often the handler has run for this event before.
    pub previous_runs: u32,
}

impl Effects {
    pub(crate) fn new(context: Context) -> Self {
        Self { writes: WriteSet::default(), reads: Vec::new(), outbox: Vec::new(), mistake: None, context }
    }

    /// The time of this batch.
    pub fn now(&self) -> Timestamp {
        self.context.now
    }

    /// Whether the handler has run for this event before, because a condition failed or an earlier event of the batch came first.
    pub fn is_rerun(&self) -> bool {
        self.context.previous_runs > 0
    }

    /// The row that this consumer keeps once per event. It becomes the deduplication marker, which saves the event a write.
    ///
    /// Its key must be new for every event. An event that records a second row is rejected with the code `recorded_twice`. The
    /// partition key is `ORDER#<id>` or `USER#<id>`, so that `yard trace` finds the row.
    pub fn record(&mut self, row: Row) {
        if self.writes.marker_mut().is_some() {
            let reason = "the handler called record() twice; write the second row with put() or put_new()";
            self.mistake.get_or_insert_with(|| Failure::reject("recorded_twice", reason));
            return;
        }
        self.write(Write::Marker(row));
    }

    /// Like [`record`](Self::record), but several events may record the same row: only the first one has an effect. The effects of
    /// a later one are dropped, all of them, and it is done.
    pub fn record_once(&mut self, row: Row) {
        self.writes.first_event_wins = true;
        self.record(row);
    }

    /// Writes a row, whether it exists or not.
    pub fn put(&mut self, row: Row) {
        self.write(Write::Put(row));
    }

    /// Creates a row. If it exists, the handler runs again on fresh reads.
    pub fn put_new(&mut self, row: Row) {
        self.write(Write::PutNew(row));
    }

    /// Adds to a number. Additions to one row are summed over the batch.
    pub fn add(&mut self, key: Key, attribute: &str, delta: impl Into<Decimal>) {
        self.update(key, Update::new().add(attribute, delta));
    }

    /// Changes a row. If the update's condition fails, the handler runs again on fresh reads.
    pub fn update(&mut self, key: Key, update: Update) {
        self.write(Write::Update(key, update));
    }

    /// Adds to a counter that many batches write to: one of `shards` rows `<sk>#<n>`, the same row for a whole batch. The value is
    /// the sum over the shards ([`crate::Table::sum_shards`]).
    pub fn add_sharded(&mut self, key: Key, shards: u32, update: Update) {
        let shard = self.context.shard % shards.max(1);
        self.update(Key::new(key.pk, format!("{}#{shard}", key.sk)), update);
    }

    /// Requires that a condition on a row holds when the effects are written. If it fails, the handler runs again on fresh reads.
    pub fn check(&mut self, key: Key, condition: Condition) {
        self.write(Write::Check(key, condition));
    }

    /// Reads a row of the consumer's table, strongly consistent. The reads of a whole batch travel in one call.
    pub async fn read(&mut self, key: Key) -> Result<Option<Item>, Failure> {
        self.reads.push(key.clone());
        self.context.batch_get.get(key).await
    }

    /// Emits a fact. It leaves with the effects, or not at all.
    ///
    /// The fact's event id is derived from its type, the aggregate's id and `sequence`. So pass the same number for the same fact
    /// on every run, and different numbers for different facts of one type about one aggregate: 1 if there can be only one, else the
    /// place of the fact in the aggregate's life (placed 1, scored 2, reviewed 3). Never a time, a random number or a retry count.
    ///
    /// Fails with `bad_fact` if the aggregate's id is not valid or the fact cannot be serialized.
    pub fn emit<F: Fact>(&mut self, fact: F, sequence: u64) -> Result<(), Failure> {
        let context = &self.context;
        let entry = Envelope::new(fact, sequence, context.producer, context.now, context.cause.clone())
            .map_err(|error| Failure::reject("bad_fact", format!("{}: aggregate id: {error}", F::TYPE)))?
            .into_outbox_entry()
            .map_err(|error| Failure::reject("bad_fact", format!("{}: {error}", F::TYPE)))?;
        self.outbox.push(entry);
        Ok(())
    }

    fn write(&mut self, write: Write) {
        if let Err(key) = self.writes.insert(write) {
            self.mistake.get_or_insert_with(|| conflicting_effects(&key));
        }
    }

    /// The key of the recorded row, if there is one.
    pub(crate) fn recorded(&mut self) -> Option<Key> {
        self.writes.marker_mut().map(|row| row.key.clone())
    }

    /// Whether these effects must be written after those of an earlier event of the same batch.
    pub(crate) fn must_follow(&self, earlier: &Self) -> bool {
        self.writes.must_follow(&self.reads, &earlier.writes)
    }

    /// The writes with a finished marker: the recorded row or `default_marker`, completed by `stamp` and with the outbox.
    pub(crate) fn to_writes(
        &self,
        default_marker: impl FnOnce() -> Row,
        stamp: impl FnOnce(Row) -> Row,
    ) -> Result<WriteSet, Failure> {
        if let Some(mistake) = &self.mistake {
            return Err(mistake.clone());
        }
        let outbox = self.outbox_attribute()?;
        let mut writes = self.writes.clone();
        if writes.marker_mut().is_none() {
            writes.insert(Write::Marker(default_marker())).map_err(|key| conflicting_effects(&key))?;
        }
        if let Some(marker) = writes.marker_mut() {
            *marker = stamp(marker.clone());
            marker.attributes.extend(outbox.map(|outbox| (OutboxEntry::ATTRIBUTE.to_owned(), outbox)));
        }
        Ok(writes)
    }

    fn outbox_attribute(&self) -> Result<Option<AttributeValue>, Failure> {
        if self.outbox.is_empty() {
            return Ok(None);
        }
        let text = OutboxEntry::to_attribute(&self.outbox).map_err(|error| Failure::reject("bad_fact", error))?;
        Ok(Some(AttributeValue::S(text)))
    }
}

fn conflicting_effects(key: &Key) -> Failure {
    Failure::reject("conflicting_effects", format!("two writes of one row: {}", key.sk))
}
