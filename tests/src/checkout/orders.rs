//! `GET /orders/{id}`, and the price of an order.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use crate::support::{TestStack, new_cart, new_user_id};

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
    let update = stack.cloud.dynamodb.update_item().table_name(&stack.deployed.orders_table);
    update
        .key("pk", AttributeValue::S(format!("SKU#{sku}")))
        .key("sk", AttributeValue::S("STOCK".into()))
        .update_expression("SET price_usd = :price")
        .expression_attribute_values(":price", AttributeValue::N("11.00".into()))
        .send()
        .await
        .unwrap();
    assert!(buy().await.contains("\"total_usd\":11.00"), "the function has 10.00 in its cache and must not charge it");
}
