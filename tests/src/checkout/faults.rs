//! Client requests while calls to the orders table fail.

use std::collections::HashMap;
use tokio::time::Instant;

use ::checkout::Checkout;
use ::orders_api::OrdersApi;
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use switchyard_chassis::Clock;
use switchyard_faults::Fault;

use crate::support::{BATCH_TIMEOUT, FaultSetup, fail_always, fail_first, text};

/// Checkout on a table of its own with one product, ten in stock.
struct CheckoutFixture {
    setup: FaultSetup,
    checkout: Checkout,
    orders_api: OrdersApi,
}

impl CheckoutFixture {
    async fn new(name: &str) -> Self {
        let setup = FaultSetup::new(name).await;
        let text = |text: &str| AttributeValue::S(text.into());
        let number = |number: &str| AttributeValue::N(number.into());
        let item = [
            ("pk", text("SKU#MUG")),
            ("sk", text("STOCK")),
            ("name", text("Mug")),
            ("price_usd", number("4.00")),
            ("stock", number("10")),
            ("taxable", AttributeValue::Bool(true)),
        ];
        let item: HashMap<_, _> = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let put = setup.stack.cloud.dynamodb.put_item().table_name(setup.table.name()).set_item(Some(item));
        put.send().await.unwrap();
        let checkout = Checkout::new(setup.table.clone(), Clock::system());
        let orders_api = OrdersApi::new(setup.table.clone(), Clock::system());
        Self { setup, checkout, orders_api }
    }

    async fn order(&self, key: &str) -> ApiGatewayV2httpResponse {
        let cart = json!({
            "user_id": "usr_1", "email": "a@example.com", "items": [{"sku": "MUG", "quantity": 2}],
            "ship_to": {"country": "US", "region": "CA", "postal_code": "94107"},
        });
        let headers = json!({"content-type": "application/json", "idempotency-key": key});
        self.request("POST", "/checkout", headers, &cart.to_string()).await
    }

    async fn request(&self, method: &str, path: &str, headers: Value, body: &str) -> ApiGatewayV2httpResponse {
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
        let deadline = Instant::now() + BATCH_TIMEOUT;
        match method {
            "GET" => self.orders_api.handle(request, deadline).await,
            _ => self.checkout.handle(request, deadline).await,
        }
    }

    /// The number of orders and the remaining stock.
    async fn orders_and_stock(&self) -> (usize, String) {
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
    let fixture = CheckoutFixture::new("shop-busy").await;
    let conflict = Fault::Conflict { item: Some("SKU#MUG".into()), code: None };
    fixture.setup.proxy.set_rules(fail_always("dynamodb", "TransactWriteItems", conflict.clone()));
    let answer = fixture.order("k").await;
    assert!(is_busy(&answer), "{answer:?}");
    assert_eq!(fixture.setup.injected("dynamodb TransactWriteItems", "conflict"), 12);
    assert_eq!(fixture.orders_and_stock().await, (0, "10".into()));

    fixture.setup.proxy.set_rules(fail_first(6, "dynamodb", "TransactWriteItems", conflict));
    assert_eq!(fixture.order("k").await.status_code, 202);
    assert_eq!(fixture.orders_and_stock().await, (1, "8".into()));
}

#[tokio::test]
async fn short_throttle_is_retried_and_constant_throttle_is_503() {
    let fixture = CheckoutFixture::new("shop-throttled").await;
    fixture.setup.proxy.set_rules(fail_first(2, "dynamodb", "*", Fault::Throttle));
    assert_eq!(fixture.order("k").await.status_code, 202);
    for operation in ["BatchGetItem", "TransactWriteItems"] {
        let fixture = CheckoutFixture::new("shop-throttled").await;
        fixture.setup.proxy.set_rules(fail_always("dynamodb", operation, Fault::Throttle));
        let answer = fixture.order("k").await;
        assert!(is_busy(&answer), "{operation}: {answer:?}");
        assert_eq!(fixture.orders_and_stock().await, (0, "10".into()));
    }
    fixture.setup.proxy.set_rules(fail_always("dynamodb", "*", Fault::Throttle));
    assert!(is_busy(&fixture.request("GET", "/orders/ord_1", json!({}), "").await));
}

#[tokio::test]
async fn lost_transaction_answer_places_order_once() {
    for fault in [Fault::DropResponse, Fault::InternalError { after_effect: true }] {
        let fixture = CheckoutFixture::new("shop-unknown").await;
        let kind = fault.kind();
        // One more than the attempts of the SDK: checkout must find its own order.
        fixture.setup.proxy.set_rules(fail_first(4, "dynamodb", "TransactWriteItems", fault));
        let placed = fixture.order("k").await;
        assert_eq!(placed.status_code, 202, "{kind}");
        assert_eq!(fixture.orders_and_stock().await, (1, "8".into()), "{kind}");
        let repeated = fixture.order("k").await;
        assert_eq!((repeated.status_code, repeated.body), (202, placed.body), "{kind}");
        assert_eq!(fixture.orders_and_stock().await, (1, "8".into()), "{kind}");
    }
}
