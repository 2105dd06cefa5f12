//! A warehouse for one test: table, clock, consumer and job.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use jiff::SignedDuration;
use serde_json::Value as Json;
use switchyard_chassis::conformance::{ConsumerHarness, body};
use switchyard_chassis::{Batch, Clock, Consumer, Failure, Item, Job, Key, Scheduled, Table, Transactional, text_of};
use switchyard_events::{
    Aggregate, AggregateId, DomainEvent, Envelope, EventId, OrderId, OrderLine, OrderPlaced, OutboxEntry,
    PickWaveReleased, Quantity, Sku, Usd, parse_body,
};
use tokio::time::Instant;
use warehouse::{ReleaseWave, Warehouse};

use crate::support::{DEDUP, TestStack, cancellation_requested, order_confirmed, order_rejected};

/// The time when a test begins.
pub const NOW: &str = "2026-05-26T14:23:04Z";

pub struct WarehouseFixture {
    pub table: Table,
    pub clock: Clock,
    pub harness: ConsumerHarness,
}

pub type WarehouseBatch = Batch<Transactional<Warehouse>>;

impl WarehouseFixture {
    /// A table and queues for one test.
    pub async fn new(stack: &TestStack) -> Self {
        let harness = ConsumerHarness::new(&stack.cloud.config, "waves").await;
        Self { table: harness.table.clone(), clock: harness.clock.clone(), harness }
    }

    /// One worker of the consumer, as one Lambda environment is.
    pub fn worker(&self) -> WarehouseBatch {
        worker(&self.harness, Table::new(self.table.client().clone(), self.table.name()), self.clock.clone())
    }

    /// Applies these bodies in batches of ten, until all are applied.
    pub async fn apply(&self, bodies: &[String]) {
        let worker = self.worker();
        for bodies in bodies.chunks(10) {
            apply_batch(&worker, bodies).await;
        }
    }

    /// One run of the job. Every run has its own time.
    pub async fn run_job(&self) -> Result<Json, Failure> {
        self.clock.set(self.clock.now() + SignedDuration::from_millis(1));
        let table = Table::new(self.table.client().clone(), self.table.name());
        run_job(table, self.clock.clone()).await
    }

    /// Applies order and confirmation of each of these orders.
    pub async fn place_and_confirm(&self, ids: &[&str]) {
        self.apply(&ids.iter().flat_map(|id| [mug_order(id), confirmed(id)]).collect::<Vec<_>>()).await;
    }

    /// One row of the table.
    pub async fn row(&self, pk: &str, sk: &str) -> Option<Item> {
        self.table.get(&Key::new(pk, sk)).await.unwrap()
    }

    /// The fact with which the warehouse answered the first cancellation of an order: its type, and the reason of a withdrawal.
    pub async fn answer(&self, id: &str) -> Option<(String, String)> {
        let row = self.row(&format!("ORDER#{id}"), "WITHDRAWAL").await?;
        let entries = OutboxEntry::from_attribute(text_of(&row, OutboxEntry::ATTRIBUTE).unwrap()).unwrap();
        let [entry] = entries.as_slice() else { panic!("{} facts", entries.len()) };
        let detail: Json = serde_json::from_str(entry.detail.get()).unwrap();
        assert_eq!(detail["metadata"]["aggregate"]["sequence"], 5);
        Some((entry.detail_type.clone(), detail["data"]["reason"].as_str().unwrap_or_default().to_owned()))
    }

    /// All released pages, parsed as a consumer parses them.
    pub async fn pages(&self) -> Vec<PickWaveReleased> {
        let rows = self.harness.rows().await;
        let outboxes = rows.iter().filter_map(|row| text_of(row, OutboxEntry::ATTRIBUTE));
        let mut facts: Vec<_> = outboxes
            .flat_map(|outbox| OutboxEntry::from_attribute(outbox).unwrap())
            .filter(|entry| entry.detail_type == "PickWaveReleased")
            .map(|entry| fact(&entry))
            .collect();
        facts.sort_by(|one, other| (&one.wave_id, one.page).cmp(&(&other.wave_id, other.page)));
        facts
    }

