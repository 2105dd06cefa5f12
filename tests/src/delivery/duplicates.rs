//! Duplicates of an event: on the bus and in a queue.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use switchyard_chassis::conformance::shown;
use switchyard_events::OutboxEntry;

use crate::support::{TestStack, new_cart, new_user_id, put_on_bus, text, wait_until};

/// All rows of all consumers and the number of mails to an address. A duplicate must not change them.
async fn all_rows_and_mails(stack: &TestStack, address: &str) -> (BTreeMap<String, Vec<String>>, usize) {
    let mut tables = BTreeMap::new();
    for consumer in &stack.deployed.consumers {
        let rows = stack.scan(&consumer.table).await;
        let mut rows: Vec<_> = rows.iter().map(|row| shown(&AttributeValue::M(row.clone()))).collect();
        rows.sort();
        tables.insert(consumer.name.clone(), rows);
    }
    (tables, stack.mails_to(address).await.len())
}

/// The events of an order, from the outboxes of its row in the list and of all rows in its partitions.
async fn outbox_entries(stack: &TestStack, order_id: &str) -> Vec<OutboxEntry> {
    let mut rows = vec![stack.listed_row(order_id).await];
    for consumer in &stack.deployed.consumers {
        rows.extend(stack.query(&consumer.table, &format!("ORDER#{order_id}")).await);
    }
    rows.retain(|row| row.contains_key(OutboxEntry::ATTRIBUTE));
    let entries = rows.iter().map(|row| OutboxEntry::from_attribute(&text(row, OutboxEntry::ATTRIBUTE)).unwrap());
    entries.flatten().collect()
}

#[tokio::test]
async fn duplicate_bus_entries_and_messages_change_nothing() {
    let stack = TestStack::exclusive().await;
    let user = new_user_id();
    let sku = stack.create_product("19.99", true, 5).await;
    let id = stack.place_order(&new_cart(&user, &[(&sku, 2)])).await;
    stack.wait_until_applied(&id).await;
    stack.wait_until_idle().await;
    let address = format!("{user}@example.com");
    let before = all_rows_and_mails(&stack, &address).await;
    assert_eq!(before.1, 1);

    let entries = outbox_entries(&stack, &id).await;
    let types: BTreeSet<_> = entries.iter().map(|entry| entry.detail_type.as_str()).collect();
    assert_eq!(types, BTreeSet::from(["OrderPlaced", "OrderConfirmed"]));
    for OutboxEntry { source, detail_type, detail } in &entries {
        let entry = PutEventsRequestEntry::builder().event_bus_name(&stack.deployed.bus).source(source);
        put_on_bus(&stack, vec![entry.detail_type(detail_type).detail(detail.get()).build(); 5]).await;
        let body = format!(r#"{{"version":"0","detail-type":"{detail_type}","source":"{source}","detail":{detail}}}"#);
        for consumer in stack.deployed.consumers.iter().filter(|consumer| consumer.subscribes_to(detail_type)) {
            for _ in 0..3 {
                stack.cloud.sqs.send_message().queue_url(&consumer.queue_url).message_body(&body).send().await.unwrap();
            }
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stack.wait_until_idle().await;
    assert_eq!(all_rows_and_mails(&stack, &address).await, before);
    for consumer in &stack.deployed.consumers {
        wait_until("no duplicate is dead", async || stack.message_count(&consumer.dlq_url).await == 0).await;
    }
}
