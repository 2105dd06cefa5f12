//! The same event again, by whichever way it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use switchyard_chassis::conformance::shown;
use switchyard_events::OutboxEntry;

use crate::facts::tell;
use crate::world::{World, cart, text, until, user};

/// Everything that any consumer has written, and how many mails there are: a duplicate must leave it as it is.
async fn everything(world: &World, address: &str) -> (BTreeMap<String, Vec<String>>, usize) {
    let mut tables = BTreeMap::new();
    for consumer in &world.stack.consumers {
        let rows = world.rows(&consumer.table).await;
        let mut rows: Vec<_> = rows.iter().map(|row| shown(&AttributeValue::M(row.clone()))).collect();
        rows.sort();
        tables.insert(consumer.name.clone(), rows);
    }
    (tables, world.mails_to(address).await.len())
}

/// What was told about an order, as it lies in the rows that caused it: its placing, and what a consumer made of that.
async fn told(world: &World, order_id: &str) -> Vec<OutboxEntry> {
    let mut told = Vec::new();
    for consumer in &world.stack.consumers {
        for row in world.partition(&consumer.table, &format!("ORDER#{order_id}")).await {
            if row.contains_key(OutboxEntry::ATTRIBUTE) {
                told.extend(OutboxEntry::from_attribute(&text(&row, OutboxEntry::ATTRIBUTE)).unwrap());
            }
        }
    }
    told
}

#[tokio::test]
async fn the_same_bus_entry_five_times_and_the_same_body_three_times_change_nothing() {
    let world = World::alone().await;
    let user = user();
    let sku = world.stock("19.99", true, 5).await;
    let id = world.place(&cart(&user, &[(&sku, 2)])).await;
    world.done(&id).await;
    world.quiet().await;
    let address = format!("{user}@example.com");
    let before = everything(&world, &address).await;
    assert_eq!(before.1, 1);

    let told = told(&world, &id).await;
    let types: BTreeSet<_> = told.iter().map(|entry| entry.detail_type.as_str()).collect();
    assert_eq!(types, BTreeSet::from(["OrderPlaced", "OrderConfirmed"]));
    for OutboxEntry { source, detail_type, detail } in &told {
        let entry = PutEventsRequestEntry::builder().event_bus_name(&world.stack.bus).source(source);
        tell(&world, vec![entry.detail_type(detail_type).detail(detail.get()).build(); 5]).await;
        let body = format!(r#"{{"version":"0","detail-type":"{detail_type}","source":"{source}","detail":{detail}}}"#);
        for consumer in world.stack.consumers.iter().filter(|consumer| consumer.subscribes_to(detail_type)) {
            for _ in 0..3 {
                world.cloud.sqs.send_message().queue_url(&consumer.queue_url).message_body(&body).send().await.unwrap();
            }
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.quiet().await;
    assert_eq!(everything(&world, &address).await, before);
    for consumer in &world.stack.consumers {
        until("no duplicate is dead", async || world.waiting(&consumer.dlq_url).await == 0).await;
    }
}
