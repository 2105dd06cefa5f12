//! What fraud makes of orders: on the deployed stack, and batch by batch.

use std::collections::BTreeMap;
use std::time::Duration;

use fraud::{FlagThreshold, Fraud, ReviewOutcome, review};
use serde_json::{Value, json};
use switchyard_chassis::conformance::{ConsumerHarness, order};
use switchyard_chassis::{Apply, Batch, Clock, Consumer, DedupConfig, Job, Table, Transactional};
use switchyard_events::OrderId;
use tokio::time::Instant;

use crate::world::{Item, World, cart, text, until, user};

fn batch(bench: &ConsumerHarness) -> Batch<Transactional<Fraud>> {
    let fraud = Fraud::with_threshold(FlagThreshold::default()).unwrap();
    let memory = DedupConfig { marker_ttl_days: 90 };
    Batch::transactional(fraud, bench.table.clone(), bench.queue.clone(), memory, bench.clock.clone())
}

/// The score of each order and how many others of its user it was counted with in the hour, by order id.
fn counted(rows: &[Item]) -> BTreeMap<String, (u64, u64)> {
    let number = |row: &Item, name: &str| text(row, name).parse().unwrap();
    let scores = rows.iter().filter(|row| text(row, "sk") == "SCORE");
    scores.map(|row| (text(row, "pk"), (number(row, "score"), number(row, "within_1h")))).collect()
}

/// Ten orders of one user, a minute apart, in disorder.
const SHUFFLED: [u32; 10] = [4, 9, 1, 7, 3, 10, 2, 8, 6, 5];

async fn handle<A: Apply>(bench: &ConsumerHarness, batch: &Batch<A>, bodies: &[String]) {
    let back = bench.process(batch, bench.receive(bodies).await).await;
    assert!(back.is_empty(), "{back:?}");
}

