//! The items that show how far an order is: its own, and the one that each consumer writes.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::aws::clients::Cloud;
use crate::stack::error::StackError;

/// An item as DynamoDB returns it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The order itself. Fails with [`StackError::UnknownOrder`] if there is none.
pub(crate) async fn read_order(cloud: &Cloud, orders_table: &str, order_id: &str) -> Result<Item> {
    let answer = cloud
        .dynamodb
        .get_item()
        .table_name(orders_table)
        .key("pk", AttributeValue::S(format!("ORDER#{order_id}")))
        .key("sk", AttributeValue::S("ORDER".to_owned()))
        .consistent_read(true)
        .send()
        .await
        .with_context(|| format!("the table {orders_table} cannot be read"))?;
    let unknown = || StackError::UnknownOrder { order_id: order_id.to_owned(), table: orders_table.to_owned() };
    Ok(answer.item.ok_or_else(unknown)?)
}

/// All items of an order's partition in the orders table.
pub(crate) async fn read_order_partition(cloud: &Cloud, orders_table: &str, order_id: &str) -> Result<Vec<Item>> {
    let items = cloud
        .dynamodb
        .query()
        .table_name(orders_table)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", AttributeValue::S(format!("ORDER#{order_id}")))
        .consistent_read(true)
        .into_paginator()
        .items()
        .send();
    let items = items.collect::<Result<_, _>>().await;
    items.with_context(|| format!("the table {orders_table} cannot be read"))
}

/// The marker of one of these events (at most a hundred) in a partition, if one of them was applied. An item without `processed_at`
/// does not count: it is a lease, and the work is under way.
pub(crate) async fn find_marker(cloud: &Cloud, table: &str, pk: String, event_ids: &[String]) -> Result<Option<Item>> {
    let names: Vec<String> = (0..event_ids.len()).map(|n| format!(":event{n}")).collect();
    let values = names.iter().zip(event_ids).map(|(name, id)| (name.clone(), AttributeValue::S(id.clone())));
    let mut items = cloud
        .dynamodb
        .query()
        .table_name(table)
        .key_condition_expression("pk = :pk")
        .filter_expression(format!("event_id IN ({}) AND attribute_exists(processed_at)", names.join(", ")))
        .set_expression_attribute_values(Some(values.collect()))
        .expression_attribute_values(":pk", AttributeValue::S(pk))
        .consistent_read(true)
        .into_paginator()
        .items()
        .send();
    items.next().await.transpose().with_context(|| format!("the table {table} cannot be read"))
}

pub(crate) fn text(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

pub(crate) fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}
