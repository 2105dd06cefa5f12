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
            "POST" if path == "/checkout" => self.checkout.handle(request, deadline).await,
            _ => self.orders_api.handle(request, deadline).await,
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

#[tokio::test]
async fn lost_answer_to_a_cancellation_requests_it_once() {
    let fixture = CheckoutFixture::new("shop-cancel").await;
    let placed: Value = serde_json::from_slice(&fixture.order("k").await.body.unwrap()).unwrap();
    let path = format!("/orders/{}/cancel", placed["order_id"].as_str().unwrap());
    let cancel = async || fixture.request("POST", &path, json!({}), "").await;
    let requests = async || {
        let rows = fixture.setup.harness.rows().await;
        rows.into_iter().filter(|row| text(row, "sk") == "CANCELLATION").collect::<Vec<_>>()
    };
    fixture.setup.proxy.set_rules(fail_always("dynamodb", "PutItem", Fault::Throttle));
    assert!(is_busy(&cancel().await));
    assert_eq!(requests().await, []);
    // Every attempt of the SDK is applied, and none is answered: the client cannot know.
    fixture.setup.proxy.set_rules(fail_always("dynamodb", "PutItem", Fault::DropResponse));
    let first = cancel().await;
    assert!(is_busy(&first) || first.status_code == 202, "{first:?}");
    let stored = requests().await;
    assert_eq!(stored.len(), 1);
    fixture.setup.proxy.set_rules(vec![]);
    for _ in 0..2 {
        let answer: Value = serde_json::from_slice(&cancel().await.body.unwrap()).unwrap();
        assert_eq!((&answer["order_id"], &answer["status"]), (&placed["order_id"], &json!("received")));
    }
    assert_eq!(requests().await, stored);
}

#[tokio::test]
async fn later_cancellation_does_not_replace_an_earlier_one() {
    let fixture = CheckoutFixture::new("shop-twice").await;
    let placed: Value = serde_json::from_slice(&fixture.order("k").await.body.unwrap()).unwrap();
    let id = placed["order_id"].as_str().unwrap();
    // Another request stores its row after this one has read that there is none.
    fixture.setup.proxy.set_rules(fail_always("dynamodb", "PutItem", Fault::Delay { ms: 1500 }));
    let path = format!("/orders/{id}/cancel");
    let later = fixture.request("POST", &path, json!({}), "");
    let earlier = async {
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        let put = fixture.setup.stack.cloud.dynamodb.put_item().table_name(fixture.setup.table.name());
        let put = put.item("pk", AttributeValue::S(format!("ORDER#{id}")));
        let put = put.item("sk", AttributeValue::S("CANCELLATION".into()));
        put.item("requested_at", AttributeValue::S("earlier".into())).send().await.unwrap();
    };
    let (answer, ()) = tokio::join!(later, earlier);
    assert_eq!(answer.status_code, 202);
    let rows = fixture.setup.harness.rows().await;
    let stored: Vec<_> = rows.iter().filter(|row| text(row, "sk") == "CANCELLATION").collect();
    assert_eq!((stored.len(), text(stored[0], "requested_at")), (1, "earlier".to_owned()));
}
