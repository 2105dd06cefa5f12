//! The job that rebuilds the features of users.

use std::collections::BTreeSet;

use aws_sdk_lambda::primitives::Blob;
use jiff::SignedDuration;
use recommendations::{newest_products, pairs, read_features, read_recent_products};
use serde_json::Value as Json;
use switchyard_chassis::{Key, Table, text_of};
use switchyard_events::{Sku, UserId};
use tokio::time::Instant;

use super::fixture::RecommendationsFixture;
use super::history::{Order, history, numbered_user, sku};
use super::model::Model;
use crate::support::{TestStack, new_cart, new_order, new_user_id, publish_order_and_cancellation, wait_until};

#[tokio::test]
async fn rebuild_offers_top_ten_products_not_bought_yet() {
    let (fixture, orders) = (RecommendationsFixture::new().await, history(2, 40));
    fixture.apply_shuffled_three_times(&orders).await;
    let did = fixture.run_rebuild().await;
    assert_eq!(did["left"], false);
    let model = Model::new(&orders);
    fixture.assert_offers_match(&model).await;
    assert!(
        model.users().iter().any(|user| model.top(user).len() == 10),
        "no user has ten products: the test data is too small"
    );
}

#[tokio::test]
async fn cancelled_orders_leave_no_trace_in_offers() {
    let (fixture, orders) = (RecommendationsFixture::new().await, history(7, 60));
    let (cancelled, kept): (Vec<_>, Vec<_>) =
        orders.iter().cloned().partition(|order| order.id.as_str().ends_with(['0', '3', '7']));
    let bodies = orders.iter().map(Order::body).chain(cancelled.iter().map(Order::cancellation_body));
    fixture.apply_bodies_shuffled_three_times(&bodies.collect::<Vec<_>>()).await;
    fixture.run_rebuild().await;
    let model = Model::new(&kept);
    fixture.assert_offers_match(&model).await;
    for user in model.users() {
        let recent = read_recent_products(&fixture.harness.table, &user).await.unwrap();
        assert_eq!(recent, newest_products(&model.purchases(&user)), "{user}");
    }
    for sku in (0..60).map(sku) {
        assert_eq!(pairs::read_partners(&fixture.harness.table, &sku).await.unwrap(), model.partners(&sku), "{sku}");
    }
}

#[tokio::test]
async fn cancellation_rebuilds_features_of_its_user() {
    let fixture = RecommendationsFixture::new().await;
    let (one, other) = (numbered_user(1), numbered_user(2));
    let orders = [Order::new(1, &one, vec![sku(1), sku(2)]), Order::new(2, &other, vec![sku(1)])];
    fixture.apply(&orders).await;
    fixture.run_rebuild().await;
    assert_eq!(fixture.features(&other).await.unwrap().top, [(sku(2), 1)]);
    fixture.advance_clock(SignedDuration::from_mins(60));
    fixture.run_rebuild().await;
    fixture.apply_bodies(&[orders[1].cancellation_body()]).await;
    assert_eq!(fixture.run_rebuild().await["users"], 1);
    assert_eq!(fixture.features(&other).await.unwrap().top, []);
}

#[tokio::test]
async fn published_cancellation_hides_purchase_and_pairs() {
    let stack = TestStack::shared().await;
    let (mug, tea) = (format!("MUG-{}", new_user_id()), format!("TEA-{}", new_user_id()));
    let order = new_order("CA", &[&mug, &tea]);
    publish_order_and_cancellation(&stack, &order).await;
    let pk = format!("USER#{}", order.user_id);
    let rows = async || stack.query(stack.table_of("recommendations"), &pk).await;
    wait_until("both events are applied", async || rows().await.len() >= 2).await;
    let table = Table::new(stack.cloud.dynamodb.clone(), stack.table_of("recommendations"));
    assert_eq!(read_recent_products(&table, &order.user_id).await.unwrap(), []);
    assert!(pairs::read_partners(&table, &Sku::parse(mug).unwrap()).await.unwrap().is_empty());
}

#[tokio::test]
async fn rebuild_visits_only_users_touched_since_last_run() {
    let (fixture, mut orders) = (RecommendationsFixture::new().await, history(3, 20));
    fixture.apply(&orders).await;
    fixture.advance_clock(SignedDuration::from_mins(10));
    let users = Model::new(&orders).users();
    assert_eq!(fixture.run_rebuild().await["users"], users.len());
    let before = fixture.features(&numbered_user(1)).await;

    fixture.advance_clock(SignedDuration::from_mins(60));
    assert_eq!(fixture.run_rebuild().await["users"], 0);
    orders.push(Order::new(99, &numbered_user(2), vec![sku(1), sku(2)]));
    fixture.apply(&orders[orders.len() - 1..]).await;
    fixture.advance_clock(SignedDuration::from_mins(60));
    assert_eq!(fixture.run_rebuild().await["users"], 1);
    assert_eq!(fixture.features(&numbered_user(2)).await.unwrap().top, Model::new(&orders).top(&numbered_user(2)));
    assert_eq!(fixture.features(&numbered_user(1)).await, before);
}

