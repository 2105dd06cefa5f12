//! The rows that tell what became of an order: its own, and the one that each consumer leaves.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::exit::{self, UNKNOWN_ORDER};
use crate::{Cloud, Stack};

/// A row as DynamoDB gives it.
pub(crate) type Row = HashMap<String, AttributeValue>;

/// The order itself.
pub(crate) async fn order(cloud: &Cloud, stack: &Stack, order_id: &str) -> Result<Row> {
    let answer = cloud
        .dynamodb
        .get_item()
        .table_name(&stack.orders_table)
        .key("pk", AttributeValue::S(format!("ORDER#{order_id}")))
        .key("sk", AttributeValue::S("ORDER".to_owned()))
        .consistent_read(true)
        .send()
        .await
        .with_context(|| format!("the table {} cannot be read", stack.orders_table))?;
    answer
        .item
        .ok_or_else(|| exit::with(UNKNOWN_ORDER, format!("there is no order {order_id} in {}", stack.orders_table)))
}

/// All rows about an order in the orders table.
pub(crate) async fn partition(cloud: &Cloud, stack: &Stack, order_id: &str) -> Result<Vec<Row>> {
    let rows = cloud
        .dynamodb
        .query()
        .table_name(&stack.orders_table)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", AttributeValue::S(format!("ORDER#{order_id}")))
        .consistent_read(true)
        .into_paginator()
        .items()
        .send();
    let rows = rows.collect::<Result<_, _>>().await;
    rows.with_context(|| format!("the table {} cannot be read", stack.orders_table))
}

/// The row that says that one of these events (at most a hundred) was applied. One without `processed_at` is a claim: the work is
/// under way.
pub(crate) async fn applied(cloud: &Cloud, table: &str, pk: String, event_ids: &[String]) -> Result<Option<Row>> {
    let names: Vec<String> = (0..event_ids.len()).map(|n| format!(":event{n}")).collect();
    let values = names.iter().zip(event_ids).map(|(name, id)| (name.clone(), AttributeValue::S(id.clone())));
    let mut rows = cloud
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
    rows.next().await.transpose().with_context(|| format!("the table {table} cannot be read"))
}

pub(crate) fn text(row: &Row, name: &str) -> Option<String> {
    row.get(name)?.as_s().ok().cloned()
}

pub(crate) fn number(row: &Row, name: &str) -> Option<i64> {
    row.get(name)?.as_n().ok()?.parse().ok()
}
