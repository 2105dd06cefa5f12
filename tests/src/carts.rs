//! Carts that cannot be orders: each gets its documented answer, and nothing changes.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use switchyard_chassis::conformance::shown;

use crate::world::{World, cart, text, user};

/// What the orders table says.
async fn orders(world: &World) -> Vec<String> {
    let mut rows: Vec<_> = world.rows(&world.stack.orders_table).await;
    rows.sort_by_key(|row| (text(row, "pk"), text(row, "sk")));
    rows.iter().map(|row| shown(&AttributeValue::M(row.clone()))).collect()
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

#[tokio::test]
async fn a_bad_cart_gets_its_documented_answer_and_changes_nothing() {
    let world = World::alone().await;
    let sku = world.stock("2.00", true, 50).await;
    let before = orders(&world).await;
    let good = || cart(&user(), &[(&sku, 1)]);
    let with = |pointer: &str, value: Value| {
        let mut cart = good();
        *cart.pointer_mut(pointer).unwrap() = value;
        cart.to_string().into_bytes()
    };
    let lines = |count: usize| {
        let lines: Vec<_> = (0..count)
            .map(|n| json!({"sku": format!("SKU-{n}"), "quantity": 1}))
            .collect();
        with("/items", lines.into())
    };
    let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
    let text: &[(&str, &str)] = &[("content-type", "text/plain")];
    let none: &[(&str, &str)] = &[];
    let cases: Vec<(&str, Vec<u8>, &[(&str, &str)], u16, &str)> = vec![
        ("empty", with("/items", json!([])), JSON, 422, "items"),
        ("zero", with("/items/0/quantity", json!(0)), JSON, 422, "quantity"),
        ("negative", with("/items/0/quantity", json!(-1)), JSON, 422, "quantity"),
        (
            "huge quantity",
            with("/items/0/quantity", json!(1_000_000_000_u64)),
            JSON,
            422,
            "quantity",
        ),
        (
            "beyond any integer",
            with("/items/0/quantity", json!(1e300)),
            JSON,
            422,
            "quantity",
        ),
        ("fraction", with("/items/0/quantity", json!(1.5)), JSON, 422, "quantity"),
        (
            "text quantity",
            with("/items/0/quantity", json!("1")),
            JSON,
            422,
            "quantity",
        ),
        (
            "unknown sku",
            with("/items/0/sku", json!("NO-SUCH-THING")),
            JSON,
            422,
            "sku",
        ),
        ("separator in sku", with("/items/0/sku", json!("A#B")), JSON, 422, "sku"),
        ("101 lines", lines(101), JSON, 422, "items"),
        (
            "items of another type",
            with("/items", json!("MUG")),
            JSON,
            422,
            "items",
        ),
        ("no mail address", with("/email", json!("ada")), JSON, 422, "email"),
        (
            "header injection",
            with("/email", json!("ada@example.com\r\nBcc: eve@example.com")),
            JSON,
            422,
            "email",
        ),
        (
            "lower-case state",
            with("/ship_to/region", json!("ca")),
            JSON,
            422,
            "region",
        ),
        ("no user", with("/user_id", json!(null)), JSON, 422, "user_id"),
        ("an array", b"[]".to_vec(), JSON, 422, ""),
        ("not JSON", b"{\"items\": [".to_vec(), JSON, 400, ""),
        ("empty body", Vec::new(), JSON, 400, ""),
        ("not UTF-8", vec![0x7b, 0xff, 0xfe, 0x7d], JSON, 400, ""),
        ("very deep", deep, JSON, 400, ""),
        ("1 MB", vec![b' '; 1 << 20], JSON, 413, ""),
        ("another content type", good().to_string().into_bytes(), text, 415, ""),
        ("base64, not JSON", b"hello".to_vec(), none, 400, ""),
    ];
    for (name, body, headers, status, field) in cases {
        let reply = world.api.checkout_raw(&body, headers).await.unwrap();
        let said = String::from_utf8_lossy(&reply.body).into_owned();
        assert_eq!(reply.status, status, "{name}: {said}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{name}");
        let problem = reply.json();
        assert_eq!(problem["status"], status, "{name}: {said}");
        assert!(
            problem["type"].is_string() && problem["title"].is_string() && problem["detail"].is_string(),
            "{name}: {said}"
        );
        let named = problem["errors"].as_array().is_some_and(|errors| {
            errors
                .iter()
                .any(|error| error["field"].as_str().unwrap().contains(field) && error["reason"].is_string())
        });
        assert!(
            status != 422 || field.is_empty() || named,
            "{name} does not name {field}: {said}"
        );
        assert!(
            !["usr_", "ada", "eve"].iter().any(|personal| said.contains(personal)),
            "{name} repeats personal data: {said}"
        );
    }
    assert_eq!(orders(&world).await, before);
}

#[tokio::test]
async fn every_bad_field_is_named_in_one_answer() {
    let world = World::shared().await;
    let bad = json!({"user_id": "a b", "email": "x", "items": [{"sku": "A#", "quantity": 0}, {"quantity": 1}], "ship_to": {"country": "usa"}});
    let reply = world.api.checkout(&bad, &[]).await.unwrap();
    let problem = reply.json();
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((reply.status, fields.len()), (422, 8), "{fields:?}");
}

#[tokio::test]
async fn a_base64_body_that_is_a_good_cart_is_an_order() {
    let world = World::shared().await;
    let sku = world.stock("2.00", true, 5).await;
    let body = cart(&user(), &[(&sku, 1)]).to_string();
    // Without a content type, API Gateway hands the body over in base64.
    let reply = world.api.checkout_raw(body.as_bytes(), &[]).await.unwrap();
    assert_eq!(reply.status, 202, "{}", String::from_utf8_lossy(&reply.body));
}
