//! `GET /orders/{id}`, and the price of an order.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use crate::support::{TestStack, accepted_order_id, new_cart, new_user_id};

#[tokio::test]
async fn placed_order_is_readable_and_unknown_is_not_found() {
    let stack = TestStack::shared().await;
    let sku = stack.create_product("10.00", true, 5).await;
    let id = stack.place_order(&new_cart(&new_user_id(), &[(&sku, 1)])).await;
    let order = stack.api.get(&format!("/orders/{id}")).await.unwrap();
    assert_eq!((order.status, order.json()["order_id"].as_str()), (200, Some(id.as_str())));
    assert!(String::from_utf8_lossy(&order.body).contains("\"total_usd\":10.00"));
    let unknown = stack.api.get("/orders/ord_unknown").await.unwrap();
    assert_eq!((unknown.status, unknown.header("content-type")), (404, Some("application/problem+json")));
}

#[tokio::test]
async fn stale_cached_price_is_never_charged() {
    let stack = TestStack::shared().await;
    let sku = stack.create_product("10.00", true, 5).await;
    let buy = async || {
        let mut cart = new_cart(&new_user_id(), &[(&sku, 1)]);
        cart["items"][0]["unit_price_usd"] = json!(0.01);
        let reply = stack.api.checkout(&cart, &[]).await.unwrap();
        assert_eq!(reply.status, 202);
        String::from_utf8(reply.body).unwrap()
    };
    assert!(buy().await.contains("\"total_usd\":10.00"));
    set_price(&stack, &sku, "11.00").await;
    assert!(buy().await.contains("\"total_usd\":11.00"), "the function has 10.00 in its cache and must not charge it");
}

async fn set_price(stack: &TestStack, sku: &str, price: &str) {
    let update = stack.cloud.dynamodb.update_item().table_name(&stack.deployed.orders_table);
    update
        .key("pk", AttributeValue::S(format!("SKU#{sku}")))
        .key("sk", AttributeValue::S("STOCK".into()))
        .update_expression("SET price_usd = :price")
        .expression_attribute_values(":price", AttributeValue::N(price.into()))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn unexpected_total_is_refused_with_the_new_prices() {
    let stack = TestStack::shared().await;
    let (user, sku) = (new_user_id(), stack.create_product("10.00", true, 9).await);
    let cart = |expected: f64| {
        let mut cart = new_cart(&user, &[(&sku, 2)]);
        cart["expected_total_usd"] = json!(expected);
        cart
    };
    let key = format!("key-{user}");
    let headers = [("idempotency-key", key.as_str())];
    let first = stack.api.checkout(&cart(20.0), &headers).await.unwrap();
    let id = accepted_order_id(&first);

    set_price(&stack, &sku, "11.50").await;
    let refused = stack.api.checkout(&cart(20.0), &[]).await.unwrap();
    let body = String::from_utf8_lossy(&refused.body).into_owned();
    assert_eq!((refused.status, &refused.json()["type"]), (409, &json!("/problems/price-changed")), "{body}");
    assert!(body.contains("\"total_usd\":23.00") && body.contains("\"unit_price_usd\":11.50"), "{body}");
    assert_eq!(stack.stock_left(&sku).await, 7);
    // The function may have the old price in its cache, and the client may know the new one already.
    let (user, lower) = (new_user_id(), stack.create_product("5.00", true, 9).await);
    stack.place_order(&new_cart(&user, &[(&lower, 1)])).await;
    set_price(&stack, &lower, "4.00").await;
    let mut expected = new_cart(&user, &[(&lower, 1)]);
    expected["expected_total_usd"] = json!(4);
    stack.place_order(&expected).await;

    // A repeat is answered with its order, at the price of then.
    for repeated in [cart(20.0), cart(23.0), new_cart(cart(0.0)["user_id"].as_str().unwrap(), &[(&sku, 2)])] {
        let again = stack.api.checkout(&repeated, &headers).await.unwrap();
        assert_eq!((accepted_order_id(&again), again.header("idempotent-replayed")), (id.clone(), Some("true")));
    }
}
