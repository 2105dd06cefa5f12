//! Invalid carts: each gets its documented answer and changes nothing.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use switchyard_chassis::conformance::shown;

use crate::support::{TestStack, new_cart, new_user_id, text};

/// All rows of the orders table as text, sorted.
pub async fn order_rows(stack: &TestStack) -> Vec<String> {
    let mut rows: Vec<_> = stack.scan(&stack.deployed.orders_table).await;
    rows.sort_by_key(|row| (text(row, "pk"), text(row, "sk")));
    rows.iter().map(|row| shown(&AttributeValue::M(row.clone()))).collect()
}

pub const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

/// Sends a bad body. The answer must be a problem with this status and must not repeat personal data.
pub async fn assert_refused(
    stack: &TestStack,
    name: &str,
    body: &[u8],
    headers: &[(&str, &str)],
    status: u16,
) -> Value {
    let reply = stack.api.checkout_raw(body, headers).await.unwrap();
    let said = String::from_utf8_lossy(&reply.body).into_owned();
    assert_eq!(reply.status, status, "{name}: {said}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{name}");
    let problem = reply.json();
    assert_eq!(problem["status"], status, "{name}: {said}");
    assert!(["type", "title", "detail"].iter().all(|field| problem[field].is_string()), "{name}: {said}");
    assert!(!["usr_", "ada", "eve"].iter().any(|personal| said.contains(personal)), "{name} is personal: {said}");
    problem
}

#[tokio::test]
async fn invalid_field_is_rejected_and_changes_nothing() {
    let stack = TestStack::exclusive().await;
    let sku = stack.create_product("2.00", true, 50).await;
    let before = order_rows(&stack).await;
    let lines: Vec<_> = (0..101).map(|n| json!({"sku": format!("SKU-{n}"), "quantity": 1})).collect();
    let cases = [
        ("/items", json!([]), "items"),
        ("/items", json!("MUG"), "items"),
        ("/items", json!(lines), "items"),
        ("/items/0/quantity", json!(0), "quantity"),
        ("/items/0/quantity", json!(-1), "quantity"),
        ("/items/0/quantity", json!(1_000_000_000_u64), "quantity"),
        ("/items/0/quantity", json!(1e300), "quantity"),
        ("/items/0/quantity", json!(1.5), "quantity"),
        ("/items/0/quantity", json!("1"), "quantity"),
        ("/items/0/sku", json!("NO-SUCH-THING"), "sku"),
        ("/items/0/sku", json!("A#B"), "sku"),
        ("/email", json!("ada"), "email"),
        ("/email", json!("ada@example.com\r\nBcc: eve@example.com"), "email"),
        ("/ship_to/region", json!("ca"), "region"),
        ("/ship_to/region", json!("ZZ"), "region"),
        ("/user_id", json!(null), "user_id"),
    ];
    for (pointer, value, field) in cases {
        let mut cart = new_cart(&new_user_id(), &[(&sku, 1)]);
        let name = format!("{pointer} = {value:.40}");
        *cart.pointer_mut(pointer).unwrap() = value;
        let problem = assert_refused(&stack, &name, cart.to_string().as_bytes(), JSON, 422).await;
        let mut errors = problem["errors"].as_array().unwrap().iter();
        assert!(errors.any(|error| error["field"].as_str().unwrap().contains(field)), "{name}: {problem}");
    }
    assert_eq!(order_rows(&stack).await, before);
}

#[tokio::test]
async fn body_that_is_no_cart_is_rejected_and_changes_nothing() {
    let stack = TestStack::exclusive().await;
    let before = order_rows(&stack).await;
    let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
    let good = new_cart(&new_user_id(), &[("MUG-01", 1)]).to_string();
    assert_refused(&stack, "an array", b"[]", JSON, 422).await;
    assert_refused(&stack, "not JSON", b"{\"items\": [", JSON, 400).await;
    assert_refused(&stack, "nothing", b"", JSON, 400).await;
    assert_refused(&stack, "not UTF-8", &[0x7b, 0xff, 0xfe, 0x7d], JSON, 400).await;
    assert_refused(&stack, "very deep", &deep, JSON, 400).await;
    assert_refused(&stack, "1 MB", &vec![b' '; 1 << 20], JSON, 413).await;
    assert_refused(&stack, "another content type", good.as_bytes(), &[("content-type", "text/plain")], 415).await;
    assert_refused(&stack, "base64, not JSON", b"hello", &[], 400).await;
    assert_eq!(order_rows(&stack).await, before);
}

#[tokio::test]
async fn one_answer_names_every_invalid_field() {
    let stack = TestStack::shared().await;
    let bad = json!({"user_id": "a b", "email": "x", "items": [{"sku": "A#", "quantity": 0}, {"quantity": 1}], "ship_to": {"country": "usa"}});
    let reply = stack.api.checkout(&bad, &[]).await.unwrap();
    let problem = reply.json();
    let fields: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect();
    assert_eq!((reply.status, fields.len()), (422, 8), "{fields:?}");
}

#[tokio::test]
async fn base64_body_with_valid_cart_is_accepted() {
    let stack = TestStack::shared().await;
    let sku = stack.create_product("2.00", true, 5).await;
    let body = new_cart(&new_user_id(), &[(&sku, 1)]).to_string();
    // Without a content type, API Gateway encodes the body as base64.
    let reply = stack.api.checkout_raw(body.as_bytes(), &[]).await.unwrap();
    assert_eq!(reply.status, 202, "{}", String::from_utf8_lossy(&reply.body));
}
