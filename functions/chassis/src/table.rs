//! A consumer's own table.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::rc::Rc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity, KeysAndAttributes, ReturnConsumedCapacity};
use rust_decimal::Decimal;

use crate::{Failure, Item, Key, Row, backoff};

/// One DynamoDB table with the keys `pk` and `sk`, and a tally of what was asked of it.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
    usage: Rc<Cell<Usage>>,
}

/// What a batch cost: exact, as DynamoDB reports it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Calls made.
    pub calls: u32,
    /// Capacity units consumed, reads and writes.
    pub units: f64,
}

impl Table {
    /// A table by its name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into(), usage: Rc::default() }
    }

    /// The client, for what this type has no method for; tell [`Table::count_units`] what it cost.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens the connection, so that the first event does not wait for it. What it reads does not matter.
    pub async fn warm_up(&self) {
        if let Err(error) = self.get(&Key::new("WARM-UP", "WARM-UP")).await {
            tracing::warn!(%error, "warm-up failed; the first event will open the connection");
        }
        // Not an event\'s cost.
        self.take_usage();
    }

    /// One row, strongly consistent.
    pub async fn get(&self, key: &Key) -> Result<Option<Item>, Failure> {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key.to_item())).consistent_read(true);
        let answer = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        let answer = answer.map_err(|error| retry("GetItem", &error))?;
        self.count(answer.consumed_capacity());
        Ok(answer.item)
    }

    /// The rows with these keys, strongly consistent; what is not there is not in the answer.
    pub async fn get_all(&self, mut keys: Vec<Key>) -> Result<HashMap<Key, Item>, Failure> {
        keys.sort();
        keys.dedup();
        let mut rows = HashMap::new();
        for chunk in keys.chunks(100) {
            let mut wanted: Vec<Item> = chunk.iter().map(Key::to_item).collect();
            for attempt in 0.. {
                let (found, left) = self.batch_get(wanted).await?;
                rows.extend(found.into_iter().filter_map(|item| Some((Key::from_item(&item)?, item))));
                if left.is_empty() {
                    break;
                }
                if attempt == 5 {
                    return Err(Failure::retry("DynamoDB BatchGetItem leaves keys unprocessed: throttled"));
                }
                wanted = left;
                tokio::time::sleep(backoff::contention(attempt)).await;
            }
        }
        Ok(rows)
    }

    async fn batch_get(&self, keys: Vec<Item>) -> Result<(Vec<Item>, Vec<Item>), Failure> {
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let wanted = wanted.map_err(Failure::retry)?;
        let request = self.client.batch_get_item().request_items(&self.name, wanted);
        let answer = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        let mut answer = answer.map_err(|error| retry("BatchGetItem", &error))?;
        self.count(answer.consumed_capacity());
        let found = answer.responses.as_mut().and_then(|tables| tables.remove(&self.name)).unwrap_or_default();
        let left = answer.unprocessed_keys.as_mut().and_then(|tables| tables.remove(&self.name));
        Ok((found, left.map(|left| left.keys).unwrap_or_default()))
    }

    /// The sums over the shards of a counter that was written with [`crate::Effects::add_sharded`], attribute by attribute.
    pub async fn sum_shards(&self, key: &Key) -> Result<BTreeMap<String, Decimal>, Failure> {
        let mut sums = BTreeMap::new();
        for item in self.query(&key.pk, &format!("{}#", key.sk)).await? {
            for (name, value) in item {
                if let Some(number) = value.as_n().ok().and_then(|text| text.parse::<Decimal>().ok()) {
                    *sums.entry(name).or_default() += number;
                }
            }
        }
        Ok(sums)
    }

    /// The rows of a partition whose sort key begins like this, in its order; all of them if that is empty. Strongly consistent.
    pub async fn query(&self, pk: &str, sk_prefix: &str) -> Result<Vec<Item>, Failure> {
        let query = self.client.query().table_name(&self.name).consistent_read(true);
        let query = query.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let query = query.expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        // DynamoDB takes no empty text for a key.
        let query = match sk_prefix {
            "" => query.key_condition_expression("pk = :pk"),
            prefix => query
                .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                .expression_attribute_values(":sk", AttributeValue::S(prefix.to_owned())),
        };
        let mut pages = query.into_paginator().send();
        let mut rows = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| retry("Query", &error))?;
            self.count(page.consumed_capacity());
            rows.extend(page.items.unwrap_or_default());
        }
        Ok(rows)
    }

    /// Writes a row, whatever was there, at half the price of a transaction: for what may be written twice and by anyone.
    pub async fn put(&self, row: Row) -> Result<(), Failure> {
        let request = self.client.put_item().table_name(&self.name).set_item(Some(row.into_item()));
        let answer = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        let answer = answer.map_err(|error| retry("PutItem", &error))?;
        self.count(answer.consumed_capacity());
        Ok(())
    }

    /// Adds a call to the tally.
    pub(crate) fn count(&self, capacity: impl IntoUnits) {
        self.count_units(capacity.units());
    }

    /// Adds a call, and the capacity units that DynamoDB says it took.
    pub fn count_units(&self, more: f64) {
        let Usage { calls, units } = self.usage.get();
        self.usage.set(Usage { calls: calls + 1, units: units + more });
    }

    /// The tally since it was last taken.
    pub fn take_usage(&self) -> Usage {
        self.usage.take()
    }
}

/// Capacity, however the answer wraps it.
pub(crate) trait IntoUnits {
    fn units(self) -> f64;
}

impl IntoUnits for Option<&ConsumedCapacity> {
    fn units(self) -> f64 {
        self.and_then(|capacity| capacity.capacity_units).unwrap_or_default()
    }
}

impl IntoUnits for &[ConsumedCapacity] {
    fn units(self) -> f64 {
        self.iter().filter_map(|capacity| capacity.capacity_units).sum()
    }
}

/// A failed call as a failure that may pass. The text has the service's code and message, or what kept the call from it.
pub(crate) fn retry<E, R>(operation: &str, error: &SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    Failure::retry(format!("DynamoDB {operation}: {}", describe(error)))
}

/// What went wrong in a call, in a line.
pub fn describe<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
