//! A client's request while the orders table fails.

use std::collections::HashMap;
use tokio::time::Instant;

use ::checkout::Checkout;
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use switchyard_chassis::Clock;
use switchyard_faults::Fault;

use crate::support::{BATCH_TIMEOUT, FaultSetup, fail_always, fail_first, text};

/// A shop with one product of which there are ten.
struct Shop {
    setup: FaultSetup,
    checkout: Checkout,
}

impl Shop {
    async fn new(name: &str) -> Self {
        let setup = FaultSetup::new(name).await;
        let text = |text: &str| AttributeValue::S(text.into());
        let number = |number: &str| AttributeValue::N(number.into());
        let ware = [
            ("pk", text("SKU#MUG")),
            ("sk", text("STOCK")),
            ("name", text("Mug")),
            ("price_usd", number("4.00")),
            ("stock", number("10")),
            ("taxable", AttributeValue::Bool(true)),
        ];
        let ware: HashMap<_, _> = ware.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let put = setup.stack.cloud.dynamodb.put_item().table_name(setup.table.name()).set_item(Some(ware));
        put.send().await.unwrap();
        let checkout = Checkout::new(setup.table.clone(), Clock::system());
        Self { setup, checkout }
    }

    async fn order(&self, key: &str) -> ApiGatewayV2httpResponse {
        let cart = json!({
            "user_id": "usr_1", "email": "a@example.com", "items": [{"sku": "MUG", "quantity": 2}],
            "ship_to": {"country": "US", "region": "CA", "postal_code": "94107"},
        });
        let headers = json!({"content-type": "application/json", "idempotency-key": key});
        self.ask("POST", "/checkout", headers, &cart.to_string()).await
    }

    async fn ask(&self, method: &str, path: &str, headers: Value, body: &str) -> ApiGatewayV2httpResponse {
        let request: ApiGatewayV2httpRequest = serde_json::from_value(json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
            "requestContext": {
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
                "stage": "$default", "requestId": "1", "timeEpoch": 0,
                "authorizer": {"iam": {"accountId": "1", "userArn": "arn:aws:iam::1:user/ada"}}
            },
            "body": body, "isBase64Encoded": false
        }))
        .unwrap();
        self.checkout.handle(request, Instant::now() + BATCH_TIMEOUT).await
    }

    /// How many orders there are, and how many mugs are left.
    async fn books(&self) -> (usize, String) {
        let rows = self.setup.harness.rows().await;
        let stock = rows.iter().find(|row| text(row, "sk") == "STOCK").unwrap();
        (rows.iter().filter(|row| text(row, "sk") == "ORDER").count(), text(stock, "stock"))
    }
}

fn is_busy(answer: &ApiGatewayV2httpResponse) -> bool {
    answer.status_code == 503
        && answer.headers.contains_key("retry-after")
        && answer.headers["content-type"] == "application/problem+json"
}

#[tokio::test]
async fn stock_conflict_retries_are_bounded_then_503() {
    let shop = Shop::new("shop-busy").await;
    let conflict = Fault::Conflict { item: Some("SKU#MUG".into()), code: None };
    shop.setup.proxy.set_rules(fail_always("dynamodb", "TransactWriteItems", conflict.clone()));
    let answer = shop.order("k").await;
    assert!(is_busy(&answer), "{answer:?}");
    assert_eq!(shop.setup.injected("dynamodb TransactWriteItems", "conflict"), 12);
    assert_eq!(shop.books().await, (0, "10".into()));

    shop.setup.proxy.set_rules(fail_first(6, "dynamodb", "TransactWriteItems", conflict));
    assert_eq!(shop.order("k").await.status_code, 202);
    assert_eq!(shop.books().await, (1, "8".into()));
}

#[tokio::test]
async fn short_throttle_is_retried_and_constant_throttle_is_503() {
    let shop = Shop::new("shop-throttled").await;
    shop.setup.proxy.set_rules(fail_first(2, "dynamodb", "*", Fault::Throttle));
    assert_eq!(shop.order("k").await.status_code, 202);
    for operation in ["BatchGetItem", "TransactWriteItems"] {
        let shop = Shop::new("shop-throttled").await;
        shop.setup.proxy.set_rules(fail_always("dynamodb", operation, Fault::Throttle));
        let answer = shop.order("k").await;
        assert!(is_busy(&answer), "{operation}: {answer:?}");
        assert_eq!(shop.books().await, (0, "10".into()));
    }
    shop.setup.proxy.set_rules(fail_always("dynamodb", "*", Fault::Throttle));
    assert!(is_busy(&shop.ask("GET", "/orders/ord_1", json!({}), "").await));
}

#[tokio::test]
async fn lost_transaction_answer_places_order_once() {
    for fault in [Fault::DropResponse, Fault::InternalError { after_effect: true }] {
        let shop = Shop::new("shop-unknown").await;
        let kind = fault.kind();
        // As often as the SDK tries, and once more: checkout must find its own order.
        shop.setup.proxy.set_rules(fail_first(4, "dynamodb", "TransactWriteItems", fault));
        let placed = shop.order("k").await;
        assert_eq!(placed.status_code, 202, "{kind}");
        assert_eq!(shop.books().await, (1, "8".into()), "{kind}");
        let repeated = shop.order("k").await;
        assert_eq!((repeated.status_code, repeated.body), (202, placed.body), "{kind}");
        assert_eq!(shop.books().await, (1, "8".into()), "{kind}");
    }
}
