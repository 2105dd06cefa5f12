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

/// Parses the cart of a service.
fn parse(body: &Value) -> Result<Cart, InvalidCart> {
    Cart::parse(body, &Caller::Principal("arn:aws:iam::123456789012:user/shop".into()), false)
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
    parse(&body)
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
    let listed = "must be a state, DC or an outlying area of the United States (ISO 3166-2:US), such as CA or PR";
    check("/ship_to/region", json!("ZZ"), &format!("ship_to.region: {listed}"));
    check("/ship_to/country", json!("PR"), "ship_to.country: must be US, with PR as the region");
}

#[test]
fn every_us_region_is_accepted() {
    for region in switchyard_events::US_REGIONS {
        let cart = parse_changed("/ship_to/region", json!(region)).unwrap();
        assert_eq!(cart.ship_to.reveal().subdivision().as_str(), format!("US-{region}"));
    }
}

#[test]
fn all_invalid_fields_are_named_and_skus_kept() {
    let body = json!({"email": 1, "items": [{"sku": "MUG-01"}, {"quantity": 0}], "ship_to": {"country": "USA"}});
    let invalid = parse(&body).unwrap_err();
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
        assert_eq!(errors(parse(&body)), ["body: must be a JSON object"]);
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

/// A person with a token.
fn person(subject: &str, verified_email: Option<&str>) -> Caller {
    let verified_email = verified_email.map(|email| Redacted::new(EmailAddress::parse(email).unwrap()));
    Caller::Subject { issuer: "https://issuer.example".into(), subject: subject.into(), verified_email }
}

#[test]
fn token_may_order_for_its_subject_only() {
    let read = |user_id: Option<&str>, subject: &str| {
        let mut body = valid_cart();
        body.as_object_mut().unwrap().remove("user_id");
        body.as_object_mut().unwrap().extend(user_id.map(|user_id| ("user_id".to_owned(), json!(user_id))));
        let cart = Cart::parse(&body, &person(subject, Some("ada@example.com")), false);
        cart.map(|cart| cart.user_id.to_string())
    };
    assert_eq!(read(Some("usr_1"), "usr_1"), Ok("usr_1".into()));
    assert_eq!(read(None, "usr_1"), Ok("usr_1".into()));
    let other = read(Some("usr_2"), "usr_1").unwrap_err().errors;
    assert_eq!((other.len(), other[0].field.as_str()), (1, "user_id"));
    let foreign = read(Some("auth0|7"), "auth0|7").unwrap();
    assert_eq!(Ok(&foreign), read(None, "auth0|7").as_ref());
    assert!(foreign.starts_with("usr_"));
}

#[test]
fn mail_goes_to_the_verified_address_of_the_token() {
    let read = |named: Value, verified: Option<&str>, allows_body_email: bool| {
        let mut body = valid_cart();
        body["email"] = named;
        if body["email"].is_null() {
            body.as_object_mut().unwrap().remove("email");
        }
        let cart = Cart::parse(&body, &person("usr_91xc", verified), allows_body_email);
        cart.map(|cart| (cart.email.reveal().to_string(), cart.has_email_of_token)).map_err(|invalid| {
            let error = invalid.errors.into_iter().next().unwrap();
            format!("{}: {}", error.field, error.reason)
        })
    };
    let (ada, bob) = ("ada@example.com", "bob@example.com");
    let of_token = Ok((ada.to_owned(), true));
    assert_eq!(read(Value::Null, Some(ada), false), of_token);
    assert_eq!(read(json!(ada), Some(ada), false), of_token);
    for other in [json!(bob), json!(7), json!("ada")] {
        let reason = "email: must be left out, or be the verified address of the token";
        assert_eq!(read(other, Some(ada), false), Err(reason.into()));
    }
    assert_eq!(read(json!(ada), None, false), Err("email: the token has no verified address".into()));
    // The deployment allows any address.
    assert_eq!(read(json!(bob), Some(ada), true), Ok((bob.to_owned(), false)));
    assert_eq!(read(json!(bob), None, true), Ok((bob.to_owned(), false)));
    assert_eq!(read(Value::Null, Some(ada), true), of_token);
    assert_eq!(read(Value::Null, None, true), Err("email: is required".into()));
}

#[test]
fn expected_total_is_an_amount_in_dollars() {
    let read = |total: Value| {
        let mut body = valid_cart();
        body["expected_total_usd"] = total;
        parse(&body)
            .map(|cart| cart.expected_total.unwrap().to_string())
            .map_err(|invalid| invalid.errors[0].reason.clone())
    };
    assert_eq!(read(json!(89.5)), Ok("89.50".into()));
    assert_eq!(read(json!(100)), Ok("100.00".into()));
    assert_eq!(read(json!("89.50")), Err("must be a number".into()));
    assert_eq!(read(Value::Null), Err("must be a number".into()));
    let amount = "must be an amount in dollars with at most two decimals, such as 89.50";
    for bad in [json!(89.505), json!(1e300), json!(1e-7)] {
        assert_eq!(read(bad.clone()), Err(amount.into()), "{bad}");
    }
    assert_eq!(parse(&valid_cart()).unwrap().expected_total, None);
}
