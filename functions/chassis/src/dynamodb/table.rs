//! A consumer's own table.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity, KeysAndAttributes, ReturnConsumedCapacity};
use rust_decimal::Decimal;

use crate::aws_error::dynamodb_failure;
use crate::dynamodb::expression::{Placeholders, Update};
use crate::dynamodb::item::{Item, Key, Row};
use crate::{Failure, backoff};

/// One DynamoDB table with the keys `pk` and `sk`. Counts the calls made through it and the capacity units they consumed.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
    usage: Rc<Cell<Usage>>,
}

/// How often the keys that `BatchGetItem` left unprocessed are requested again.
const MAX_BATCH_GET_RETRIES: u32 = 5;

/// Keys that one `BatchGetItem` may hold
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>, 2026-11-21).
const MAX_BATCH_GET_KEYS: usize = 100;

/// What a batch cost, as DynamoDB reports it.
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

    /// The client, for operations that this type has no method for. Count each of their calls with [`Table::count_units`].
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens the connection before the first event, by reading a row that need not exist. It makes a call that the functions need
    /// anyway, so that their roles need no other permission.
    pub async fn warm_up(&self) {
        self.end_warm_up(self.get_all(vec![Key::new("WARM-UP", "WARM-UP")]).await);
    }

    /// The same for a function that only makes queries.
    pub async fn warm_up_by_query(&self) {
        self.end_warm_up(self.query("WARM-UP", "").await);
    }

    fn end_warm_up<T>(&self, result: Result<T, Failure>) {
        if let Err(error) = result {
            tracing::warn!(%error, "warm-up failed; the first event will open the connection");
        }
        // The warm-up is not part of any batch's cost.
        self.take_usage();
    }

    /// One row, strongly consistent.
    pub async fn get(&self, key: &Key) -> Result<Option<Item>, Failure> {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key.to_item())).consistent_read(true);
        let answer = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        let answer = answer.map_err(|error| dynamodb_failure("GetItem", &error))?;
        self.count(answer.consumed_capacity());
        Ok(answer.item)
    }

    /// The rows with these keys, strongly consistent. A key without a row is missing in the result.
    pub async fn get_all(&self, mut keys: Vec<Key>) -> Result<HashMap<Key, Item>, Failure> {
        keys.sort();
        keys.dedup();
        let mut rows = HashMap::new();
        for chunk in keys.chunks(MAX_BATCH_GET_KEYS) {
            let mut requested: Vec<Item> = chunk.iter().map(Key::to_item).collect();
            for attempt in 0.. {
                let (found, unprocessed) = self.batch_get(requested).await?;
                rows.extend(found.into_iter().filter_map(|item| Some((Key::from_item(&item)?, item))));
                if unprocessed.is_empty() {
                    break;
                }
                if attempt == MAX_BATCH_GET_RETRIES {
                    return Err(Failure::retry("DynamoDB BatchGetItem leaves keys unprocessed: throttled"));
                }
                requested = unprocessed;
                tokio::time::sleep(backoff::contention(attempt)).await;
            }
        }
        Ok(rows)
    }

    /// The rows that were found, and the keys that DynamoDB left unprocessed.
    async fn batch_get(&self, keys: Vec<Item>) -> Result<(Vec<Item>, Vec<Item>), Failure> {
        let requested = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let requested = requested.map_err(Failure::retry)?;
        let request = self.client.batch_get_item().request_items(&self.name, requested);
        let answer = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        let mut answer = answer.map_err(|error| dynamodb_failure("BatchGetItem", &error))?;
        self.count(answer.consumed_capacity());
        let found = answer.responses.as_mut().and_then(|tables| tables.remove(&self.name)).unwrap_or_default();
        let unprocessed = answer.unprocessed_keys.as_mut().and_then(|tables| tables.remove(&self.name));
        Ok((found, unprocessed.map(|unprocessed| unprocessed.keys).unwrap_or_default()))
    }

    /// The sums over the shards of a counter that `Effects::add_sharded` wrote, one sum per numeric attribute.
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

    /// The rows of a partition whose sort keys begin with the prefix, ordered by sort key; all rows if the prefix is empty. Strongly
    /// consistent.
    pub async fn query(&self, pk: &str, sk_prefix: &str) -> Result<Vec<Item>, Failure> {
        let query = self.client.query().table_name(&self.name).consistent_read(true);
        let query = query.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let query = query.expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        // DynamoDB accepts no empty string as a key value.
        let query = match sk_prefix {
            "" => query.key_condition_expression("pk = :pk"),
            prefix => query
                .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                .expression_attribute_values(":sk", AttributeValue::S(prefix.to_owned())),
        };
        let mut pages = query.into_paginator().send();
        let mut rows = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| dynamodb_failure("Query", &error))?;
            self.count(page.consumed_capacity());
            rows.extend(page.items.unwrap_or_default());
        }
        Ok(rows)
    }

    /// Writes a row, whether it exists or not, at half the price of a transaction. Only for rows that may be written repeatedly.
    pub async fn put(&self, row: Row) -> Result<(), Failure> {
        let request = self.client.put_item().table_name(&self.name).set_item(Some(row.into_item()));
        let answer = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        let answer = answer.map_err(|error| dynamodb_failure("PutItem", &error))?;
        self.count(answer.consumed_capacity());
        Ok(())
    }

    /// Changes a row at half the price of a transaction. If the update's condition fails, nothing changes. Only for updates that may be
    /// made repeatedly.
    pub async fn update(&self, key: &Key, update: Update) -> Result<(), Failure> {
        let mut placeholders = Placeholders::default();
        let (expression, condition) = update.to_expression(&mut placeholders);
        let (names, values) = placeholders.finish();
        let request = self.client.update_item().table_name(&self.name).set_key(Some(key.to_item()));
        let request = request
            .update_expression(expression)
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match request.send().await {
            Ok(answer) => self.count(answer.consumed_capacity()),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                self.count(None);
            }
            Err(error) => return Err(dynamodb_failure("UpdateItem", &error)),
        }
        Ok(())
    }

    /// Counts a call.
    pub(crate) fn count(&self, capacity: impl IntoUnits) {
        self.count_units(capacity.units());
    }

    /// Counts a call and the capacity units that it consumed.
    pub fn count_units(&self, consumed: f64) {
        let Usage { calls, units } = self.usage.get();
        self.usage.set(Usage { calls: calls + 1, units: units + consumed });
    }

    /// The usage since the last call of this method.
    pub fn take_usage(&self) -> Usage {
        self.usage.take()
    }
}

/// The capacity units in an answer; single calls and batch calls report them in different shapes.
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
