//! The same event again, by whichever way it comes.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use switchyard_chassis::conformance::shown;

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

    let row = &world.partition(&world.stack.orders_table, &format!("ORDER#{id}")).await[0];
    let outbox: serde_json::Value = serde_json::from_str(&text(row, "outbox")).unwrap();
    // As text, so that 19.99 stays 19.99: the detail is the one value of the outbox behind this key.
    let outbox_text = text(row, "outbox");
    let start = outbox_text.find("\"detail\":").unwrap() + "\"detail\":".len();
    let detail = &outbox_text[start..outbox_text.len() - 2];
    assert_eq!(serde_json::from_str::<serde_json::Value>(detail).unwrap(), outbox[0]["detail"]);

    let bus = aws_sdk_eventbridge::Client::new(&world.cloud.config);
    for _ in 0..5 {
        let entry = PutEventsRequestEntry::builder().event_bus_name(&world.stack.bus).source("switchyard.checkout");
        let entry = entry.detail_type("OrderPlaced").detail(detail).build();
        assert_eq!(bus.put_events().entries(entry).send().await.unwrap().failed_entry_count(), 0);
    }
    let body =
        format!(r#"{{"version":"0","detail-type":"OrderPlaced","source":"switchyard.checkout","detail":{detail}}}"#);
    for consumer in &world.stack.consumers {
        for _ in 0..3 {
            world.cloud.sqs.send_message().queue_url(&consumer.queue_url).message_body(&body).send().await.unwrap();
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.quiet().await;
    assert_eq!(everything(&world, &address).await, before);
    for consumer in &world.stack.consumers {
        until("no duplicate is dead", async || world.waiting(&consumer.dlq_url).await == 0).await;
    }
}
