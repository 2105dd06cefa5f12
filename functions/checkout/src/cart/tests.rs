//! Valid carts, and the errors of invalid ones.

use serde_json::json;

use super::*;

fn valid_cart() -> Value {
    json!({
        "user_id": "usr_91xc",
        "email": "ada@example.com",
        "items": [{"sku": "MUG-01", "quantity": 2}, {"sku": "TEA-07", "quantity": 1}],
        "ship_to": {"country": "US", "region": "CA", "postal_code": "94107"}
    })
}

/// Parses the valid cart for a service after one part was replaced, or removed if the value is null.
fn parse_changed(pointer: &str, value: Value) -> Result<Cart, InvalidCart> {
    let mut body = valid_cart();
    match (pointer.rsplit_once('/'), value) {
        (Some((parent, name)), Value::Null) => {
            let parent = body.pointer_mut(parent).and_then(Value::as_object_mut);
            parent.unwrap().remove(name);
        }
        (_, value) => *body.pointer_mut(pointer).unwrap() = value,
    }
    Cart::parse(&body, None)
}

fn errors(result: Result<Cart, InvalidCart>) -> Vec<String> {
    let errors = result.err().map(|invalid| invalid.errors).unwrap_or_default();
    errors.into_iter().map(|error| format!("{}: {}", error.field, error.reason)).collect()
}

#[test]
fn invalid_field_is_named_with_what_is_allowed() {
    let check = |pointer: &str, value: Value, expected: &str| {
        assert_eq!(errors(parse_changed(pointer, value.clone())), [expected], "{pointer} {value}");
    };
    let quantity = "items[0].quantity: must be a whole number from 1 to 1000";
    for bad in [
        json!(0),
        json!(-1),
        json!(1001),
        json!(u64::MAX),
        json!(1e300),
        json!(1.5),
        json!("2"),
        json!(true),
        json!([2]),
    ] {
        check("/items/0/quantity", bad, quantity);
    }
    check("/items/0/quantity", Value::Null, "items[0].quantity: is required");
    let id = "must be 1 to 64 ASCII letters, digits or -_.";
    check("/items/1/sku", json!("A#B"), &format!("items[1].sku: {id}"));
    check("/items/1/sku", json!(7), "items[1].sku: must be a string");
    check("/items/1", json!("TEA-07"), "items[1]: must be an object with sku and quantity");
    check("/items", json!([]), "items: must be a list of 1 to 50 lines");
    check("/items", json!({}), "items: must be a list of 1 to 50 lines");
    check("/items", Value::Null, "items: must be a list of 1 to 50 lines");
    check(
        "/items",
        vec![json!({"sku": "MUG-01", "quantity": 1}); 101].into(),
        "items: must be a list of 1 to 50 lines",
    );
    check("/email", json!("ada"), "email: must be a mail address such as name@example.com, at most 254 characters");
    check(
        "/email",
        json!("ada@example.com\r\nBcc: eve@example.com"),
        "email: must be a mail address such as name@example.com, at most 254 characters",
    );
    check("/user_id", json!(""), &format!("user_id: {id}"));
    check("/user_id", Value::Null, "user_id: is required");
    check("/ship_to", json!([]), "ship_to: must be an object with country, region and postal_code");
    check("/ship_to/country", json!("us"), "ship_to.country: must be two capital letters of ISO 3166-1, such as US");
    check("/ship_to/region", Value::Null, "ship_to.region: is required");
}

#[test]
fn all_invalid_fields_are_named_and_skus_kept() {
    let body = json!({"email": 1, "items": [{"sku": "MUG-01"}, {"quantity": 0}], "ship_to": {"country": "USA"}});
    let invalid = Cart::parse(&body, None).unwrap_err();
    let fields: Vec<_> = invalid.errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "user_id",
            "email",
            "items[0].quantity",
            "items[1].sku",
            "items[1].quantity",
            "ship_to.country",
            "ship_to.region",
            "ship_to.postal_code",
        ]
    );
    assert_eq!(invalid.skus, [(0, Sku::parse("MUG-01").unwrap())]);
}

#[test]
fn cart_that_is_not_an_object_has_one_error() {
    for body in [json!(null), json!([]), json!("cart"), json!(1)] {
        assert_eq!(errors(Cart::parse(&body, None)), ["body: must be a JSON object"]);
    }
}

#[test]
fn lines_of_the_same_product_are_merged() {
    let line = |quantity: u32| json!({"sku": "MUG-01", "quantity": quantity});
    let cart = parse_changed("/items", json!([line(2), {"sku": "TEA-07", "quantity": 1}, line(3)])).unwrap();
    let lines: Vec<_> = cart.lines.iter().map(|line| (line.sku.as_str(), line.quantity.get(), line.index)).collect();
    assert_eq!(lines, [("MUG-01", 5, 0), ("TEA-07", 1, 1)]);
    let too_many = parse_changed("/items", json!([line(600), line(401)]));
    assert_eq!(errors(too_many), ["items[1].quantity: all lines of one sku together must be at most 1000"]);
}

#[test]
fn token_may_order_for_its_subject_only() {
    let read = |user_id: Value, subject: &str| {
        let mut body = valid_cart();
        body["user_id"] = user_id;
        Cart::parse(&body, Some(subject)).map(|cart| cart.user_id.to_string())
    };
    assert_eq!(read(json!("usr_1"), "usr_1"), Ok("usr_1".into()));
    let other = read(json!("usr_2"), "usr_1").unwrap_err().errors;
    assert_eq!(other[0].field, "user_id");
    let foreign = read(json!("auth0|7"), "auth0|7").unwrap();
    assert_eq!(foreign, read(json!("auth0|7"), "auth0|7").unwrap());
    assert!(foreign.starts_with("usr_"));
}

#[test]
fn cart_fingerprint_ignores_json_formatting() {
    let fingerprint =
        |text: &str| Cart::parse(&serde_json::from_str(text).unwrap(), None).unwrap().fingerprint().unwrap();
    let cart = fingerprint(&valid_cart().to_string());
    assert_eq!(
        cart,
        fingerprint(&serde_json::to_string_pretty(&valid_cart()).unwrap().replace("usr_91xc", "usr_91\\u0078c"))
    );
    assert_ne!(cart, parse_changed("/items/0/quantity", json!(3)).unwrap().fingerprint().unwrap());
    assert_ne!(cart, parse_changed("/email", json!("bob@example.com")).unwrap().fingerprint().unwrap());
}
