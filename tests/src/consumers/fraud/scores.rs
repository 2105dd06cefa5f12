//! Scores, and the orders that count for them.

use std::collections::BTreeMap;

use serde_json::json;
use switchyard_chassis::conformance::{ConsumerHarness, order};
use switchyard_chassis::{Apply, Batch};

use super::fixture::{batch, deployed_rows as rows, fact, suspicious_cart as suspicious};
use crate::support::{Item, TestStack, new_cart, new_user_id, text};

/// By order id: the score, and the number of other orders of the user in the same hour.
fn counted(rows: &[Item]) -> BTreeMap<String, (u64, u64)> {
    let number = |row: &Item, name: &str| text(row, name).parse().unwrap();
    let scores = rows.iter().filter(|row| text(row, "sk") == "SCORE");
    scores.map(|row| (text(row, "pk"), (number(row, "score"), number(row, "within_1h")))).collect()
}

/// Ten orders of one user, a minute apart, shuffled.
const SHUFFLED: [u32; 10] = [4, 9, 1, 7, 3, 10, 2, 8, 6, 5];

async fn handle<A: Apply>(harness: &ConsumerHarness, batch: &Batch<A>, bodies: &[String]) {
    let back = harness.process(batch, harness.receive(bodies).await).await;
    assert!(back.is_empty(), "{back:?}");
}

#[tokio::test]
async fn batch_of_one_users_orders_scores_as_one_by_one() {
    let stack = TestStack::shared().await;
    let (together, alone) = (
        ConsumerHarness::new(&stack.cloud.config, "fraud").await,
        ConsumerHarness::new(&stack.cloud.config, "fraud").await,
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
async fn two_workers_with_duplicates_count_every_order() {
    let stack = TestStack::shared().await;
    let harness = ConsumerHarness::new(&stack.cloud.config, "fraud").await;
    // Each worker receives all ten orders of the user, so ten of the messages are duplicates.
    let mut messages = harness.receive(&[SHUFFLED.map(order), SHUFFLED.map(order)].concat()).await;
    let others = messages.split_off(10);
    let (one, other) = (batch(&harness), batch(&harness));
    let (first, second) = tokio::join!(harness.process(&one, messages), harness.process(&other, others));
    let mut back = first.len() + second.len();
    while back > 0 {
        back = harness.process(&one, harness.receive_again(back).await).await.len();
    }
    let found = counted(&harness.rows().await);
    let mut counts: Vec<_> = found.values().map(|(_, count)| *count).collect();
    counts.sort_unstable();
    assert_eq!(counts, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn batch_of_ten_users_costs_one_read_and_one_transaction() {
    let stack = TestStack::shared().await;
    let harness = ConsumerHarness::new(&stack.cloud.config, "fraud").await;
    let batch = batch(&harness);
    let of_user = |n: u32, later: u32| order(n + later).replace("usr_91xc", &format!("usr_{n}"));
    let bodies = std::array::from_fn::<_, 10, _>(|n| of_user(u32::try_from(n).unwrap(), 0));
    handle(&harness, &batch, &bodies).await;
    assert_eq!(batch.cost().calls, 2);
    // Every user is known now. Each row in the transaction costs two units, since none is larger than a kilobyte. (AWS adds a
    // unit for each profile that is read. The local cloud does not report the units of a BatchGetItem.)
    let bodies = std::array::from_fn::<_, 10, _>(|n| of_user(u32::try_from(n).unwrap(), 10));
    handle(&harness, &batch, &bodies).await;
    assert_eq!((batch.cost().calls, batch.cost().units), (2, 40.0));
    assert_eq!(harness.applied_count().await, 20);
}

#[tokio::test]
async fn disposable_address_and_quantity_flag_order_with_reasons() {
    let stack = TestStack::shared().await;
    let id = stack.place_order(&suspicious(&stack).await).await;
    stack.wait_until_applied(&id).await;
    let [row] = rows(&stack, &id).await.try_into().unwrap();
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
    let published = data["reasons"].as_array().unwrap();
    assert_eq!(published.len(), reasons.len());
    assert!(
        published.iter().all(|reason| reason["points"] == points(reason["code"].as_str().unwrap())),
        "{published:?}"
    );
    assert!(published.is_sorted_by_key(|reason| -reason["points"].as_i64().unwrap()), "{published:?}");
}

#[tokio::test]
async fn ordinary_order_is_confirmed_with_its_score() {
    let stack = TestStack::shared().await;
    let sku = stack.create_product("24.50", true, 5).await;
    let id = stack.place_order(&new_cart(&new_user_id(), &[(&sku, 2)])).await;
    stack.wait_until_applied(&id).await;
    let [row] = rows(&stack, &id).await.try_into().unwrap();
    let fact = fact(&row);
    assert_eq!((text(&row, "flagged").as_str(), &fact["detail_type"]), ("false", &json!("OrderConfirmed")));
    assert_eq!(text(&row, "score"), fact["detail"]["data"]["score"].to_string());
    assert_eq!(fact["detail"]["metadata"]["aggregate"]["sequence"], 2);
}
