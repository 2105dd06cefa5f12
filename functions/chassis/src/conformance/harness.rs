//! A table and two queues, and the part of Lambda that polls.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use aws_types::SdkConfig;
use rust_decimal::Decimal;
use tokio::time::Instant;

use crate::conformance::samples::order;
use crate::{Apply, Batch, Clock, Item, Key, Queue, RetryPolicy, Table};

/// A table and two queues, and the part of Lambda that polls.
pub struct ConsumerHarness {
    /// The consumer's table.
    pub table: Table,
    /// Its queue and dead-letter queue.
    pub queue: Queue,
    /// A fixed clock, so that two runs write the same rows.
    pub clock: Clock,
    /// The body of a queue message with the `n`th event that the consumer reads. Each number is another event.
    pub event: fn(u32) -> String,
}

impl ConsumerHarness {
    /// Creates a table and two queues whose names begin with this one, for a consumer of orders.
    pub async fn new(sdk: &SdkConfig, name: &str) -> Self {
        let name = format!("{name}-{:08x}", fastrand::u32(..));
        let dynamodb = aws_sdk_dynamodb::Client::new(sdk);
        let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
        let text = |name: &str| {
            let text = AttributeDefinition::builder().attribute_name(name);
            text.attribute_type(ScalarAttributeType::S).build().unwrap()
        };
        let table = dynamodb.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        let table = table.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range));
        // The index `pending`, as in the template.
        let index = GlobalSecondaryIndex::builder()
            .index_name("pending")
            .key_schema(key("pending", KeyType::Hash))
            .key_schema(key("pending_since", KeyType::Range))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build());
        let attributes = ["pk", "sk", "pending", "pending_since"].map(text);
        let table = table.set_attribute_definitions(Some(attributes.into()));
        table.global_secondary_indexes(index.build().unwrap()).send().await.unwrap();
        let client = aws_sdk_sqs::Client::new(sdk);
        let url = client.create_queue().queue_name(&name).send().await.unwrap().queue_url.unwrap();
        let dlq_url = client.create_queue().queue_name(format!("{name}-dlq")).send().await.unwrap().queue_url.unwrap();
        let clock = Clock::fixed("2026-05-26T14:23:04Z".parse().unwrap());
        let queue = Queue { client, url, dlq_url, retry_policy: RetryPolicy::default() };
        Self { table: Table::new(dynamodb, name), queue, clock, event: order }
    }

    /// The same harness for a consumer that reads other events.
    pub fn with_events(self, event: fn(u32) -> String) -> Self {
        Self { event, ..self }
    }

    /// The body with the `n`th event.
    pub(crate) fn event(&self, n: u32) -> String {
        (self.event)(n)
    }

    /// Sends these bodies and receives them again, as one batch.
    pub async fn receive(&self, bodies: &[String]) -> Vec<SqsMessage> {
        for body in bodies {
            self.queue.client.send_message().queue_url(&self.queue.url).message_body(body).send().await.unwrap();
        }
        self.receive_again(bodies.len()).await
    }

    /// Receives this many messages, waiting for them to become visible.
    pub async fn receive_again(&self, count: usize) -> Vec<SqsMessage> {
        let mut messages = Vec::new();
        let deadline = Instant::now() + Duration::from_mins(1);
        while messages.len() < count {
            assert!(Instant::now() < deadline, "only {} of {count} messages were redelivered", messages.len());
            let request = self.queue.client.receive_message().queue_url(&self.queue.url).max_number_of_messages(10);
            let request = request.message_system_attribute_names(MessageSystemAttributeName::All).wait_time_seconds(1);
            messages
                .extend(request.send().await.unwrap().messages.unwrap_or_default().into_iter().map(to_lambda_message));
        }
        messages
    }

    /// Handles a batch and deletes the acknowledged messages, as Lambda does. Returns the ids of the messages to be redelivered.
    pub async fn process<A: Apply>(&self, batch: &Batch<A>, messages: Vec<SqsMessage>) -> BTreeSet<String> {
        let response = self.handle(batch, &messages).await;
        self.delete_acknowledged(&messages, &response).await
    }

    /// Handles a batch and deletes nothing, as if the answer had been lost.
    pub async fn handle<A: Apply>(&self, batch: &Batch<A>, messages: &[SqsMessage]) -> SqsBatchResponse {
        let mut event = SqsEvent::default();
        event.records = messages.to_vec();
        batch.process(event, Instant::now() + Duration::from_secs(20)).await
    }

    async fn delete_acknowledged(&self, messages: &[SqsMessage], response: &SqsBatchResponse) -> BTreeSet<String> {
        let redelivered: BTreeSet<_> =
            response.batch_item_failures.iter().map(|item| item.item_identifier.clone()).collect();
        let is_acknowledged =
            |message: &&SqsMessage| !redelivered.contains(message.message_id.as_deref().unwrap_or_default());
        for message in messages.iter().filter(is_acknowledged) {
            let request = self.queue.client.delete_message().queue_url(&self.queue.url);
            request.set_receipt_handle(message.receipt_handle.clone()).send().await.unwrap();
        }
        redelivered
    }

    /// Every row of the table.
    pub async fn rows(&self) -> Vec<Item> {
        let scan = self.table.client.scan().table_name(&self.table.name).consistent_read(true).into_paginator().items();
        scan.send().collect::<Result<Vec<_>, _>>().await.unwrap()
    }

    /// The rows without what may differ between two correct runs: shards are summed, and delivery details are left out.
    pub async fn logical_rows(&self) -> BTreeMap<Key, BTreeMap<String, String>> {
        let mut rows: BTreeMap<Key, BTreeMap<String, String>> = BTreeMap::new();
        for row in self.rows().await {
            let mut key = Key::from_item(&row).unwrap();
            let shard = key.sk.rfind('#').filter(|at| key.sk.len() - at < 4 && key.sk[at + 1..].parse::<u32>().is_ok());
            key.sk.truncate(shard.unwrap_or(key.sk.len()));
            let entry = rows.entry(key).or_default();
            for (name, value) in row.into_iter().filter(|(name, _)| !VOLATILE.contains(&name.as_str())) {
                let summed =
                    |old: &String| Some(old.parse::<Decimal>().ok()? + value.as_n().ok()?.parse::<Decimal>().ok()?);
                let text = match (entry.get(&name).and_then(summed), &value) {
                    (Some(sum), _) => sum.normalize().to_string(),
                    (None, AttributeValue::N(number)) => number.clone(),
                    (None, value) => shown(value),
                };
                entry.insert(name, text);
            }
        }
        rows
    }

    /// How many rows mark an event as applied.
    pub async fn applied_count(&self) -> usize {
        self.rows().await.iter().filter(|row| row.contains_key("event_id") && row.contains_key("processed_at")).count()
    }

    /// The messages in the dead-letter queue: body and attributes.
    pub async fn dead_letters(&self) -> Vec<(String, HashMap<String, String>)> {
        let request = self.queue.client.receive_message().queue_url(&self.queue.dlq_url).max_number_of_messages(10);
        let answer = request.message_attribute_names("All").visibility_timeout(1).send().await.unwrap();
        let attributes = |message: &Message| {
            let attributes = message.message_attributes.clone().unwrap_or_default();
            attributes.into_iter().map(|(name, value)| (name, value.string_value.unwrap_or_default())).collect()
        };
        let messages = answer.messages.unwrap_or_default();
        messages.iter().map(|message| (message.body.clone().unwrap_or_default(), attributes(message))).collect()
    }
}

/// A value as text, the same for the same value: maps are sorted.
pub fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::L(values) => format!("{:?}", values.iter().map(shown).collect::<Vec<_>>()),
        AttributeValue::M(fields) => {
            format!("{:?}", fields.iter().map(|(name, value)| (name, shown(value))).collect::<BTreeMap<_, _>>())
        }
        plain => format!("{plain:?}"),
    }
}

/// Attributes that may differ between two correct runs, and the keys, which name the row already.
const VOLATILE: &[&str] = &["pk", "sk", "receives", "reference", "owner", "lease_until"];

fn to_lambda_message(message: Message) -> SqsMessage {
    let mut converted = SqsMessage::default();
    converted.message_id = message.message_id;
    converted.receipt_handle = message.receipt_handle;
    converted.body = message.body;
    let attributes = message.attributes.unwrap_or_default().into_iter();
    converted.attributes = attributes.map(|(name, value)| (name.as_str().to_owned(), value)).collect();
    converted
}
