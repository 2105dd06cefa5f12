//! What the jobs do with their permissions.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use switchyard_chassis::Value;
use tax::rollup_key;
use warehouse::Wave;

use super::steps::{Steps, function_name, invoke};
use crate::support::{TestStack, text};

/// Runs a job once, and asks for its result. None if there is no scenario for a job of this name.
pub async fn run(stack: &TestStack, job: &str) -> Option<Steps> {
    let mut steps = Steps::default();
    match job {
        "warehouse-wave" => steps.note("releases a wave", releases_wave(stack).await),
        "recommendations-rebuild" => steps.note("rebuilds a user's features", rebuilds_features(stack).await),
        "tax-nexus" => steps.note("announces a crossed threshold", announces_crossing(stack).await),
        _ => return None,
    }
    Some(steps)
}

async fn put(stack: &TestStack, consumer: &str, pk: &str, sk: &str, attributes: &[(&str, Value)]) {
    let put = stack.cloud.dynamodb.put_item().table_name(stack.table_of(consumer));
    let put = put.item("pk", AttributeValue::S(pk.to_owned())).item("sk", AttributeValue::S(sk.to_owned()));
    let put = attributes.iter().fold(put, |put, (name, value)| put.item(*name, value.clone().0));
    put.send().await.unwrap();
}

async fn delete_partition(stack: &TestStack, consumer: &str, pk: &str) {
    for row in stack.query(stack.table_of(consumer), pk).await {
        let delete = stack.cloud.dynamodb.delete_item().table_name(stack.table_of(consumer));
        delete.key("pk", row["pk"].clone()).key("sk", row["sk"].clone()).send().await.unwrap();
    }
}

async fn run_job(stack: &TestStack, job: &str) -> bool {
    invoke(stack, &function_name(stack, job), &json!({})).await.is_some()
}

/// A wave of a quarter of an hour ago, with one order.
async fn releases_wave(stack: &TestStack) -> bool {
    let wave = Wave::from_timestamp(Timestamp::now() - SignedDuration::from_mins(15)).to_string();
    let partition = format!("WAVE#{wave}");
    delete_partition(stack, "warehouse", &partition).await;
    let id = format!("ord_{:012x}", fastrand::u64(..) >> 16);
    put(stack, "warehouse", &partition, "ORDERS#0", &[(&format!("ORDER#{id}"), 1.into())]).await;
    let lines = Value::map([("MUG-01".to_owned(), Value::from(2).0)].into());
    let pick = [("wave", wave.as_str().into()), ("placed_at", Timestamp::now().into()), ("lines", lines)];
    put(stack, "warehouse", &format!("ORDER#{id}"), "PICK", &pick).await;
    put(stack, "warehouse", "WAVES", "CURSOR", &[("until", wave.as_str().into())]).await;
    if !run_job(stack, "warehouse-wave").await {
        return false;
    }
    let rows = stack.query(stack.table_of("warehouse"), &partition).await;
    rows.iter().any(|row| text(row, "sk") == "RELEASED" && text(row, "orders") == "1")
}

/// A user whose order arrived ten minutes ago.
async fn rebuilds_features(stack: &TestStack) -> bool {
    let user = format!("usr_{:012x}", fastrand::u64(..) >> 16);
    let arrived = Timestamp::now() - SignedDuration::from_mins(10);
    let minute = arrived.strftime("%Y-%m-%dT%H:%M").to_string();
    put(stack, "recommendations", "REBUILD", "CURSOR", &[("until", format!("{minute}:00Z").into())]).await;
    put(stack, "recommendations", "TOUCHED", &format!("{minute}#0"), &[(&format!("USER#{user}"), 1.into())]).await;
    let purchase = format!("PURCHASE#{arrived:.3}#ord_1");
    put(stack, "recommendations", &format!("USER#{user}"), &purchase, &[("skus", vec!["MUG-01".into()].into())]).await;
    if !run_job(stack, "recommendations-rebuild").await {
        return false;
    }
    let rows = stack.query(stack.table_of("recommendations"), &format!("USER#{user}")).await;
    rows.iter().any(|row| text(row, "sk") == "FEATURES")
}

/// A month with sales above every limit.
async fn announces_crossing(stack: &TestStack) -> bool {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let rollup = rollup_key("US-CA", today.year());
    let crossed = format!("CROSSED#{}", today.year());
    delete_partition(stack, "tax", &rollup.pk).await;
    let sums = ["revenue_usd", "taxable_usd", "exempt_usd", "transactions", "taxable_transactions"];
    let sums = sums.map(|name| (name, Value::from(9_000_000)));
    put(stack, "tax", &rollup.pk, &format!("{}#{:02}#0", rollup.sk, today.month()), &sums).await;
    if !run_job(stack, "tax-nexus").await {
        return false;
    }
    stack.query(stack.table_of("tax"), &rollup.pk).await.iter().any(|row| text(row, "sk") == crossed)
}
