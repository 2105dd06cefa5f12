//! The deployed stack as tests use it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
use orders::{ListedOrder, StoredOrder};
use serde_json::Value;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::sleep;
use yard::email::mailbox;
use yard::trace::{ConsumerState, Trace, trace_order};
use yard::{Api, Cloud, HttpResponse, Instance, Project, Stack};

use super::wait::{TIMEOUT, wait_until};

pub type Item = HashMap<String, AttributeValue>;

/// Tests use the stack concurrently. A test that disturbs it, or counts what all tests write, locks it exclusively.
static STACK_LOCK: RwLock<()> = RwLock::const_new(());

type SharedGuard = RwLockReadGuard<'static, ()>;

enum StackGuard {
    Shared(#[allow(dead_code)] Arc<SharedGuard>),
    Exclusive(#[allow(dead_code)] RwLockWriteGuard<'static, ()>),
}

thread_local! {
    /// The shared lock that this thread's test holds. A test that takes it again must not queue behind another test that waits for
    /// the exclusive lock: both would wait forever.
    static HELD: RefCell<Weak<SharedGuard>> = const { RefCell::new(Weak::new()) };
}

/// The deployed stack, locked for the duration of one test.
pub struct TestStack {
    pub cloud: Cloud,
    pub deployed: Stack,
    pub api: Api,
    _guard: StackGuard,
}

impl TestStack {
    /// The stack, used together with other tests.
    pub async fn shared() -> Self {
        let held = HELD.with_borrow(Weak::upgrade);
        let guard = match held {
            Some(guard) => guard,
            None => Arc::new(STACK_LOCK.read().await),
        };
        HELD.set(Arc::downgrade(&guard));
        Self::connect(StackGuard::Shared(guard)).await
    }

    /// The stack for this test only, with empty queues.
    pub async fn exclusive() -> Self {
        let stack = Self::connect(StackGuard::Exclusive(STACK_LOCK.write().await)).await;
        stack.wait_until_idle().await;
        stack
    }

    async fn connect(guard: StackGuard) -> Self {
        let name = std::env::var("SWITCHYARD_INSTANCE").unwrap_or_else(|_| "test".into());
        let project = Project::find().unwrap();
        let running = Instance::new(&project, &name).unwrap().running();
        let running = running.unwrap_or_else(|| panic!("instance {name} is not up: run the tests with `make test`"));
        let cloud = running.cloud();
        let deployed = Stack::read(&cloud).await.unwrap();
        let api = deployed.api(&cloud).unwrap();
        Self { cloud, deployed, api, _guard: guard }
    }

    /// Waits until all consumer queues are empty in three consecutive checks.
    ///
    /// One check is not enough: a stream may fill a queue between two checks, with an event or with an event that follows from it.
    pub async fn wait_until_idle(&self) {
        let mut empty_checks = 0;
        wait_until("the queues are empty", async || {
            let mut messages = 0;
            for consumer in &self.deployed.consumers {
                messages += self.message_count(&consumer.queue_url).await;
            }
            empty_checks = if messages == 0 { empty_checks + 1 } else { 0 };
            sleep(Duration::from_millis(700)).await;
            empty_checks == 3
        })
        .await;
    }

    /// The number of messages in a queue, visible or in flight.
    pub async fn message_count(&self, queue_url: &str) -> i64 {
        let names = [ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible];
        let request =
            self.cloud.sqs.get_queue_attributes().queue_url(queue_url).set_attribute_names(Some(names.into()));
        let counts = request.send().await.unwrap().attributes.unwrap_or_default();
        counts.values().map(|count| count.parse::<i64>().unwrap()).sum()
    }

    /// Places an order, which must be accepted, and returns its id.
    pub async fn place_order(&self, cart: &Value) -> String {
        let reply = self.api.checkout(cart, &[]).await.unwrap();
        accepted_order_id(&reply)
    }

    /// Waits until every consumer has applied the order.
    pub async fn wait_until_applied(&self, order_id: &str) -> Trace {
        let trace = self.trace(order_id, TIMEOUT).await;
        assert!(trace.is_done(), "{}", trace.render());
        trace
    }

    /// What each consumer has made of the order, after at most `timeout`.
    pub async fn trace(&self, order_id: &str, timeout: Duration) -> Trace {
        trace_order(&self.cloud, &self.deployed, order_id, timeout).await.unwrap()
    }

    /// The name of a function's role.
    pub async fn role_of(&self, function: &str) -> String {
        let configuration = self.cloud.lambda.get_function_configuration().function_name(function).send();
        configuration.await.unwrap().role().unwrap().rsplit('/').next().unwrap().to_owned()
    }

    /// The state of the order in one consumer, now.
    pub async fn consumer_state(&self, consumer: &str, order_id: &str) -> ConsumerState {
        let trace = self.trace(order_id, Duration::ZERO).await;
        trace.consumers.iter().find(|line| line.name == consumer).unwrap().state
    }

    /// The name of a consumer's table.
    pub fn table_of(&self, consumer: &str) -> &str {
        &self.deployed.consumer(consumer).unwrap().table
    }

    /// All rows of a partition, sorted by sort key.
    pub async fn query(&self, table: &str, pk: &str) -> Vec<Item> {
        let query = self.cloud.dynamodb.query().table_name(table).consistent_read(true);
        let query =
            query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", AttributeValue::S(pk.into()));
        query.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap()
    }

    /// The row of an order in its customer's list, which has the order's `OrderPlaced` in its outbox.
    pub async fn listed_row(&self, order_id: &str) -> Item {
        let rows = self.query(&self.deployed.orders_table, &format!("ORDER#{order_id}")).await;
        let key = ListedOrder::key(&StoredOrder::from_row(&rows[0]).unwrap());
        let mut listed = self.query(&self.deployed.orders_table, &key.pk).await;
        listed.retain(|row| text(row, "sk") == key.sk);
        assert_eq!(listed.len(), 1, "{key:?}");
        listed.remove(0)
    }

    /// All rows of a table.
    pub async fn scan(&self, table: &str) -> Vec<Item> {
        let scan = self.cloud.dynamodb.scan().table_name(table).consistent_read(true).into_paginator().items();
        scan.send().collect::<Result<_, _>>().await.unwrap()
    }

    /// The mails that were sent to this address.
    pub async fn mails_to(&self, address: &str) -> Vec<Value> {
        let mails = mailbox(&self.cloud).await.unwrap().into_iter();
        mails.filter(|mail| mail["To"].to_string().contains(address)).collect()
    }

    /// The API's identifier, as IAM policies contain it.
    pub fn api_id(&self) -> &str {
        self.deployed.api_url.rsplit('/').next().unwrap()
    }

    /// Enables a consumer's event source mapping and waits until the change has taken effect.
    pub async fn enable(&self, consumer: &str) {
        self.set_mapping(consumer, true, "Enabled").await;
    }

    /// Disables a consumer's event source mapping and waits until the change has taken effect.
    pub async fn disable(&self, consumer: &str) {
        self.set_mapping(consumer, false, "Disabled").await;
    }

    async fn set_mapping(&self, consumer: &str, enabled: bool, wanted: &str) {
        let uuid = &self.deployed.consumer(consumer).unwrap().mapping;
        self.cloud.lambda.update_event_source_mapping().uuid(uuid).enabled(enabled).send().await.unwrap();
        wait_until(&format!("the mapping of {consumer} is {wanted}"), async || {
            let mapping = self.cloud.lambda.get_event_source_mapping().uuid(uuid).send().await.unwrap();
            mapping.state.as_deref() == Some(wanted)
        })
        .await;
        // A poll that started earlier may still receive messages.
        sleep(Duration::from_millis(1500)).await;
    }

    /// Creates a product for this test only and returns its SKU.
    pub async fn create_product(&self, price_usd: &str, taxable: bool, stock: u32) -> String {
        let sku = format!("TEST-{:08X}", fastrand::u32(..));
        let number = |number: &str| AttributeValue::N(number.to_owned());
        let put = self.cloud.dynamodb.put_item().table_name(&self.deployed.orders_table);
        put.item("pk", AttributeValue::S(format!("SKU#{sku}")))
            .item("sk", AttributeValue::S("STOCK".into()))
            .item("name", AttributeValue::S(format!("Thing {sku}")))
            .item("price_usd", number(price_usd))
            .item("taxable", AttributeValue::Bool(taxable))
            .item("stock", number(&stock.to_string()))
            .send()
            .await
            .unwrap();
        sku
    }

    /// Takes a product out of the catalog.
    pub async fn delete_product(&self, sku: &str) {
        let delete = self.cloud.dynamodb.delete_item().table_name(&self.deployed.orders_table);
        let delete = delete.key("pk", AttributeValue::S(format!("SKU#{sku}")));
        delete.key("sk", AttributeValue::S("STOCK".into())).send().await.unwrap();
    }

    /// The product's remaining stock.
    pub async fn stock_left(&self, sku: &str) -> i64 {
        let rows = self.query(&self.deployed.orders_table, &format!("SKU#{sku}")).await;
        text(&rows[0], "stock").parse().unwrap()
    }
}

/// The id of an order that was accepted.
pub fn accepted_order_id(reply: &HttpResponse) -> String {
    assert_eq!(reply.status, 202, "{}", String::from_utf8_lossy(&reply.body));
    reply.json()["order_id"].as_str().unwrap().to_owned()
}

/// A string, number or boolean attribute as text.
pub fn text(item: &Item, name: &str) -> String {
    match &item[name] {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        AttributeValue::Bool(truth) => truth.to_string(),
        other => format!("{other:?}"),
    }
}
