//! Responses that need no table, as API Gateway receives them.

#![allow(clippy::needless_pass_by_value)] // the values are literals

use std::collections::HashMap;

use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::{Client, Config};
use jiff::Timestamp;
use serde_json::{Value, json};
use switchyard_events::{Sku, Usd};
use tokio::time::Duration;

use super::*;
use crate::cart::Cart;
use crate::catalog::Product;

/// A request as API Gateway sends it, from the IAM user ada.
fn request(method: &str, path: &str, headers: Value, body: Option<&str>) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "stage": "$default", "requestId": "JKJaXmPLvHcESHA=", "timeEpoch": 0,
            "authorizer": {"iam": {"accountId": "123456789012", "userArn": "arn:aws:iam::123456789012:user/ada"}}
        },
        "body": body, "isBase64Encoded": false
    })
}

fn parsed(request: Value) -> ApiGatewayV2httpRequest {
    serde_json::from_value(request).unwrap()
}

/// The response of a checkout whose table cannot be reached.
async fn answer(request: Value) -> Value {
    let config = Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("us-east-1")).build();
    let checkout = Checkout::new(Table::new(Client::from_conf(config), "orders"), Clock::fixed(Timestamp::UNIX_EPOCH));
    let response = checkout.handle(parsed(request), Instant::now() + Duration::from_secs(5)).await;
    let response = serde_json::to_value(response).unwrap();
    json!({
        "status": response["statusCode"],
        "headers": response["headers"],
        "body": serde_json::from_str::<Value>(response["body"].as_str().unwrap()).unwrap(),
    })
}

async fn check(request: Value, status: u16, kind: &str) {
    let shown = request.to_string().chars().take(300).collect::<String>();
    let answer = answer(request).await;
    assert_eq!((&answer["status"], &answer["body"]["type"]), (&json!(status), &json!(kind)), "{shown}");
    assert_eq!(answer["body"]["status"], json!(status));
    assert_eq!(answer["headers"]["content-type"], "application/problem+json");
}

#[tokio::test]
async fn invalid_request_gets_documented_problem() {
    let post = |headers: Value, body: &str| request("POST", "/checkout", headers, Some(body));
    let json_type = || json!({"content-type": "application/json; charset=utf-8"});
    check(request("GET", "/", json!({}), None), 404, "/problems/not-found").await;
    check(request("GET", "/orders/ord_1", json!({}), None), 404, "/problems/not-found").await;
    check(request("PUT", "/checkout", json!({}), None), 405, "/problems/method-not-allowed").await;
    check(request("POST", "/checkout", json!({}), None), 400, "/problems/not-json").await;
    check(post(json_type(), "{\"user_id\":"), 400, "/problems/not-json").await;
    check(post(json_type(), &"[".repeat(60_000)), 400, "/problems/not-json").await;
    check(post(json_type(), &"x".repeat(70_000)), 413, "/problems/too-large").await;
    check(post(json!({"content-type": "text/plain"}), "{}"), 415, "/problems/unsupported-media-type").await;
    check(post(json!({"content-type": "application/vnd.cart+json"}), "{}"), 422, "/problems/invalid-cart").await;
    check(post(json!({}), "{}"), 422, "/problems/invalid-cart").await;
    let mut anonymous = post(json_type(), "{}");
    anonymous["requestContext"]["authorizer"] = Value::Null;
    check(anonymous, 403, "/problems/unknown-caller").await;
}

#[tokio::test]
async fn base64_body_is_decoded_before_validation() {
    let post = |body: &str| {
        let mut request = request("POST", "/checkout", json!({}), Some(body));
        request["isBase64Encoded"] = true.into();
        request
    };
    check(post("e30="), 422, "/problems/invalid-cart").await;
    check(post("e30"), 400, "/problems/not-json").await;
    check(post("/w=="), 400, "/problems/not-json").await;
    check(post(&"eHh4".repeat(30_000)), 413, "/problems/too-large").await;
}

