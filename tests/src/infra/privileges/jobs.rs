//! What the jobs do with their permissions.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use switchyard_chassis::{Key, Row, Value};
use switchyard_events::{OutboxEntry, WaveId};
use tax::rollup_key;
use warehouse::page_key;

use super::steps::{Steps, function_name, invoke, new_id};
use crate::support::{TestStack, order_flagged, text};

/// Runs a job once, and asks for its result. None if there is no scenario for a job of this name.
pub async fn run(stack: &TestStack, job: &str) -> Option<Steps> {
    let mut steps = Steps::default();
    match job {
        "warehouse-wave" => list_picks(stack, &mut steps).await,
        "fraud-expiry" => expire_reviews(stack, &mut steps).await,
        "recommendations-rebuild" => steps.note("rebuilds a user's features", rebuilds_features(stack).await),
        "tax-nexus" => steps.note("announces a crossed threshold", announces_crossing(stack).await),
        _ => return None,
    }
    Some(steps)
}

async fn put(stack: &TestStack, consumer: &str, row: Row) {
    let put = stack.cloud.dynamodb.put_item().table_name(stack.table_of(consumer));
    put.set_item(Some(row.into_item())).send().await.unwrap();
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

fn order_row(id: &str, sk: &str) -> Row {
    Row::new(Key::new(format!("ORDER#{id}"), sk))
}

async fn has_row(stack: &TestStack, consumer: &str, pk: &str, sk: &str) -> bool {
    stack.query(stack.table_of(consumer), pk).await.iter().any(|row| text(row, "sk") == sk)
}

/// A confirmed order, and one that a version before 1.3 has listed. If a run fails, a later one lists its orders, too.
async fn list_picks(stack: &TestStack, steps: &mut Steps) {
    let (new, former) = (new_id(), new_id());
    let former_wave = WaveId::parse("20260526T1425Z").unwrap();
    let lines = Value::map([("MUG-01".to_owned(), Value::from(2).0)].into());
    let pick = |id: &str| order_row(id, "PICK").set("placed_at", Timestamp::now()).set("lines", lines.clone());
    put(stack, "warehouse", pick(&new)).await;
    put(stack, "warehouse", pick(&former).set("wave", former_wave.as_str())).await;
    let listed: Vec<Value> = vec![former.as_str().into()];
    put(stack, "warehouse", Row::new(page_key(&former_wave, 1)).set("order_ids", listed)).await;
    for id in [&new, &former] {
        put(stack, "warehouse", order_row(id, "READY").pending("READY", Timestamp::now())).await;
    }
    run_job(stack, "warehouse-wave").await;
    let wave = async |id: &str| {
        let rows = stack.query(stack.table_of("warehouse"), &format!("ORDER#{id}")).await;
        let ready = rows.into_iter().find(|row| text(row, "sk") == "READY").unwrap();
        ready.contains_key("wave").then(|| text(&ready, "wave"))
    };
    let is_listed = match wave(&new).await {
        Some(wave) => has_row(stack, "warehouse", &format!("WAVE#{wave}"), "PAGE#00001").await,
        None => false,
    };
    steps.note("lists a pick", is_listed);
    steps.note("finds the former wave of a pick", wave(&former).await.as_deref() == Some(former_wave.as_str()));
}

/// An order that has waited too long, and one that was flagged before there was a review list.
async fn expire_reviews(stack: &TestStack, steps: &mut Steps) {
    // A search that has ended is not repeated.
    delete_partition(stack, "fraud", "JOB#fraud-expiry").await;
    let (waiting, unlisted) = (new_id(), new_id());
    let long_ago = Timestamp::now() - SignedDuration::from_hours(24 * 400);
    put(stack, "fraud", flagged_score(&waiting).pending("REVIEW", long_ago)).await;
    put(stack, "fraud", flagged_score(&unlisted)).await;
    run_job(stack, "fraud-expiry").await;
    let has = async |id: &str, sk: &str| has_row(stack, "fraud", &format!("ORDER#{id}"), sk).await;
    steps.note("rejects an order that was not reviewed in time", has(&waiting, "REVIEW").await);
    steps.note("lists an order that was flagged earlier", has(&unlisted, "LISTED_LATER").await);
}

fn flagged_score(id: &str) -> Row {
    let flagged = order_flagged(id, Timestamp::now()).into_outbox_entry().unwrap();
    let outbox = OutboxEntry::to_attribute(&[flagged]).unwrap();
    order_row(id, "SCORE").set("flagged", true).set(OutboxEntry::ATTRIBUTE, outbox)
}

/// A user whose order arrived ten minutes ago.
async fn rebuilds_features(stack: &TestStack) -> bool {
    let user = format!("usr_{:012x}", fastrand::u64(..) >> 16);
    let arrived = Timestamp::now() - SignedDuration::from_mins(10);
    let minute = arrived.strftime("%Y-%m-%dT%H:%M").to_string();
    let cursor = Row::new(Key::new("REBUILD", "CURSOR")).set("until", format!("{minute}:00Z"));
    put(stack, "recommendations", cursor).await;
    let touched = Row::new(Key::new("TOUCHED", format!("{minute}#0"))).set(&format!("USER#{user}"), 1);
    put(stack, "recommendations", touched).await;
    let purchase = Row::new(Key::new(format!("USER#{user}"), format!("PURCHASE#{arrived:.3}#ord_1")));
    let skus: Vec<Value> = vec!["MUG-01".into()];
    put(stack, "recommendations", purchase.set("skus", skus)).await;
    run_job(stack, "recommendations-rebuild").await
        && has_row(stack, "recommendations", &format!("USER#{user}"), "FEATURES").await
}

/// A month with sales above every limit.
async fn announces_crossing(stack: &TestStack) -> bool {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let rollup = rollup_key("US-CA", today.year());
    delete_partition(stack, "tax", &rollup.pk).await;
    let sums = ["revenue_usd", "taxable_usd", "exempt_usd", "transactions", "taxable_transactions"];
    let month = Row::new(Key::new(rollup.pk.as_str(), format!("{}#{:02}#0", rollup.sk, today.month())));
    put(stack, "tax", sums.iter().fold(month, |row, name| row.set(name, 9_000_000))).await;
    run_job(stack, "tax-nexus").await && has_row(stack, "tax", &rollup.pk, &format!("CROSSED#{}", today.year())).await
}