#[tokio::test]
async fn rebuild_timeout_leaves_all_users_for_next_run() {
    let (fixture, orders) = (RecommendationsFixture::new().await, history(4, 20));
    fixture.apply(&orders).await;
    fixture.advance_clock(SignedDuration::from_mins(10));
    let did = fixture.run_rebuild_until(Instant::now()).await;
    assert_eq!((&did["users"], &did["left"]), (&0.into(), &true.into()));
    assert_eq!(fixture.run_rebuild().await["left"], false);
    fixture.assert_offers_match(&Model::new(&orders)).await;
}

#[tokio::test]
async fn crashed_rebuild_resumes_in_next_run() {
    let (fixture, orders) = (RecommendationsFixture::new().await, history(5, 40));
    fixture.apply_shuffled_three_times(&orders).await;
    fixture.advance_clock(SignedDuration::from_mins(10));
    // A run visits a user once an hour.
    let rows = fixture.harness.rows().await;
    let users = rows.iter().flat_map(|row| row.keys().map(|name| (text_of(row, "pk").unwrap(), name)));
    let whole = users.filter(|(_, name)| name.starts_with("USER#")).collect::<BTreeSet<_>>().len();
    // Each run is interrupted as soon as its cursor has moved, until a run reaches the end.
    let cursor = async || fixture.harness.table.get(&Key::new("REBUILD", "CURSOR")).await.unwrap();
    let mut crashes = 0;
    let last = loop {
        let before = cursor().await;
        let moved = wait_until("the cursor has moved", async || cursor().await != before);
        tokio::select! {
            did = fixture.run_rebuild() => break did,
            () = moved => crashes += 1,
        }
    };
    assert!(crashes > 0);
    assert!(
        last["users"].as_u64().unwrap() < whole as u64,
        "the last run started from the beginning: {last}, of {whole}"
    );
    fixture.assert_offers_match(&Model::new(&orders)).await;
    fixture.advance_clock(SignedDuration::from_mins(10));
    assert_eq!(fixture.run_rebuild().await["users"], 0);
}

#[tokio::test]
async fn user_touched_during_rebuild_is_rebuilt() {
    let (fixture, mut orders) = (RecommendationsFixture::new().await, history(6, 30));
    fixture.apply(&orders).await;
    let late: Vec<_> =
        (100..110).map(|n| Order::new(n, &numbered_user(n % 12), vec![sku(n % 30), sku(n % 7 + 70)])).collect();
    // Concurrently, and in the minute that the run reads.
    tokio::join!(fixture.run_rebuild(), fixture.apply(&late));
    fixture.run_rebuild().await;
    orders.extend(late);
    // One more order behind the run, in the same minute.
    orders.push(Order::new(200, &numbered_user(3), vec![sku(3), sku(45)]));
    fixture.apply(&orders[orders.len() - 1..]).await;
    fixture.advance_clock(SignedDuration::from_mins(60));
    fixture.run_rebuild().await;
    let model = Model::new(&orders);
    for user in orders[30..].iter().map(|order| &order.user) {
        assert_eq!(fixture.features(user).await.unwrap().top, model.top(user), "{user}");
    }
}

#[tokio::test]
async fn deployed_rebuild_offers_products_bought_together() {
    let stack = TestStack::exclusive().await;
    let (one, other) = (new_user_id(), new_user_id());
    let (mug, tea) = (stack.create_product("14.50", true, 9).await, stack.create_product("9.30", false, 9).await);
    let orders = [
        stack.place_order(&new_cart(&one, &[(&mug, 1), (&tea, 1)])).await,
        stack.place_order(&new_cart(&other, &[(&mug, 1)])).await,
    ];
    for order in &orders {
        stack.wait_until_applied(order).await;
    }
    let function = format!("{}-recommendations-rebuild", stack.deployed.name);
    let call = stack.cloud.lambda.invoke().function_name(function).payload(Blob::new("{}"));
    let answer = call.send().await.unwrap();
    let said = String::from_utf8_lossy(answer.payload().unwrap().as_ref()).into_owned();
    assert_eq!(answer.function_error(), None, "{said}");

    let table = Table::new(stack.cloud.dynamodb.clone(), stack.table_of("recommendations"));
    let offered = async |user: &str| read_features(&table, &UserId::parse(user).unwrap()).await.unwrap().unwrap().top;
    assert_eq!(offered(&one).await, []);
    assert_eq!(offered(&other).await, [(Sku::parse(tea).unwrap(), 1)]);
    let did: Json = serde_json::from_str(&said).unwrap();
    assert_eq!(did["left"], false, "{said}");
}
