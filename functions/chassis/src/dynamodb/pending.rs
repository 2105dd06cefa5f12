//! Rows that wait for a job, found through a sparse index.
//!
//! Every consumer's table has the index `pending`, whose keys are the attributes `pending` and `pending_since`. A row without them
//! is not in the index and costs nothing there. The row enters the index with the event that makes it wait, and leaves it with the
//! transaction that does the work. So there is no list of open work that could grow, or that many batches would write to.

use std::collections::VecDeque;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::Failure;
use crate::aws_error::dynamodb_failure;
use crate::dynamodb::expression::{Condition, Update};
use crate::dynamodb::item::{Item, Key, Row, text_of};
use crate::dynamodb::table::Table;

const INDEX: &str = "pending";
const PARTITION: &str = "pending";
const SINCE: &str = "pending_since";

/// The partitions of one kind of pending rows. An index, like a table, takes 1,000 write units a second per partition key
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>, 2026-11-21). A row takes
/// one when it enters and one when it leaves, so 64 partitions take 32,000 rows a second.
const PARTITIONS: u32 = 64;

/// The most rows that one query returns.
const PAGE_ROWS: i32 = 200;

/// The number of concurrent queries.
const CONCURRENCY: usize = 8;

impl Row {
    /// Lets the row wait for a job that looks for rows of this kind.
    pub fn pending(self, kind: &str, since: Timestamp) -> Self {
        let partition = partition(kind, &self.key);
        self.set(PARTITION, partition).set(SINCE, since)
    }
}

impl Update {
    /// Lets the row with this key wait for a job that looks for rows of this kind.
    pub fn pending(self, key: &Key, kind: &str, since: Timestamp) -> Self {
        self.set(PARTITION, partition(kind, key)).set(SINCE, since)
    }

    /// Takes the row out of the index, if it is there.
    pub fn no_longer_pending(self) -> Self {
        self.remove(PARTITION).remove(SINCE)
    }
}

impl Condition {
    /// The row waits for a job.
    pub fn pending() -> Self {
        Self::present(PARTITION)
    }
}

/// Whether a row waits for a job.
pub fn is_pending(row: &Item) -> bool {
    row.contains_key(PARTITION)
}

/// Since when a row has been waiting for a job; `None` if it does not wait.
pub fn pending_since(row: &Item) -> Option<Timestamp> {
    text_of(row, SINCE)?.parse().ok()
}

/// The pending rows of one kind, in chunks.
///
/// The index is eventually consistent: it may not have a row yet that waits, or still have one that does not. So read the rows by
/// their keys before the work, and make the work's transaction depend on [`Condition::pending`].
pub struct PendingRows {
    table: Table,
    /// The partitions that may have more rows, each with the place where the next query starts.
    open: VecDeque<(String, Option<Item>)>,
}

impl Table {
    /// The rows that wait for a job of this kind.
    pub fn pending(&self, kind: &str) -> PendingRows {
        let partitions = (0..PARTITIONS).map(|number| (format!("{kind}#{number}"), None));
        PendingRows { table: self.clone(), open: partitions.collect() }
    }
}

impl PendingRows {
    /// The keys of more rows, those that wait longest first; `None` after the last. A chunk has at most 12,800 keys and may be empty.
    pub async fn next(&mut self) -> Result<Option<Vec<Key>>, Failure> {
        if self.open.is_empty() {
            return Ok(None);
        }
        let table = &self.table;
        let queries = self.open.drain(..).map(|(partition, after)| query(table, partition, after));
        let pages: Vec<_> =
            stream::iter(queries.collect::<Vec<_>>()).buffer_unordered(CONCURRENCY).try_collect().await?;
        let mut found = Vec::new();
        for Page { partition, rows, last } in pages {
            found.extend(rows);
            self.open.extend(last.map(|last| (partition, Some(last))));
        }
        found.sort();
        Ok(Some(found.into_iter().map(|(_, key)| key).collect()))
    }
}

struct Page {
    partition: String,
    rows: Vec<(String, Key)>,
    last: Option<Item>,
}

async fn query(table: &Table, partition: String, after: Option<Item>) -> Result<Page, Failure> {
    let request = table.client.query().table_name(&table.name).index_name(INDEX);
    let request = request
        .key_condition_expression("pending = :partition")
        .expression_attribute_values(":partition", AttributeValue::S(partition.clone()))
        .set_exclusive_start_key(after)
        .limit(PAGE_ROWS)
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    let answer = request.send().await.map_err(|error| dynamodb_failure("Query", &error))?;
    table.count(answer.consumed_capacity());
    let row = |item: &Item| Some((text_of(item, SINCE)?.to_owned(), Key::from_item(item)?));
    let rows = answer.items().iter().filter_map(row).collect();
    Ok(Page { partition, rows, last: answer.last_evaluated_key })
}

/// By the FNV-1a hash of the partition key (<https://www.rfc-editor.org/rfc/rfc9923.html>, 2026-11-21).
fn partition(kind: &str, key: &Key) -> String {
    let hash = key.pk.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{kind}#{}", hash % PARTITIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_rows_are_spread_over_all_partitions() {
        let mut rows = [0_u32; PARTITIONS as usize];
        for order in 0..6400 {
            let key = Key::new(format!("ORDER#ord_{order}"), "READY");
            let number = partition("READY", &key).strip_prefix("READY#").unwrap().parse::<usize>().unwrap();
            rows[number] += 1;
        }
        assert!(rows.iter().all(|rows| (50..=200).contains(rows)), "{rows:?}");
    }
}
