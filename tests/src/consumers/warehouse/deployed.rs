//! The deployed function, its rule, and the order service that it talks to.

use aws_sdk_lambda::primitives::Blob;
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::support::{
    TestStack, bus_entry, cancellation_requested, new_cart, new_user_id, order_confirmed, order_flagged, put_on_bus,
    text, wait_until,
};

fn new_order_id() -> String {
    format!("ord_{:012x}", fastrand::u64(..) >> 16)
}

async fn run(stack: &TestStack) -> Json {
    let function = format!("{}-warehouse-wave", stack.deployed.name);
    let answer = stack.cloud.lambda.invoke().function_name(function).payload(Blob::new("{}")).send().await.unwrap();
    let payload = answer.payload.unwrap_or_else(|| Blob::new("")).into_inner();
    assert_eq!(answer.function_error, None, "{}", String::from_utf8_lossy(&payload));
    serde_json::from_slice(&payload).unwrap()
}

async fn sort_keys(stack: &TestStack, table: &str, id: &str) -> Vec<String> {
    let rows = stack.query(table, &format!("ORDER#{id}")).await;
    rows.iter().map(|row| text(row, "sk").clone()).collect()
}

async fn status(stack: &TestStack, id: &str) -> String {
    stack.api.get(&format!("/orders/{id}")).await.unwrap().json()["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn confirmed_order_is_picking_after_a_run_of_the_job() {
    let stack = TestStack::exclusive().await;
    let sku = stack.create_product("10.00", true, 5).await;
    let id = stack.place_order(&new_cart(&new_user_id(), &[(&sku, 3)])).await;
    stack.wait_until_applied(&id).await;
    wait_until("the pick is ready", async || {
        sort_keys(&stack, stack.table_of("warehouse"), &id).await.contains(&"READY".to_owned())
    })
    .await;
    assert!(run(&stack).await["orders"].as_u64().unwrap() >= 1);
    wait_until("the order is being picked", async || status(&stack, &id).await == "picking").await;
    // Too late: the refusal changes no status and returns no stock.
    put_on_bus(&stack, vec![bus_entry(&stack, &cancellation_requested(&id, Timestamp::now()))]).await;
    wait_until("the order service knows", async || {
        sort_keys(&stack, &stack.deployed.orders_table, &id).await.contains(&"STATUS#5#too_late".to_owned())
    })
    .await;
    assert_eq!((status(&stack, &id).await.as_str(), stack.stock_left(&sku).await), ("picking", 2));
}

#[tokio::test]
async fn order_is_on_no_list_while_fraud_is_out() {
    let stack = TestStack::exclusive().await;
    stack.disable("fraud").await;
    let sku = stack.create_product("10.00", true, 5).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(stack.place_order(&new_cart(&new_user_id(), &[(&sku, 1)])).await);
    }
    let has_row = async |id: &str, sk: &str| {
        sort_keys(&stack, stack.table_of("warehouse"), id).await.iter().any(|found| found == sk)
    };
    for id in &ids {
        wait_until("the pick is there", async || has_row(id, "PICK").await).await;
    }
    run(&stack).await;
    for id in &ids {
        assert_eq!((has_row(id, "READY").await, status(&stack, id).await.as_str()), (false, "received"));
    }
    stack.enable("fraud").await;
    for id in &ids {
        wait_until("the pick is ready", async || has_row(id, "READY").await).await;
    }
    run(&stack).await;
    for id in &ids {
        wait_until("the order is being picked", async || status(&stack, id).await == "picking").await;
    }
}

#[tokio::test]
async fn withdrawn_order_is_cancelled_and_its_stock_returned_once() {
    let stack = TestStack::exclusive().await;
    let (sku, gone) = (stack.create_product("10.00", true, 5).await, stack.create_product("1.00", true, 5).await);
    let id = stack.place_order(&new_cart(&new_user_id(), &[(&sku, 3), (&gone, 1)])).await;
    assert_eq!(stack.stock_left(&sku).await, 2);
    stack.delete_product(&gone).await;
    let request = bus_entry(&stack, &cancellation_requested(&id, Timestamp::now()));
    put_on_bus(&stack, vec![request.clone(), request.clone()]).await;
    wait_until("the order is cancelled", async || status(&stack, &id).await == "cancelled").await;
    put_on_bus(&stack, vec![request]).await;
    stack.wait_until_idle().await;
    run(&stack).await;
    stack.wait_until_idle().await;
    assert_eq!((status(&stack, &id).await.as_str(), stack.stock_left(&sku).await), ("cancelled", 5));
    let product = stack.query(&stack.deployed.orders_table, &format!("SKU#{gone}")).await;
    assert_eq!(product, [], "a product that is not in the catalog comes back without a price");
}

#[tokio::test]
async fn subscription_receives_confirmations_but_no_flags() {
    let stack = TestStack::shared().await;
    let now = Timestamp::now();
    let (scored, reviewed, flagged) = (new_order_id(), new_order_id(), new_order_id());
    let facts = [order_confirmed(&scored, 2, now), order_confirmed(&reviewed, 3, now)];
    let mut entries = vec![bus_entry(&stack, &order_flagged(&flagged, now))];
    entries.extend(facts.iter().map(|fact| bus_entry(&stack, fact)));
    put_on_bus(&stack, entries).await;
    let table = stack.table_of("warehouse");
    for id in [&scored, &reviewed] {
        wait_until("the confirmation is there", async || sort_keys(&stack, table, id).await == ["READY"]).await;
    }
    assert_eq!(sort_keys(&stack, table, &flagged).await, Vec::<String>::new());
}