#[tokio::test]
async fn problem_response_has_all_documented_fields() {
    let body = r#"{"user_id": "usr_1", "email": "ada@example.com", "items": [], "ship_to": {"country": "US", "region": "CA", "postal_code": "94107"}}"#;
    let expected = json!({
        "status": 422,
        "headers": {"content-type": "application/problem+json"},
        "body": {
            "type": "/problems/invalid-cart", "title": "Invalid cart", "status": 422,
            "detail": "The cart has fields that cannot be accepted; errors names each of them.",
            "errors": [{"field": "items", "reason": "must be a list of 1 to 50 lines"}]
        }
    });
    assert_eq!(answer(request("POST", "/checkout", json!({}), Some(body))).await, expected);
    let expected = json!({
        "status": 405,
        "headers": {"content-type": "application/problem+json", "allow": "POST"},
        "body": {
            "type": "/problems/method-not-allowed", "title": "Method not allowed", "status": 405,
            "detail": "Only POST is possible here."
        }
    });
    assert_eq!(answer(request("DELETE", "/checkout", json!({}), None)).await, expected);
}

/// The order request in a `POST` of a small cart.
fn order_request(headers: Value, quantity: u32) -> Result<OrderRequest, Problem> {
    let body = json!({
        "user_id": "usr_91xc", "email": "ada.lovelace@example.com",
        "items": [{"sku": "MUG-CAMP-350", "quantity": quantity}],
        "ship_to": {"country": "US", "region": "CA", "postal_code": "94107"}
    });
    let request = parsed(request("POST", "/checkout", headers, None));
    let caller = Caller::from_request(Request(&request))?;
    let now = "2026-05-26T14:23:01.123456Z".parse().unwrap();
    OrderRequest::new(Request(&request), &caller, Cart::parse(&body, &caller, false).unwrap(), now)
}

#[test]
fn idempotency_key_decides_the_order_id() {
    let id = |headers: Value| order_request(headers, 2).unwrap().id;
    let id_for_key = |key: &str| id(json!({"idempotency-key": key}));
    assert_eq!(id_for_key("k1"), id_for_key("k1"));
    assert_ne!(id_for_key("k1"), id_for_key("k2"));
    assert_ne!(id(json!({})), id(json!({})));
    for bad in ["", "a b", &"k".repeat(256), "ключ"] {
        let problem = order_request(json!({"idempotency-key": bad}), 2).err().unwrap();
        assert_eq!(problem.name(), "invalid-idempotency-key");
    }
}

#[test]
fn valid_correlation_id_and_traceparent_are_passed_on() {
    let cause = |headers: Value| order_request(headers, 2).unwrap().cause;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for id in ["3f2a9c1e-7b4d-4e8a-9f00-0a1b2c3d4e5f", "01ARZ3NDEKTSV4RRFFQ69G5FAV"] {
        let given = cause(json!({"x-correlation-id": id, "traceparent": trace}));
        assert_eq!((given.correlation_id.as_str(), given.traceparent.as_deref()), (id, Some(trace)));
    }
    let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    // Any other id could be personal, such as the name of a user.
    let others = [
        "a b",
        "basket/7",
        "ada.lovelace",
        "3f2a9c1e-7b4d-4e8a-9f00-0a1b2c3d4e5",
        "3f2a9c1e-7b4d-4e8a-9f000a1b2c3d4e5f",
        "81ARZ3NDEKTSV4RRFFQ69G5FAV",
        "01ARZ3NDEKTSV4RRFFQ69G5FAU",
        "01ARZ3NDEKTSV4RRFFQ69G5FA",
    ];
    for id in others {
        let none = order_request(json!({"x-correlation-id": id, "traceparent": zeros}), 2).unwrap();
        assert_eq!((none.cause.correlation_id.as_str(), none.cause.traceparent), (none.id.as_str(), None));
    }
}

