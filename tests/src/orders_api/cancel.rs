//! `POST /orders/{id}/cancel` and `yard cancel`.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_lambda::primitives::Blob;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::json;
use switchyard_events::OutboxEntry;
use yard::cancel::cancel_order;
use yard::{ApiRequest, HttpResponse};

use crate::support::{Item, TestStack, new_cart, new_user_id, text, wait_until};

async fn cancel(stack: &TestStack, order_id: &str, query: &str) -> HttpResponse {
    let path = format!("/orders/{order_id}/cancel{query}");
    let call = ApiRequest { method: "POST", path: &path, headers: &[], body: b"", signed: true };
    stack.api.send(&call).await.unwrap()
}

/// The status of the response and that of the order, or the type of the problem.
fn result(answer: &HttpResponse) -> (u16, String) {
    let body = answer.json();
    let text = if answer.is_success() { &body["status"] } else { &body["type"] };
    (answer.status, text.as_str().unwrap_or_default().to_owned())
}

fn cancelled() -> (u16, String) {
    (202, "cancelled".to_owned())
}

/// An order of three pieces, and its product.
async fn placed(stack: &TestStack) -> (String, String) {
    let sku = stack.create_product("9.00", true, 10).await;
    (stack.place_order(&new_cart(&new_user_id(), &[(&sku, 3)])).await, sku)
}

async fn rows(stack: &TestStack, order_id: &str) -> Vec<Item> {
    stack.query(&stack.deployed.orders_table, &format!("ORDER#{order_id}")).await
}

async fn requests(stack: &TestStack, order_id: &str) -> Vec<Item> {
    let mut rows = rows(stack, order_id).await;
    rows.retain(|row| text(row, "sk") == "CANCELLATION");
    rows
}

#[tokio::test]
async fn cancelled_order_returns_its_stock_and_says_so() {
    let stack = TestStack::shared().await;
    let (id, sku) = placed(&stack).await;
    assert_eq!(stack.stock_left(&sku).await, 7);
    let answer = cancel(&stack, &id, "?wait=cancelled&timeout=20").await;
    assert_eq!(result(&answer), cancelled());
    assert_eq!(answer.json()["order_id"], json!(id));
    assert_eq!(answer.header("location"), Some(format!("/orders/{id}").as_str()));
    assert_eq!(stack.stock_left(&sku).await, 10);
    for _ in 0..3 {
        assert_eq!(result(&cancel(&stack, &id, "").await), cancelled());
    }
    let shown = stack.api.get(&format!("/orders/{id}?wait=cancelled")).await.unwrap();
    assert_eq!(shown.json()["status"], "cancelled");
    assert_eq!(stack.stock_left(&sku).await, 10);
}

