//! Hostile carts: each is rejected, or becomes an order of nothing but its known fields.
//!
//! Carts that are merely wrong are in `invalid_carts`.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::invalid_carts::{JSON, assert_refused, order_rows};
use crate::support::hostile_text::{DEEP, HOSTILE_NAME, PRINTED_NAME, replace_with_hostile};
use crate::support::{TestStack, accepted_order_id, new_cart, new_user_id};

#[tokio::test]
async fn hostile_cart_is_rejected_naming_its_field() {
    let stack = TestStack::exclusive().await;
    let sku = stack.create_product("2.00", true, 50).await;
    let before = order_rows(&stack).await;
    let good = new_cart("usr_1", &[(&sku, 1)]).to_string();
    let one = r#""quantity":1"#;
    let cases = [
        ("a deep field", r#""94107-4815""#, DEEP, 400, "line 1 column "),
        ("a deep unknown field", r#""items""#, r#""x":<deep>,"items""#, 400, "line 1 column "),
        ("NaN", one, r#""quantity":NaN"#, 400, "line 1 column "),
        ("a number above all", one, r#""quantity":1e400"#, 400, "out of range at line 1 "),
        ("a number above u64", one, r#""quantity":99999999999999999999"#, 422, "items[0].quantity"),
        ("negative zero", one, r#""quantity":-0"#, 422, "items[0].quantity"),
        ("negative zero with a decimal", one, r#""quantity":-0.0"#, 422, "items[0].quantity"),
        ("a lone surrogate", "usr_1@", r"\ud800@", 400, "hex escape at line 1 "),
        ("a second quantity", one, r#""quantity":1,"quantity":2"#, 422, "quantity is there twice at line 1 "),
        ("a second address", r#""ship_to""#, r#""ship_to":{},"ship_to""#, 422, "ship_to is there twice at line 1 "),
        ("a second country", r#""country""#, r#""country":"CA","country""#, 422, "country is there twice at line 1 "),
        ("a user with a #", r#""usr_1""#, r#""usr#1""#, 422, r#""user_id""#),
        ("a user with nothing to see", r#""usr_1""#, "\"usr_1\u{200b}\"", 422, r#""user_id""#),
        ("a mail address turned around", "usr_1@", "\u{202e}1_rsu@", 422, r#""email""#),
        ("a mail address on two lines", "usr_1@", r"usr_1@x.org\nBcc: eve@", 422, r#""email""#),
        ("a postal code turned around", "94107-", "94107\u{202e}-", 422, "ship_to.postal_code"),
    ];
    for (name, part, hostile, status, said) in cases {
        let body = replace_with_hostile(&good, part, hostile);
        let problem = assert_refused(&stack, name, body.as_bytes(), JSON, status).await;
        assert!(problem.to_string().contains(said), "{name}: {problem}");
    }
    assert_eq!(order_rows(&stack).await, before);
}

#[tokio::test]
async fn extra_cart_fields_are_ignored_and_hostile_name_is_cleaned() {
    let stack = TestStack::shared().await;
    let sku = stack.create_product("2.50", true, 5).await;
    let key = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
    let rename = stack.cloud.dynamodb.update_item().table_name(&stack.deployed.orders_table);
    let rename = rename.set_key(Some([key("pk", &format!("SKU#{sku}")), key("sk", "STOCK")].into()));
    let rename = rename.update_expression("SET #n = :n").expression_attribute_names("#n", "name");
    rename.expression_attribute_values(":n", AttributeValue::S(HOSTILE_NAME.into())).send().await.unwrap();

    let user = new_user_id();
    let mut cart = new_cart(&user, &[(&sku, 2)]);
    for (field, claim) in
        [("total_usd", json!(0.01)), ("placed_at", json!("9999-01-01T00:00:00Z")), ("order_id", json!("a#b"))]
    {
        cart[field] = claim;
    }
    let reply = stack.api.checkout(&cart, &[]).await.unwrap();
    let (id, answer) = (accepted_order_id(&reply), reply.json());
    let placed_at: Timestamp = answer["placed_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(answer["total_usd"], 5.0);
    assert!(placed_at.duration_since(Timestamp::now()).abs() < SignedDuration::from_mins(1), "{placed_at}");
    assert!(id.starts_with("ord_") && !id.contains('#'), "{id}");

    stack.wait_until_applied(&id).await;
    let mails = stack.mails_to(&format!("{user}@example.com")).await;
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!(mail["Subject"], format!("Your order: {PRINTED_NAME} ({id})"));
    assert_eq!(
        (&mail["To"], &mail["CC"], &mail["BCC"]),
        (&json!([format!("{user}@example.com")]), &json!([]), &json!([]))
    );
    assert!(!["\u{200b}", "\u{202e}", "\u{2066}"].iter().any(|hidden| mail.to_string().contains(hidden)), "{mail}");
    assert_eq!(stack.mails_to("eve@example.com").await.len(), 0);
}
