//! Events told again, in any order: on the bus, or straight into a consumer's queue.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use fastrand::Rng;
use switchyard_chassis::{Item, text_of};
use switchyard_events::OutboxEntry;
use tokio::time::sleep;

use crate::client::Book;
use crate::stage::Stage;

/// Between two pieces of it.
const PAUSE: Duration = Duration::from_millis(60);

/// How often what was told again.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Told {
    /// Entries put on the bus once more.
    pub(crate) on_the_bus: u64,
    /// Bodies sent to a queue once more.
    pub(crate) into_queues: u64,
}

/// Tells facts about half of the accepted orders again until it is dropped. Counts into `told`.
pub(crate) async fn make(stage: &Stage, book: &Book, seed: u64, told: &std::cell::Cell<Told>) {
    let mut random = Rng::with_seed(seed ^ 0x00D0_0B1E);
    loop {
        sleep(PAUSE).await;
        let order = book.with(|pages| {
            let told = pages.accepted.iter().map(|accepted| &accepted.order_id).filter(|id| is_told_again(id));
            random.choice(told.collect::<Vec<_>>()).cloned()
        });
        let Some(order_id) = order else { continue };
        // The cloud itself is without faults; but it may be busy, and one piece more or less does not matter.
        if let Ok(more) = again(stage, &order_id, &mut random).await {
            let Told { on_the_bus, into_queues } = told.get();
            told.set(Told { on_the_bus: on_the_bus + more.on_the_bus, into_queues: into_queues + more.into_queues });
        }
    }
}

/// Half of the orders are left alone: what is lost of them stays lost, and is found.
fn is_told_again(order_id: &str) -> bool {
    order_id.bytes().map(u32::from).sum::<u32>().is_multiple_of(2)
}

async fn again(stage: &Stage, order_id: &str, random: &mut Rng) -> Result<Told> {
    let mut facts = facts(stage, order_id).await?;
    random.shuffle(&mut facts);
    let mut told = Told::default();
    for fact in facts {
        if random.bool() {
            put(stage, &fact).await?;
            told.on_the_bus += 1;
        } else {
            told.into_queues += send(stage, &fact, random).await?;
        }
    }
    Ok(told)
}

/// What has been said about an order: every outbox in its partition, in any table.
async fn facts(stage: &Stage, order_id: &str) -> Result<Vec<OutboxEntry>> {
    let mut tables: Vec<&String> = stage.stack.consumers.iter().map(|consumer| &consumer.table).collect();
    tables.push(&stage.stack.orders_table);
    tables.sort_unstable();
    tables.dedup();
    let mut facts = Vec::new();
    for table in tables {
        let query = stage.cloud.dynamodb.query().table_name(table).key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", AttributeValue::S(format!("ORDER#{order_id}")));
        let rows = query.send().await.with_context(|| format!("{table} cannot be read"))?.items.unwrap_or_default();
        facts.extend(rows.iter().flat_map(entries));
    }
    Ok(facts)
}

/// The entries of a row's outbox, if it has one.
pub(crate) fn entries(row: &Item) -> Vec<OutboxEntry> {
    let text = text_of(row, OutboxEntry::ATTRIBUTE);
    text.and_then(|text| OutboxEntry::from_attribute(text).ok()).unwrap_or_default()
}

/// Puts a fact on the bus.
pub(crate) async fn put(stage: &Stage, fact: &OutboxEntry) -> Result<()> {
    let entry = PutEventsRequestEntry::builder().event_bus_name(&stage.stack.bus).source(&fact.source);
    let entry = entry.detail_type(&fact.detail_type).detail(fact.detail.get()).build();
    stage.cloud.eventbridge.put_events().entries(entry).send().await.context("the bus takes nothing")?;
    Ok(())
}

/// Sends a fact to one of the consumers that hear of such, one to three times.
async fn send(stage: &Stage, fact: &OutboxEntry, random: &mut Rng) -> Result<u64> {
    let hearing = stage.stack.consumers.iter().filter(|consumer| consumer.event_types.contains(&fact.detail_type));
    let Some(consumer) = random.choice(hearing.collect::<Vec<_>>()) else {
        return Ok(0);
    };
    let body = format!(
        r#"{{"version":"0","detail-type":"{}","source":"{}","detail":{}}}"#,
        fact.detail_type, fact.source, fact.detail
    );
    let times = random.u64(1..=3);
    for _ in 0..times {
        let send = stage.cloud.sqs.send_message().queue_url(&consumer.queue_url).message_body(&body).send().await;
        send.with_context(|| format!("the queue of {} takes nothing", consumer.name))?;
    }
    Ok(times)
}