#[tokio::test]
async fn ten_orders_of_one_user_in_one_batch_are_counted_as_one_by_one() {
    let world = World::shared().await;
    let (together, alone) = (
        ConsumerHarness::new(&world.cloud.config, "fraud").await,
        ConsumerHarness::new(&world.cloud.config, "fraud").await,
    );
    let bodies = SHUFFLED.map(order);
    handle(&together, &batch(&together), &bodies).await;
    let single = batch(&alone);
    for body in bodies {
        handle(&alone, &single, &[body]).await;
    }
    let found = counted(&together.rows().await);
    assert_eq!(found, counted(&alone.rows().await));
    let counts: Vec<_> = SHUFFLED.map(|n| found[&format!("ORDER#ord_conformance{n}")].1).into();
    assert_eq!(counts, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn two_workers_at_once_miss_none_of_a_users_orders() {
    let world = World::shared().await;
    let bench = ConsumerHarness::new(&world.cloud.config, "fraud").await;
    // Each order comes to both: ten are duplicates, and each worker has all ten of the user at once.
    let mut messages = bench.receive(&[SHUFFLED.map(order), SHUFFLED.map(order)].concat()).await;
    let others = messages.split_off(10);
    let (one, other) = (batch(&bench), batch(&bench));
    let (first, second) = tokio::join!(bench.process(&one, messages), bench.process(&other, others));
    let mut back = first.len() + second.len();
    while back > 0 {
        back = bench.process(&one, bench.receive_again(back).await).await.len();
    }
    let found = counted(&bench.rows().await);
    let mut counts: Vec<_> = found.values().map(|(_, count)| *count).collect();
    counts.sort_unstable();
    assert_eq!(counts, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn orders_of_ten_users_cost_one_read_and_one_transaction() {
    let world = World::shared().await;
    let bench = ConsumerHarness::new(&world.cloud.config, "fraud").await;
    let batch = batch(&bench);
    let of_user = |n: u32, later: u32| order(n + later).replace("usr_91xc", &format!("usr_{n}"));
    let bodies = std::array::from_fn::<_, 10, _>(|n| of_user(u32::try_from(n).unwrap(), 0));
    handle(&bench, &batch, &bodies).await;
    assert_eq!(batch.cost().calls, 2);
    // Every user known. Two units for each row that is written in the transaction: neither outgrows a kilobyte. (AWS adds a unit for
    // each profile that is read; the local cloud does not say what a BatchGetItem takes.)
    let bodies = std::array::from_fn::<_, 10, _>(|n| of_user(u32::try_from(n).unwrap(), 10));
    handle(&bench, &batch, &bodies).await;
    assert_eq!((batch.cost().calls, batch.cost().units), (2, 40.0));
    assert_eq!(bench.applied_count().await, 20);
}

/// A job on the deployed consumer's table, as an operator's command would start it.
fn job(world: &World) -> Job {
    let table = Table::new(world.cloud.dynamodb.clone(), world.table("fraud"));
    let deadline = Instant::now() + Duration::from_secs(10);
    Job::new("fraud-review", Fraud::NAME, table, Clock::system(), deadline).unwrap()
}

/// An order's rows in the consumer's table.
async fn rows(world: &World, order_id: &str) -> Vec<Item> {
    world.partition(world.table("fraud"), &format!("ORDER#{order_id}")).await
}

/// The one fact in a row's outbox.
fn fact(row: &Item) -> Value {
    let outbox: Value = serde_json::from_str(&text(row, "outbox")).unwrap();
    assert_eq!(outbox.as_array().unwrap().len(), 1);
    outbox[0].clone()
}

/// A cart that no shop would send out unseen.
async fn suspicious(world: &World) -> Value {
    let user = user();
    let sku = world.stock("1.00", true, 1000).await;
    let mut cart = cart(&user, &[(&sku, 500)]);
    cart["email"] = json!(format!("{user}@team.mailinator.com"));
    cart
}

#[tokio::test]
async fn a_throw_away_address_and_a_huge_quantity_flag_an_order_and_the_reasons_are_kept() {
    let world = World::shared().await;
    let id = world.place(&suspicious(&world).await).await;
    world.done(&id).await;
    let [row] = rows(&world, &id).await.try_into().unwrap();
    assert_eq!(text(&row, "flagged"), "true");
    let reasons = row["reasons"].as_m().unwrap();
    let points = |name: &str| reasons[name].as_n().unwrap().parse::<i64>().unwrap();
    assert_eq!((points("disposable_domain"), points("quantity")), (20, 25));
    assert!(reasons.keys().any(|name| name.starts_with("model_")), "{reasons:?}");
    let sum: i64 = reasons.keys().map(|name| points(name)).sum();
    assert_eq!(text(&row, "score"), sum.clamp(0, 100).to_string());
    assert_eq!(text(&row, "model").len(), 8);

    let fact = fact(&row);
    assert_eq!(fact["detail_type"], "OrderFlagged");
    let (metadata, data) = (&fact["detail"]["metadata"], &fact["detail"]["data"]);
    assert_eq!((&metadata["aggregate"]["id"], &metadata["aggregate"]["sequence"]), (&json!(id), &json!(2)));
    let told = data["reasons"].as_array().unwrap();
    assert_eq!(told.len(), reasons.len());
    assert!(told.iter().all(|reason| reason["points"] == points(reason["code"].as_str().unwrap())), "{told:?}");
    assert!(told.is_sorted_by_key(|reason| -reason["points"].as_i64().unwrap()), "{told:?}");
}

#[tokio::test]
async fn an_ordinary_order_is_confirmed_with_its_score() {
    let world = World::shared().await;
    let sku = world.stock("24.50", true, 5).await;
    let id = world.place(&cart(&user(), &[(&sku, 2)])).await;
    world.done(&id).await;
    let [row] = rows(&world, &id).await.try_into().unwrap();
    let fact = fact(&row);
    assert_eq!((text(&row, "flagged").as_str(), &fact["detail_type"]), ("false", &json!("OrderConfirmed")));
    assert_eq!(text(&row, "score"), fact["detail"]["data"]["score"].to_string());
    assert_eq!(fact["detail"]["metadata"]["aggregate"]["sequence"], 2);
}

#[tokio::test]
async fn a_reviewed_order_is_confirmed_once_as_its_third_fact() {
    let world = World::shared().await;
    let flagged = world.place(&suspicious(&world).await).await;
    let sku = world.stock("24.50", true, 5).await;
    let plain = world.place(&cart(&user(), &[(&sku, 1)])).await;
    for id in [&flagged, &plain] {
        world.done(id).await;
    }
    let job = job(&world);
    let review = async |id: &str| review(&job, &OrderId::parse(id).unwrap()).await.unwrap();
    assert_eq!(review(&flagged).await, ReviewOutcome::Confirmed);
    assert_eq!(review(&flagged).await, ReviewOutcome::AlreadyConfirmed);
    assert_eq!(
        (review(&plain).await, review("ord_nobody").await),
        (ReviewOutcome::NotFlagged, ReviewOutcome::NotFlagged)
    );
    assert_eq!(rows(&world, &plain).await.len(), 1);

    let [decision, score] = rows(&world, &flagged).await.try_into().unwrap();
    assert_eq!((text(&decision, "sk").as_str(), text(&score, "sk").as_str()), ("REVIEW", "SCORE"));
    let fact = fact(&decision);
    assert_eq!((&fact["source"], &fact["detail_type"]), (&json!("switchyard.fraud"), &json!("OrderConfirmed")));
    assert_eq!(fact["detail"]["metadata"]["aggregate"]["sequence"], 3);
    assert_eq!(fact["detail"]["data"]["score"].to_string(), text(&score, "score"));
    assert_eq!(text(&score, "flagged"), "true");
    let key = format!("ORDER#{flagged}");
    until("the order knows that it is confirmed", async || {
        let rows = world.partition(&world.stack.orders_table, &key).await;
        let states: Vec<_> = rows.iter().map(|row| text(row, "sk")).collect();
        states.ends_with(&["STATUS#2#flagged".to_owned(), "STATUS#3#confirmed".to_owned()])
    })
    .await;
}
