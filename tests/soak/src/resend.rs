//! Sends events again, in any order: to the bus, or directly to a consumer's queue.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use fastrand::Rng;
use orders::{ListedOrder, StoredOrder};
use switchyard_chassis::{Item, text_of};
use switchyard_events::OutboxEntry;
use tokio::time::sleep;

use crate::cart::AcceptedOrder;
use crate::events::{outbox_entries, put_on_bus, queue_body};
use crate::order_log::OrderLog;
use crate::soak_stack::SoakStack;

/// The pause between two orders whose events are sent again.
const RESEND_INTERVAL: Duration = Duration::from_millis(60);

/// How many events were sent again.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct ResendCounts {
    pub(crate) to_bus: u64,
    pub(crate) to_queues: u64,
}

/// Sends events about half of the accepted orders again until it is dropped. Adds to `counts`.
pub(crate) async fn resend_events(stack: &SoakStack, log: &OrderLog, seed: u64, counts: &Cell<ResendCounts>) {
    let mut random = Rng::with_seed(seed ^ 0x00D0_0B1E);
    loop {
        sleep(RESEND_INTERVAL).await;
        let order = log.with(|outcomes| {
            let ids = outcomes.accepted.iter().map(|accepted| &accepted.order_id).filter(|id| is_resent(id));
            random.choice(ids.collect::<Vec<_>>()).cloned()
        });
        let Some(order_id) = order else { continue };
        // No faults are injected into these calls. If the cloud is too busy for one, that is no error: the next one
        // does as well.
        if let Ok(added) = resend_order(stack, &order_id, &mut random).await {
            let ResendCounts { to_bus, to_queues } = counts.get();
            counts.set(ResendCounts { to_bus: to_bus + added.to_bus, to_queues: to_queues + added.to_queues });
        }
    }
}

/// Puts all events about half of these orders on the bus once more. Returns how many events.
pub(crate) async fn publish_again(stack: &SoakStack, orders: &[AcceptedOrder]) -> Result<u64> {
    let mut count = 0;
    for order in orders.iter().filter(|order| is_resent(&order.order_id)) {
        for event in read_events(stack, &order.order_id).await? {
            put_on_bus(stack, &event).await?;
            count += 1;
        }
    }
    Ok(count)
}

/// Events of the other half are not sent again: it would repair their loss, which the audit has to find.
fn is_resent(order_id: &str) -> bool {
    order_id.bytes().map(u32::from).sum::<u32>().is_multiple_of(2)
}

async fn resend_order(stack: &SoakStack, order_id: &str, random: &mut Rng) -> Result<ResendCounts> {
    let mut events = read_events(stack, order_id).await?;
    random.shuffle(&mut events);
    let mut counts = ResendCounts::default();
    for event in events {
        if random.bool() {
            put_on_bus(stack, &event).await?;
            counts.to_bus += 1;
        } else {
            counts.to_queues += send_to_queue(stack, &event, random).await?;
        }
    }
    Ok(counts)
}

/// All events about an order: every outbox in its partition, in any table, and that of its row in the customer's list.
async fn read_events(stack: &SoakStack, order_id: &str) -> Result<Vec<OutboxEntry>> {
    let mut tables: Vec<&String> = stack.deployed.consumers.iter().map(|consumer| &consumer.table).collect();
    tables.push(&stack.deployed.orders_table);
    tables.sort_unstable();
    tables.dedup();
    let mut events = Vec::new();
    for table in tables {
        let rows = query(stack, table, format!("ORDER#{order_id}")).await?;
        events.extend(rows.iter().flat_map(outbox_entries));
        if let Some(order) = rows.iter().find(|row| text_of(row, "sk") == Some("ORDER")) {
            let key = ListedOrder::key(&StoredOrder::from_row(order)?);
            let listed = query(stack, table, key.pk).await?;
            let listed = listed.iter().filter(|row| text_of(row, "sk") == Some(&key.sk));
            events.extend(listed.flat_map(outbox_entries));
        }
    }
    Ok(events)
}

async fn query(stack: &SoakStack, table: &str, pk: String) -> Result<Vec<Item>> {
    let query = stack.cloud.dynamodb.query().table_name(table).key_condition_expression("pk = :pk");
    let answer = query.expression_attribute_values(":pk", AttributeValue::S(pk)).send().await;
    Ok(answer.with_context(|| format!("{table} cannot be read"))?.items.unwrap_or_default())
}

/// Sends an event to one of the consumers that subscribe to it, one to three times.
async fn send_to_queue(stack: &SoakStack, event: &OutboxEntry, random: &mut Rng) -> Result<u64> {
    let consumers = stack.deployed.consumers.iter();
    let subscribed = consumers.filter(|consumer| consumer.event_types.contains(&event.detail_type));
    let Some(consumer) = random.choice(subscribed.collect::<Vec<_>>()) else {
        return Ok(0);
    };
    let body = queue_body(event);
    let times = random.u64(1..=3);
    for _ in 0..times {
        let send = stack.cloud.sqs.send_message().queue_url(&consumer.queue_url).message_body(&body).send().await;
        send.with_context(|| format!("no message can be sent to the queue of {}", consumer.name))?;
    }
    Ok(times)
}
