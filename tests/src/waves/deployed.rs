//! The deployed function, its rule and what follows from a wave.

use aws_sdk_lambda::primitives::Blob;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use switchyard_chassis::conformance::ConsumerHarness;
use switchyard_chassis::{Clock, Key, Row, Table, text_of};
use warehouse::Wave;

use super::floor::{cursor_key, end_of, hear, picker, placed, release};
use crate::facts::{confirmed, entry, flagged, tell};
use crate::world::{World, cart, text, until, user};

fn table(world: &World) -> Table {
    Table::new(world.cloud.dynamodb.clone(), world.table("warehouse"))
}

fn nobody() -> String {
    format!("ord_{:012x}", fastrand::u64(..) >> 16)
}

async fn status_rows(world: &World, id: &str) -> Vec<String> {
    let rows = world.partition(&world.stack.orders_table, &format!("ORDER#{id}")).await;
    rows.iter().map(|row| text(row, "sk")).filter(|sk| sk.starts_with("STATUS#")).collect()
}

async fn run(world: &World) -> Json {
    let function = format!("{}-warehouse-wave", world.stack.name);
    let answer = world.cloud.lambda.invoke().function_name(function).payload(Blob::new("{}")).send().await.unwrap();
    let payload = answer.payload.unwrap_or_else(|| Blob::new("")).into_inner();
    assert_eq!(answer.function_error, None, "{}", String::from_utf8_lossy(&payload));
    serde_json::from_slice(&payload).unwrap()
}

#[tokio::test]
async fn the_deployed_function_releases_a_wave_and_its_orders_hear_of_it() {
    let world = World::alone().await;
    let (table, bench) = (table(&world), ConsumerHarness::new(&world.cloud.config, "waves").await);
    // Some wave of the last day, as if nobody had closed any since.
    let then = Timestamp::now() - SignedDuration::from_mins(fastrand::i64(60..1200));
    let wave = Wave::from_timestamp(then);
    let (listed, held) = (nobody(), nobody());
    let picker = picker(&bench, table.clone(), Clock::fixed(then));
    hear(&picker, &[placed(&listed, &[("MUG-01", 2)]), placed(&held, &[("MUG-01", 1)])]).await;
    tell(&world, vec![entry(&world, &flagged(&held, then))]).await;
    let flag = Key::new(format!("ORDER#{held}"), "HOLD");
    until("the flag is there", async || table.get(&flag).await.unwrap().is_some()).await;
    table.put(Row::new(cursor_key()).set("until", wave.to_string())).await.unwrap();

    let did = run(&world).await;
    let released = serde_json::json!({"wave": wave.to_string(), "orders": 1, "held": 1, "pages": 1});
    assert!(did["released"].as_array().unwrap().contains(&released), "{did}");
    assert_eq!(run(&world).await["released"], serde_json::json!([]));
    until("the order is being picked", async || status_rows(&world, &listed).await == ["STATUS#9#picking"]).await;
    world.quiet().await;
    assert_eq!(status_rows(&world, &held).await, ["STATUS#2#flagged"]);
}

#[tokio::test]
async fn a_real_order_is_being_picked_once_its_wave_is_closed() {
    let world = World::alone().await;
    let sku = world.stock("10.00", true, 5).await;
    let id = world.place(&cart(&user(), &[(&sku, 3)])).await;
    world.done(&id).await;
    let table = table(&world);
    let pick = table.get(&Key::new(format!("ORDER#{id}"), "PICK")).await.unwrap().unwrap();
    let wave: Wave = text_of(&pick, "wave").unwrap().parse().unwrap();
    // What the clock would start in some minutes, as soon as the wave is over.
    release(table, Clock::fixed(end_of(wave))).await.unwrap();
    until("the order is being picked", async || {
        let order = world.api.get(&format!("/orders/{id}")).await.unwrap();
        order.json()["status"] == "picking"
    })
    .await;
    let late = world.place(&cart(&user(), &[(&sku, 1)])).await;
    world.done(&late).await;
    let pick = &world.partition(world.table("warehouse"), &format!("ORDER#{late}")).await[0];
    assert!(text(pick, "wave").parse::<Wave>().unwrap() > wave);
}

#[tokio::test]
async fn the_warehouse_hears_of_flags_and_of_reviews_and_of_no_ordinary_confirmation() {
    let world = World::shared().await;
    let (table, now) = (table(&world), Timestamp::now());
    let (ordinary, reviewed) = (nobody(), nobody());
    let facts = [confirmed(&ordinary, 2, now), confirmed(&reviewed, 3, now)];
    let mut entries: Vec<_> = facts.iter().map(|fact| entry(&world, fact)).collect();
    entries.push(entry(&world, &flagged(&reviewed, now)));
    tell(&world, entries).await;
    let rows = async |id: &str| table.query(&format!("ORDER#{id}"), "").await.unwrap();
    // Two markers and the hold.
    until("flag and review are there", async || rows(&reviewed).await.len() == 3).await;
    assert!(rows(&ordinary).await.is_empty());
}
