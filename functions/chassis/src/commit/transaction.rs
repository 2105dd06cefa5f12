//! Several events' writes in one `TransactWriteItems`.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::TransactWriteItem;

use crate::dynamodb::write::{Write, WriteSet};

/// The most writes that one transaction may hold
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>, 2026-11-21).
pub(crate) const MAX_WRITES: usize = 100;

/// A write and the events, by their index in the batch, that need it.
#[derive(Debug)]
pub(crate) struct SharedWrite {
    pub write: Write,
    pub events: Vec<usize>,
}

/// Writes that succeed or fail together.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    writes: Vec<SharedWrite>,
}

impl Transaction {
    /// Adds an event's writes, merged with those of the same rows. Returns false, and adds nothing, if the transaction would hold
    /// more than [`MAX_WRITES`].
    ///
    /// The writes must not conflict with those already added ([`WriteSet::must_follow`]).
    pub(crate) fn add(&mut self, event: usize, writes: &WriteSet) -> bool {
        let has_row = |write: &&Write| self.writes.iter().any(|shared| shared.write.key() == write.key());
        let new_rows = writes.len() - writes.iter().filter(has_row).count();
        if self.writes.len() + new_rows > MAX_WRITES {
            return false;
        }
        for write in writes.iter() {
            let same_row = self.writes.iter_mut().find(|shared| shared.write.key() == write.key());
            let merged = same_row.is_some_and(|shared| {
                shared.events.push(event);
                shared.write.merge(write)
            });
            if !merged {
                self.writes.push(SharedWrite { write: write.clone(), events: vec![event] });
            }
        }
        true
    }

    /// The transaction as DynamoDB takes it.
    pub(crate) fn actions(&self, table: &str) -> Result<Vec<TransactWriteItem>, BuildError> {
        self.writes.iter().map(|shared| shared.write.to_action(table)).collect()
    }

    /// The writes in the order of their actions, which is the order of the reasons of a cancelled transaction.
    pub(crate) fn writes(&self) -> &[SharedWrite] {
        &self.writes
    }
}

#[cfg(test)]
mod tests {
    use crate::{Key, Row, Update};

    use super::*;

    fn add(pk: &str, number: i64) -> Write {
        Write::Update(Key::new(pk, "ROLLUP"), Update::new().add("orders", number))
    }

    fn set(writes: impl IntoIterator<Item = Write>) -> WriteSet {
        let mut set = WriteSet::default();
        for write in writes {
            set.insert(write).unwrap();
        }
        set
    }

    #[test]
    fn ten_events_adding_to_one_row_make_eleven_writes() {
        let mut transaction = Transaction::default();
        for event in 0..10 {
            let marker = Write::Marker(Row::new(Key::new(format!("ORDER#{event}"), "EVENT")));
            assert!(transaction.add(event, &set([marker, add("DAY#1", 1)])));
        }
        assert_eq!(transaction.writes.len(), 11);
        let shared = &transaction.writes[1];
        assert_eq!((&shared.write, shared.events.len()), (&add("DAY#1", 10), 10));
    }

    #[test]
    fn event_over_the_write_limit_is_not_added_in_part() {
        let mut transaction = Transaction::default();
        let many = set((0..60).map(|n| add(&format!("SKU#{n}"), 1)));
        let others = set((60..120).map(|n| add(&format!("SKU#{n}"), 1)));
        assert!(transaction.add(0, &many));
        assert!(!transaction.add(1, &others));
        assert_eq!(transaction.writes.len(), 60);
    }
}
