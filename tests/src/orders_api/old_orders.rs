//! Orders that were stored before their rows had a version.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use yard::ApiRequest;

use crate::support::{Item, TestStack, new_cart, new_user_id, text};

/// Replaces an order's rows by the one of version 0, which had the event in its own outbox and the hash of version 1.
async fn make_old(stack: &TestStack, order_id: &str, cart: &Value) {
    let table = &stack.deployed.orders_table;
    let listed = stack.listed_row(order_id).await;
    let mut row = stack.query(table, &format!("ORDER#{order_id}")).await.remove(0);
    assert_eq!(text(&row, "v"), "1");
    row.retain(|name, _| ["pk", "sk", "caller", "user_id"].contains(&name.as_str()));
    row.insert("outbox".into(), listed["outbox"].clone());
    let hashed = format!(
        r#"{{"user_id":{},"email":{},"lines":{},"ship_to":{{"country":"US","region":"CA","postal_code":"94107-4815"}}}}"#,
        cart["user_id"],
        cart["email"],
        json!([{"sku": cart["items"][0]["sku"]}])
            .to_string()
            .replace('}', &format!(r#","quantity":{}}}"#, cart["items"][0]["quantity"])),
    );
    row.insert("request_hash".into(), AttributeValue::S(switchyard_events::fingerprint(&[&hashed])));
    let key = |row: &Item| Item::from(["pk", "sk"].map(|name| (name.to_owned(), row[name].clone())));
    stack.cloud.dynamodb.delete_item().table_name(table).set_key(Some(key(&listed))).send().await.unwrap();
    stack.cloud.dynamodb.delete_item().table_name(table).set_key(Some(key(&row))).send().await.unwrap();
    stack.cloud.dynamodb.put_item().table_name(table).set_item(Some(row)).send().await.unwrap();
}

#[tokio::test]
async fn old_order_is_shown_repeated_and_cancelled() {
    let stack = TestStack::shared().await;
    let (user, sku) = (new_user_id(), stack.create_product("10.25", true, 9).await);
    let (cart, key) = (new_cart(&user, &[(&sku, 4)]), format!("key-{user}"));
    let headers = [("idempotency-key", key.as_str())];
    let first = stack.api.checkout(&cart, &headers).await.unwrap();
    let id = crate::support::accepted_order_id(&first);
    stack.wait_until_applied(&id).await;
    make_old(&stack, &id, &cart).await;

    let shown = stack.api.get(&format!("/orders/{id}")).await.unwrap();
    assert_eq!((shown.status, shown.json()["items"][0]["quantity"].as_u64()), (200, Some(4)));
    let again = stack.api.checkout(&cart, &headers).await.unwrap();
    assert_eq!((again.status, &again.body), (202, &first.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(stack.api.checkout(&new_cart(&user, &[(&sku, 1)]), &headers).await.unwrap().status, 409);
    let path = format!("/orders/{id}/cancel?wait=cancelled&timeout=20");
    let call = ApiRequest { method: "POST", path: &path, headers: &[], body: b"", signed: true };
    let cancelled = stack.api.send(&call).await.unwrap();
    assert_eq!((cancelled.status, cancelled.json()["status"].as_str()), (202, Some("cancelled")));
    assert_eq!(stack.stock_left(&sku).await, 9);
    let traced = stack.trace(&id, std::time::Duration::ZERO).await;
    assert_eq!(traced.status.as_str(), "cancelled");
}