fn mugs(request: &OrderRequest) -> HashMap<Sku, Product> {
    let (name, price) = ("Enamel camp mug, 350 ml".into(), Usd::from_cents(1450));
    let mug = Product { name, price, taxable: true };
    HashMap::from([(request.cart.lines[0].sku.clone(), mug)])
}

#[test]
fn repeated_request_gets_the_same_response_bytes() {
    let key = || json!({"idempotency-key": "order-7-of-basket-19"});
    let placed = order_request(key(), 2).unwrap();
    let stored = placed.to_stored_order(placed.price(&mugs(&placed)).unwrap());
    let row = stored.to_row().unwrap().into_item();
    let first = OrderResponse::accepted(&stored, "placed").unwrap();
    let again = placed.repeat_response(&row).unwrap();
    let expected = format!(
        r#"{{"order_id":"{}","status":"received","total_usd":29.00,"placed_at":"2026-05-26T14:23:01.123Z"}}"#,
        placed.id
    );
    assert_eq!(
        (first.body.as_str(), again.body.as_str(), again.outcome),
        (expected.as_str(), expected.as_str(), "repeated")
    );
    let headers = |response: OrderResponse| crate::http::json_response(response).headers;
    let (first, again) = (headers(first), headers(again));
    let location = format!("/orders/{}", placed.id);
    assert_eq!((&first["location"], first.get("idempotent-replayed")), (&location.parse().unwrap(), None));
    assert_eq!((&again["location"], &again["idempotent-replayed"]), (&first["location"], &"true".parse().unwrap()));
    let problem = order_request(key(), 3).unwrap().repeat_response(&row).err().unwrap();
    assert_eq!(problem.name(), "idempotency-key-reused");
}

/// The caller of a request with this authorizer context.
fn caller(authorizer: Value) -> Caller {
    let mut request = request("GET", "/orders", json!({}), None);
    request["requestContext"]["authorizer"] = authorizer;
    Caller::from_request(Request(&parsed(request))).unwrap()
}

#[test]
fn persons_behind_one_identity_pool_are_different_callers() {
    let role = "arn:aws:sts::123456789012:assumed-role/shoppers/CognitoIdentityCredentials";
    let person = |identity: &str| {
        caller(json!({"iam": {"accountId": "123456789012", "userArn": role, "cognitoIdentity": {
            "amr": ["authenticated"], "identityId": identity, "identityPoolId": "us-east-1:pool"}}}))
    };
    let (ada, bob) = (person("us-east-1:ada"), person("us-east-1:bob"));
    assert_ne!(ada.fingerprint(), bob.fingerprint());
    assert_eq!(ada.fingerprint(), person("us-east-1:ada").fingerprint());
    assert_eq!(ada.subject(), Some("us-east-1:ada"));
    // They order for themselves only.
    assert!(ada.user_id(None).unwrap().as_str().starts_with("usr_") && ada.user_id(Some("usr_1")).is_err());
    let service = |session: &str| {
        let arn = format!("arn:aws:sts::123456789012:assumed-role/shop/{session}");
        caller(json!({"iam": {"accountId": "123456789012", "userArn": arn, "cognitoIdentity": null}}))
    };
    assert_eq!(service("1").fingerprint(), service("2").fingerprint());
    assert_eq!(service("1").user_id(Some("usr_1")).unwrap().as_str(), "usr_1");
}

#[test]
fn only_a_verified_address_of_the_token_counts() {
    let email = |claims: Value| caller(json!({"jwt": {"claims": claims, "scopes": null}})).verified_email();
    let claims =
        |verified: &str| json!({"sub": "1", "iss": "i", "email": "ada@example.com", "email_verified": verified});
    assert_eq!(email(claims("true")).unwrap().as_str(), "ada@example.com");
    assert_eq!(
        [email(claims("false")), email(claims("")), email(json!({"sub": "1", "email": "ada@example.com"}))],
        [None, None, None]
    );
    assert_eq!(email(json!({"sub": "1", "email": "ada@", "email_verified": "true"})), None);
}
