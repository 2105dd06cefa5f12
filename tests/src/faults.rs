//! What each function does when its calls fail, one kind of failure at a time, through the fault proxy.

mod checkout;
mod leases;
mod lone;
mod messages;
mod publisher;
mod transactions;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use switchyard_chassis::conformance::ConsumerHarness;
use switchyard_chassis::{
    Apply, Batch, Clients, Consumer, DedupConfig, Effects, Env, Failure, Key, Queue, Received, Row, Table,
    Transactional,
};
use switchyard_events::{EventId, OrderPlaced};
use switchyard_faults::{Fault, Proxy, Rule};
use tokio::time::Instant;

use crate::world::World;

const MEMORY: DedupConfig = DedupConfig { marker_ttl_days: 90 };

/// A table and queues of this test's own, and the way to them through a proxy.
struct Setup {
    world: World,
    bench: ConsumerHarness,
    proxy: Proxy,
    clients: Clients,
    table: Table,
    queue: Queue,
}

impl Setup {
    async fn new(name: &str) -> Self {
        let world = World::shared().await;
        let bench = ConsumerHarness::new(&world.cloud.config, name).await;
        let proxy = Proxy::start(0, fastrand::u64(..)).await.unwrap();
        proxy.forward_to(world.cloud.endpoint.as_deref().unwrap());
        let clients = clients(&proxy);
        let table = Table::new(aws_sdk_dynamodb::Client::new(clients.sdk()), bench.table.name());
        let queue = Queue { client: aws_sdk_sqs::Client::new(clients.sdk()), ..bench.queue.clone() };
        Self { world, bench, proxy, clients, table, queue }
    }

    fn batch<C: Consumer>(&self, consumer: C) -> Batch<Transactional<C>> {
        Batch::transactional(consumer, self.table.clone(), self.queue.clone(), MEMORY, self.bench.clock.clone())
    }

    /// Handles a batch with this much time, and deletes what was done, as Lambda does; says which messages come back.
    async fn process<A: Apply>(&self, batch: &Batch<A>, messages: &[SqsMessage], time: Duration) -> BTreeSet<String> {
        let mut event = SqsEvent::default();
        event.records = messages.to_vec();
        let response = batch.process(event, Instant::now() + time).await;
        let back: BTreeSet<_> = response.batch_item_failures.into_iter().map(|item| item.item_identifier).collect();
        for message in messages.iter().filter(|message| !back.contains(id(message))) {
            let request = self.bench.queue.client.delete_message().queue_url(&self.bench.queue.url);
            request.set_receipt_handle(message.receipt_handle.clone()).send().await.unwrap();
        }
        back
    }

    /// The orders of this test that are applied, by their number, and how often their message had been received.
    async fn applied(&self) -> Vec<(String, String)> {
        let rows = self.bench.rows().await;
        let marked = rows.iter().filter(|row| row.contains_key("processed_at"));
        let mut applied: Vec<_> = marked
            .map(|row| (crate::world::text(row, "pk"), crate::world::text(row, "receives")))
            .map(|(pk, receives)| (pk.replace("ORDER#ord_conformance", ""), receives))
            .collect();
        applied.sort();
        applied
    }

    /// How often a fault of this kind befell this operation.
    fn befell(&self, operation: &str, kind: &str) -> u64 {
        self.proxy.counts().get(operation).and_then(|kinds| kinds.get(kind)).copied().unwrap_or_default()
    }
}

/// Clients as functions have them, with their timeouts and retries.
fn clients(proxy: &Proxy) -> Clients {
    let url = proxy.url();
    let mut env = Env::from_lookup(move |name| match name {
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".into()),
        "AWS_REGION" => Some("us-east-1".into()),
        "AWS_ENDPOINT_URL" => Some(url.clone()),
        _ => None,
    });
    let clients = Clients::from_env(&mut env);
    env.finish(clients).unwrap()
}

fn id(message: &SqsMessage) -> &str {
    message.message_id.as_deref().unwrap()
}

/// The message of the `n`th order among these.
fn of(n: u32, messages: &[SqsMessage]) -> BTreeSet<String> {
    let name = format!("\"ord_conformance{n}\"");
    let message = messages.iter().find(|message| message.body.as_deref().unwrap().contains(&name));
    BTreeSet::from([id(message.unwrap()).to_owned()])
}

/// A consumer made of a function.
struct Probe<F>(F);

impl<F: Fn(&Received<OrderPlaced>, &mut Effects) -> Result<(), Failure>> Consumer for Probe<F> {
    const NAME: &'static str = "probe";
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        (self.0)(order, effects)
    }
}

/// The row that every probe records.
fn row(order: &OrderPlaced) -> Row {
    Row::new(Key::new(format!("ORDER#{}", order.order_id), "ROW"))
}

fn is(order: &OrderPlaced, n: u32) -> bool {
    order.order_id.as_str() == format!("ord_conformance{n}")
}

fn event(n: u32) -> EventId {
    EventId::derive("OrderPlaced", &format!("ord_conformance{n}"), 1)
}

/// Every call of this operation meets this fault.
fn always(service: &str, operation: &str, fault: Fault) -> Vec<Rule> {
    vec![Rule::new(service, operation, fault)]
}

/// The first calls of this operation meet this fault.
fn first(count: u64, service: &str, operation: &str, fault: Fault) -> Vec<Rule> {
    vec![Rule::new(service, operation, fault).times(count)]
}

const LONG: Duration = Duration::from_secs(25);