    /// The wave in which each order is listed. Asserts that each order is on one page.
    pub async fn waves_by_order(&self) -> BTreeMap<String, String> {
        let mut listed = BTreeMap::new();
        for fact in self.pages().await {
            for order_id in &fact.order_ids {
                let before = listed.insert(order_id.to_string(), fact.wave_id.to_string());
                assert_eq!(before, None, "{order_id} is on two lists");
            }
        }
        listed
    }

    /// The listed orders.
    pub async fn listed(&self) -> Vec<String> {
        self.waves_by_order().await.into_keys().collect()
    }
}

/// The consumer on a table.
pub fn worker(harness: &ConsumerHarness, table: Table, clock: Clock) -> WarehouseBatch {
    Batch::transactional(Warehouse, table, harness.queue.clone(), DEDUP, clock)
}

/// Applies one batch and redelivers its failures, until all messages are applied.
pub async fn apply_batch<C: Consumer>(worker: &Batch<Transactional<C>>, bodies: &[String]) {
    let mut left: Vec<String> = bodies.to_vec();
    for _ in 0..10 {
        let mut event = SqsEvent::default();
        event.records = left.iter().enumerate().map(|(n, body)| message(n, body)).collect();
        let answer = worker.process(event, Instant::now() + Duration::from_secs(20)).await;
        let back: Vec<usize> =
            answer.batch_item_failures.iter().map(|item| item.item_identifier.parse().unwrap()).collect();
        left = back.into_iter().map(|n| left[n].clone()).collect();
        if left.is_empty() {
            return;
        }
    }
    panic!("{} messages still fail after ten deliveries", left.len());
}

fn message(n: usize, body: &str) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.message_id = Some(n.to_string());
    message.receipt_handle = Some(n.to_string());
    message.body = Some(body.to_owned());
    message
}

/// One run of the job on a table.
pub async fn run_job(table: Table, clock: Clock) -> Result<Json, Failure> {
    let deadline = Instant::now() + Duration::from_mins(1);
    ReleaseWave.run(&Job::new(ReleaseWave::NAME, ReleaseWave::PRODUCER, table, clock, deadline)?).await
}

/// The event of an outbox entry, parsed as a consumer parses it.
fn fact(entry: &OutboxEntry) -> PickWaveReleased {
    assert_eq!((entry.source.as_str(), entry.detail_type.as_str()), ("switchyard.warehouse", "PickWaveReleased"));
    let body = format!(r#"{{"detail":{}}}"#, entry.detail);
    let raw = parse_body(&body).unwrap();
    let fact = PickWaveReleased::parse(&raw).unwrap();
    assert_eq!(raw.metadata.aggregate.sequence, u64::from(fact.page));
    fact
}

/// The body of an order of these products.
pub fn order_placed(id: &str, lines: &[(&str, u32)]) -> String {
    let sample = include_str!("../../../../events/samples/OrderPlaced.v1.json");
    let mut envelope: Envelope<OrderPlaced> = serde_json::from_str(sample).unwrap();
    let line = |(sku, quantity): &(&str, u32)| OrderLine {
        sku: Sku::parse(*sku).unwrap(),
        name: format!("Thing {sku}"),
        quantity: Quantity::try_from(u64::from(*quantity)).unwrap(),
        unit_price_usd: Usd::from_cents(100),
        taxable: true,
    };
    envelope.data.order_id = OrderId::parse(id).unwrap();
    envelope.data.items = lines.iter().map(line).collect();
    envelope.data.total_usd = OrderPlaced::sum(&envelope.data.items);
    envelope.metadata.event_id = EventId::derive("OrderPlaced", id, 1);
    envelope.metadata.aggregate = Aggregate { kind: "order".into(), id: AggregateId::parse(id).unwrap(), sequence: 1 };
    body(&envelope)
}

/// The body of an order of one mug.
pub fn mug_order(id: &str) -> String {
    order_placed(id, &[("MUG-01", 1)])
}

/// The body of fraud's confirmation.
pub fn confirmed(id: &str) -> String {
    body(&order_confirmed(id, 2, NOW.parse().unwrap()))
}

/// The body of a reviewer's rejection.
pub fn rejected(id: &str) -> String {
    body(&order_rejected(id, NOW.parse().unwrap()))
}

/// The body of the owner's request to cancel an order.
pub fn cancellation(id: &str) -> String {
    body(&cancellation_requested(id, NOW.parse().unwrap()))
}
