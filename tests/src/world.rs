//! The deployed stack, and what a test does with it.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
use serde_json::{Value, json};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::{Instant, sleep};
use yard::email::mailbox;
use yard::trace::{ConsumerState, Trace, trace_order};
use yard::{Api, Cloud, HttpResponse, Instance, Project, Stack};

pub type Item = HashMap<String, AttributeValue>;

/// Tests share the stack; one that disturbs or counts what all share takes it alone.
static TURN: RwLock<()> = RwLock::const_new(());

enum Turn {
    Shared(#[allow(dead_code)] RwLockReadGuard<'static, ()>),
    Alone(#[allow(dead_code)] RwLockWriteGuard<'static, ()>),
}

/// The stack, for the time of one test.
pub struct World {
    pub cloud: Cloud,
    pub stack: Stack,
    pub api: Api,
    _turn: Turn,
}

/// How long anything may take on a busy two-core machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

impl World {
    /// The stack beside other tests.
    pub async fn shared() -> Self {
        Self::enter(Turn::Shared(TURN.read().await)).await
    }

    /// The stack for this test alone, with nothing left on its way.
    pub async fn alone() -> Self {
        let world = Self::enter(Turn::Alone(TURN.write().await)).await;
        world.quiet().await;
        world
    }

    async fn enter(turn: Turn) -> Self {
        let name = std::env::var("SWITCHYARD_INSTANCE").unwrap_or_else(|_| "test".into());
        let project = Project::find().unwrap();
        let running = Instance::new(&project, &name).unwrap().running();
        let running = running.unwrap_or_else(|| panic!("instance {name} is not up: run the tests by `make test`"));
        let cloud = running.cloud();
        let stack = Stack::read(&cloud).await.unwrap();
        let api = stack.api(&cloud).unwrap();
        Self { cloud, stack, api, _turn: turn }
    }

    /// Waits until no queue holds anything, three times in a row: between two looks a stream may have filled one, with a fact or
    /// with what followed from it.
    pub async fn quiet(&self) {
        let mut calm = 0;
        until("the queues are empty", async || {
            let mut waiting = 0;
            for consumer in &self.stack.consumers {
                waiting += self.waiting(&consumer.queue_url).await;
            }
            calm = if waiting == 0 { calm + 1 } else { 0 };
            sleep(Duration::from_millis(700)).await;
            calm == 3
        })
        .await;
    }

    /// Messages in a queue, in flight or not.
    pub async fn waiting(&self, queue_url: &str) -> i64 {
        let names = [ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible];
        let request =
            self.cloud.sqs.get_queue_attributes().queue_url(queue_url).set_attribute_names(Some(names.into()));
        let counts = request.send().await.unwrap().attributes.unwrap_or_default();
        counts.values().map(|count| count.parse::<i64>().unwrap()).sum()
    }

    /// Places an order that must be accepted, and says its id.
    pub async fn place(&self, cart: &Value) -> String {
        let reply = self.api.checkout(cart, &[]).await.unwrap();
        order_id(&reply)
    }

    /// Waits until every consumer has applied the order.
    pub async fn done(&self, order_id: &str) -> Trace {
        let trace = self.trace(order_id, PATIENCE).await;
        assert!(trace.is_done(), "{}", trace.render());
        trace
    }

    /// What each consumer has made of the order, after at most this time.
    pub async fn trace(&self, order_id: &str, patience: Duration) -> Trace {
        trace_order(&self.cloud, &self.stack, order_id, patience).await.unwrap()
    }

    /// What one consumer has made of the order by now.
    pub async fn state(&self, consumer: &str, order_id: &str) -> ConsumerState {
        let trace = self.trace(order_id, Duration::ZERO).await;
        trace.consumers.iter().find(|line| line.name == consumer).unwrap().state
    }

    /// A consumer's table.
    pub fn table(&self, consumer: &str) -> &str {
        &self.stack.consumer(consumer).unwrap().table
    }

    /// All rows of a partition, by sort key.
    pub async fn partition(&self, table: &str, pk: &str) -> Vec<Item> {
        let query = self.cloud.dynamodb.query().table_name(table).consistent_read(true);
        let query =
            query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", AttributeValue::S(pk.into()));
        query.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap()
    }

    /// All rows of a table.
    pub async fn rows(&self, table: &str) -> Vec<Item> {
        let scan = self.cloud.dynamodb.scan().table_name(table).consistent_read(true).into_paginator().items();
        scan.send().collect::<Result<_, _>>().await.unwrap()
    }

    /// The mails that were sent to this address.
    pub async fn mails_to(&self, address: &str) -> Vec<Value> {
        let mails = mailbox(&self.cloud).await.unwrap().into_iter();
        mails.filter(|mail| mail["To"].to_string().contains(address)).collect()
    }

    /// The API's identifier, as policies name it.
    pub fn api_id(&self) -> &str {
        self.stack.api_url.rsplit('/').next().unwrap()
    }

    /// Turns a consumer's mapping on or off, and waits until it is.
    pub async fn enable(&self, consumer: &str, enabled: bool) {
        let uuid = &self.stack.consumer(consumer).unwrap().mapping;
        self.cloud.lambda.update_event_source_mapping().uuid(uuid).enabled(enabled).send().await.unwrap();
        let wanted = if enabled { "Enabled" } else { "Disabled" };
        until(&format!("the mapping of {consumer} is {wanted}"), async || {
            let mapping = self.cloud.lambda.get_event_source_mapping().uuid(uuid).send().await.unwrap();
            mapping.state.as_deref() == Some(wanted)
        })
        .await;
        // A poll that had begun before may still take messages.
        sleep(Duration::from_millis(1500)).await;
    }
}

/// The id of an order that was accepted.
pub fn order_id(reply: &HttpResponse) -> String {
    assert_eq!(reply.status, 202, "{}", String::from_utf8_lossy(&reply.body));
    reply.json()["order_id"].as_str().unwrap().to_owned()
}

/// Asks until the answer is yes.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited {} s in vain until {what}", PATIENCE.as_secs());
        sleep(Duration::from_millis(100)).await;
    }
}

/// Somebody nobody else is. By such a name, and by the address and the postal code in a cart, `privacy` knows a customer in a log.
pub fn user() -> String {
    format!("usr_{:012x}", fastrand::u64(..) >> 16)
}

/// A cart of this user with these products, to be shipped to California.
pub fn cart(user: &str, items: &[(&str, u32)]) -> Value {
    let items: Vec<_> = items.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
    json!({
        "user_id": user,
        "email": format!("{user}@example.com"),
        "items": items,
        "ship_to": {"country": "US", "region": "CA", "postal_code": "94107-4815"},
    })
}

/// A row's text or number.
pub fn text(item: &Item, name: &str) -> String {
    match &item[name] {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        AttributeValue::Bool(truth) => truth.to_string(),
        other => format!("{other:?}"),
    }
}

impl World {
    /// Puts a product of this test's own on sale.
    pub async fn stock(&self, price_usd: &str, taxable: bool, stock: u32) -> String {
        let sku = format!("TEST-{:08X}", fastrand::u32(..));
        let number = |number: &str| AttributeValue::N(number.to_owned());
        let put = self.cloud.dynamodb.put_item().table_name(&self.stack.orders_table);
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

    /// How many pieces of a product are left.
    pub async fn stock_of(&self, sku: &str) -> i64 {
        let rows = self.partition(&self.stack.orders_table, &format!("SKU#{sku}")).await;
        text(&rows[0], "stock").parse().unwrap()
    }
}