#[tokio::test]
async fn concurrent_and_repeated_requests_cancel_once() {
    let stack = TestStack::shared().await;
    let (id, sku) = placed(&stack).await;
    let answers = join_all((0..12).map(|_| cancel(&stack, &id, ""))).await;
    assert!(answers.iter().all(|answer| answer.status == 202), "{:?}", answers.iter().map(result).collect::<Vec<_>>());
    let first = requests(&stack, &id).await;
    assert_eq!(first.len(), 1);
    let events = OutboxEntry::from_attribute(&text(&first[0], "outbox")).unwrap();
    let event: serde_json::Value = serde_json::from_str(events[0].detail.get()).unwrap();
    assert_eq!((events.len(), events[0].source.as_str()), (1, "switchyard.checkout"));
    assert_eq!(
        (&event["metadata"]["event_type"], &event["metadata"]["aggregate"]["sequence"]),
        (&json!("CancellationRequested"), &json!(4))
    );
    let stated: Timestamp = event["data"]["requested_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(stated, text(&first[0], "requested_at").parse().unwrap());
    assert_eq!(result(&cancel(&stack, &id, "?wait=cancelled&timeout=20").await), cancelled());
    assert_eq!(requests(&stack, &id).await, first, "a repeated request changes nothing");
    assert_eq!(stack.stock_left(&sku).await, 10);
}

#[tokio::test]
async fn order_on_pick_list_is_too_late_to_cancel() {
    let stack = TestStack::exclusive().await;
    let (id, sku) = placed(&stack).await;
    stack.wait_until_applied(&id).await;
    stack.wait_until_idle().await;
    let function = format!("{}-warehouse-wave", stack.deployed.name);
    let run = stack.cloud.lambda.invoke().function_name(function).payload(Blob::new("{}")).send().await.unwrap();
    assert_eq!(run.function_error, None);
    let too_late = (409, "/problems/too-late".to_owned());
    // The order service may not know yet that the order is listed. Then the warehouse decides.
    let answer = cancel(&stack, &id, "?wait=cancelled&timeout=20").await;
    assert_eq!((result(&answer), &answer.json()["reason"]), (too_late.clone(), &json!("listed")));
    wait_until("the order is being picked", async || {
        rows(&stack, &id).await.iter().any(|row| text(row, "sk") == "STATUS#9#picking")
    })
    .await;
    assert_eq!(result(&cancel(&stack, &id, "").await), too_late);
    assert_eq!(stack.stock_left(&sku).await, 7);
}

#[tokio::test]
async fn refused_withdrawal_is_answered_with_too_late() {
    let stack = TestStack::shared().await;
    let (id, _) = placed(&stack).await;
    stack.wait_until_applied(&id).await;
    let put = stack.cloud.dynamodb.put_item().table_name(&stack.deployed.orders_table);
    let put = put.item("pk", AttributeValue::S(format!("ORDER#{id}")));
    put.item("sk", AttributeValue::S("STATUS#5#too_late".into())).send().await.unwrap();
    assert_eq!(result(&cancel(&stack, &id, "?wait=cancelled").await), (409, "/problems/too-late".to_owned()));
    assert_eq!(requests(&stack, &id).await, [], "nothing is requested that is refused already");
}

#[tokio::test]
async fn unknown_order_or_wait_is_refused_by_cancel() {
    let stack = TestStack::shared().await;
    assert_eq!(result(&cancel(&stack, "ord_unknown", "").await), (404, "/problems/not-found".to_owned()));
    let (id, _) = placed(&stack).await;
    let problem = (422, "/problems/invalid-query".to_owned());
    assert_eq!(result(&cancel(&stack, &id, "?wait=picking").await), problem);
    assert_eq!(result(&cancel(&stack, &id, "?wait=cancelled&timeout=0").await), problem);
    assert_eq!(requests(&stack, &id).await, []);
    let call =
        ApiRequest { method: "POST", path: &format!("/orders/{id}/cancel"), headers: &[], body: b"", signed: false };
    assert_eq!(stack.api.send(&call).await.unwrap().status, 403);
}

#[tokio::test]
async fn operator_cancels_order_of_any_caller() {
    let stack = TestStack::shared().await;
    let (id, sku) = placed(&stack).await;
    // As if another caller had placed it.
    let update = stack.cloud.dynamodb.update_item().table_name(&stack.deployed.orders_table);
    let update =
        update.key("pk", AttributeValue::S(format!("ORDER#{id}"))).key("sk", AttributeValue::S("ORDER".into()));
    let update = update.update_expression("SET caller = :other");
    update.expression_attribute_values(":other", AttributeValue::S("other".into())).send().await.unwrap();
    assert_eq!(cancel(&stack, &id, "").await.status, 404);
    let answer = cancel_order(&stack.cloud, &stack.deployed, &id, 20).await.unwrap();
    assert_eq!(result(&answer), cancelled());
    assert_eq!(text(&requests(&stack, &id).await[0], "requested_by"), "operator");
    assert_eq!(stack.stock_left(&sku).await, 10);
    assert_eq!(cancel_order(&stack.cloud, &stack.deployed, "ord_unknown", 0).await.unwrap().status, 404);
}
