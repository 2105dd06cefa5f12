//! The deployed function and its rule.

use aws_sdk_lambda::primitives::Blob;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use switchyard_chassis::conformance::ConsumerHarness;
use switchyard_chassis::{Clock, Key, Row, Table, text_of};
use warehouse::Wave;

use super::fixture::{apply_batch, cursor_key, end_of, order_placed, run_job, worker};
use crate::support::{
    TestStack, bus_entry, new_cart, new_user_id, order_confirmed, order_flagged, put_on_bus, text, wait_until,
};

fn table(stack: &TestStack) -> Table {
    Table::new(stack.cloud.dynamodb.clone(), stack.table_of("warehouse"))
}

fn new_order_id() -> String {
    format!("ord_{:012x}", fastrand::u64(..) >> 16)
}

async fn status_rows(stack: &TestStack, id: &str) -> Vec<String> {
    let rows = stack.query(&stack.deployed.orders_table, &format!("ORDER#{id}")).await;
    rows.iter().map(|row| text(row, "sk")).filter(|sk| sk.starts_with("STATUS#")).collect()
}

async fn run(stack: &TestStack) -> Json {
    let function = format!("{}-warehouse-wave", stack.deployed.name);
    let answer = stack.cloud.lambda.invoke().function_name(function).payload(Blob::new("{}")).send().await.unwrap();
    let payload = answer.payload.unwrap_or_else(|| Blob::new("")).into_inner();
    assert_eq!(answer.function_error, None, "{}", String::from_utf8_lossy(&payload));
    serde_json::from_slice(&payload).unwrap()
}

#[tokio::test]
async fn deployed_job_releases_wave_and_updates_order_status() {
    let stack = TestStack::exclusive().await;
    let (table, harness) = (table(&stack), ConsumerHarness::new(&stack.cloud.config, "waves").await);
    // A random wave of the last day, as if no wave had been closed since.
    let then = Timestamp::now() - SignedDuration::from_mins(fastrand::i64(60..1200));
    let wave = Wave::from_timestamp(then);
    let (listed, held) = (new_order_id(), new_order_id());
    let worker = worker(&harness, table.clone(), Clock::fixed(then));
    apply_batch(&worker, &[order_placed(&listed, &[("MUG-01", 2)]), order_placed(&held, &[("MUG-01", 1)])]).await;
    put_on_bus(&stack, vec![bus_entry(&stack, &order_flagged(&held, then))]).await;
    let flag = Key::new(format!("ORDER#{held}"), "HOLD");
    wait_until("the flag is there", async || table.get(&flag).await.unwrap().is_some()).await;
    table.put(Row::new(cursor_key()).set("until", wave.to_string())).await.unwrap();

    let did = run(&stack).await;
    let released = serde_json::json!({"wave": wave.to_string(), "orders": 1, "held": 1, "pages": 1});
    assert!(did["released"].as_array().unwrap().contains(&released), "{did}");
    assert_eq!(run(&stack).await["released"], serde_json::json!([]));
    wait_until("the order is being picked", async || status_rows(&stack, &listed).await == ["STATUS#9#picking"]).await;
    stack.wait_until_idle().await;
    assert_eq!(status_rows(&stack, &held).await, ["STATUS#2#flagged"]);
}

#[tokio::test]
async fn placed_order_is_picking_after_its_wave_closes() {
    let stack = TestStack::exclusive().await;
    let sku = stack.create_product("10.00", true, 5).await;
    let id = stack.place_order(&new_cart(&new_user_id(), &[(&sku, 3)])).await;
    stack.wait_until_applied(&id).await;
    let table = table(&stack);
    let pick = table.get(&Key::new(format!("ORDER#{id}"), "PICK")).await.unwrap().unwrap();
    let wave: Wave = text_of(&pick, "wave").unwrap().parse().unwrap();
    // The schedule would start this run in some minutes, when the wave is over.
    run_job(table, Clock::fixed(end_of(wave))).await.unwrap();
    wait_until("the order is being picked", async || {
        let order = stack.api.get(&format!("/orders/{id}")).await.unwrap();
        order.json()["status"] == "picking"
    })
    .await;
    let late = stack.place_order(&new_cart(&new_user_id(), &[(&sku, 1)])).await;
    stack.wait_until_applied(&late).await;
    let pick = &stack.query(stack.table_of("warehouse"), &format!("ORDER#{late}")).await[0];
    assert!(text(pick, "wave").parse::<Wave>().unwrap() > wave);
}

#[tokio::test]
async fn subscription_receives_flags_and_reviews_only() {
    let stack = TestStack::shared().await;
    let (table, now) = (table(&stack), Timestamp::now());
    let (ordinary, reviewed) = (new_order_id(), new_order_id());
    let facts = [order_confirmed(&ordinary, 2, now), order_confirmed(&reviewed, 3, now)];
    let mut entries: Vec<_> = facts.iter().map(|fact| bus_entry(&stack, fact)).collect();
    entries.push(bus_entry(&stack, &order_flagged(&reviewed, now)));
    put_on_bus(&stack, entries).await;
    let rows = async |id: &str| table.query(&format!("ORDER#{id}"), "").await.unwrap();
    // Two markers and the hold.
    wait_until("flag and review are there", async || rows(&reviewed).await.len() == 3).await;
    assert!(rows(&ordinary).await.is_empty());
}
