//! Rows of every version.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use switchyard_events::{Cause, CorrelationId, Fact};

use super::*;
use crate::ListedOrder;

/// A row in a file: text and numbers by their names.
fn row(file: &str) -> Item {
    let fields: BTreeMap<String, Value> = serde_json::from_str(file).unwrap();
    let value = |value: &Value| match value {
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        // The outbox is text in the row, and readable in the file.
        other => AttributeValue::S(other.to_string()),
    };
    fields.iter().map(|(name, field)| (name.clone(), value(field))).collect()
}

fn v0() -> Item {
    row(include_str!("v0.json"))
}

fn v1() -> Item {
    row(include_str!("v1.json"))
}

#[test]
fn stored_order_of_version_1_round_trips() {
    let order = StoredOrder::from_row(&v1()).unwrap();
    assert_eq!(order.to_row().unwrap().into_item(), v1());
    assert_eq!(StoredOrder::VERSION, 1, "a new version needs a fixture and a conversion of its own");
}

#[test]
fn stored_order_of_version_0_is_the_same_order() {
    let (old, new) = (StoredOrder::from_row(&v0()).unwrap(), StoredOrder::from_row(&v1()).unwrap());
    assert_eq!(old.to_placed(), new.to_placed());
    assert_eq!((&old.caller, old.request_hash.as_str()), (&new.caller, "7wfc6vtyv3qb3kxzl4iv3vgsxe"));
    assert!(new.to_placed().validate().is_ok());
}

#[test]
fn order_row_of_unknown_version_or_form_is_refused() {
    let changed = |name: &str, value: Option<AttributeValue>| {
        let mut row = v1();
        row.remove(name);
        row.extend(value.map(|value| (name.to_owned(), value)));
        StoredOrder::from_row(&row).unwrap_err().to_string()
    };
    let number = |number: &str| Some(AttributeValue::N(number.into()));
    let text = |text: &str| Some(AttributeValue::S(text.into()));
    assert_eq!(changed("v", number("2")), "order row: version 2 is not known; update this function");
    assert_eq!(changed("v", number("0")), "order row: version 0 is not known; update this function");
    assert_eq!(changed("v", text("1")), "order row: version 0 is not known; update this function");
    assert_eq!(changed("v", None), "order row: outbox is missing");
    assert_eq!(changed("email", None), "order row: email is missing");
    assert_eq!(changed("address", text("US CA")), "order row: address is missing");
    assert_eq!(changed("placed_at", text("soon")), "order row: placed_at is no time");
    assert!(changed("lines", text("[[]]")).starts_with("order row: invalid length"));
}

/// Names and values in UTF-8, and a number at one byte for two digits and one more, as DynamoDB counts them
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>, 2026-11-21).
fn size(row: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len().div_ceil(2) + 1,
        other => panic!("{other:?}"),
    };
    row.iter().map(|(name, field)| name.len() + value(field)).sum()
}

/// The write units of an order of so many lines: in a transaction, two for each started kilobyte of each row.
fn write_units(lines: usize) -> (usize, usize) {
    let mut order = StoredOrder::from_row(&v1()).unwrap();
    order.id = OrderId::derive("caller", "key");
    order.user_id = UserId::parse("usr_91xc07ab34cd").unwrap();
    order.email = Redacted::new(EmailAddress::parse("ada.lovelace@example.com").unwrap());
    let line =
        |index: usize| OrderLine { sku: Sku::parse(format!("MUG-CAMP-{index:03}")).unwrap(), ..order.lines[0].clone() };
    order.lines = (0..lines).map(line).collect();
    order.total = OrderPlaced::sum(&order.lines);
    order.request_hash = format!("2:{}", order.caller);
    let cause = Cause {
        correlation_id: CorrelationId::parse(order.id.as_str()).unwrap(),
        causation_id: None,
        traceparent: None,
    };
    let listed = ListedOrder::row(&order, cause.clone()).unwrap().into_item();
    let stored = order.to_row().unwrap().into_item();
    // Version 0: one row with caller, user, hash and outbox.
    let old = Row::new(order_key(&order.id))
        .set("caller", order.caller.as_str())
        .set("request_hash", order.caller.as_str())
        .set("user_id", order.user_id.as_str());
    let mut old = old.into_item();
    old.insert(OutboxEntry::ATTRIBUTE.to_owned(), listed[OutboxEntry::ATTRIBUTE].clone());
    let units = |row: &Item| 2 * size(row).div_ceil(1024);
    (units(&old) + 2 * lines, units(&stored) + units(&listed) + 2 * lines)
}

#[test]
fn order_costs_the_documented_write_units() {
    assert_eq!([1, 2, 6].map(write_units), [(4, 6), (6, 8), (16, 18)]);
}

#[test]
fn listed_order_round_trips_and_names_its_event() {
    let order = StoredOrder::from_row(&v1()).unwrap();
    let cause = Cause { correlation_id: CorrelationId::parse("c-1").unwrap(), causation_id: None, traceparent: None };
    let row = ListedOrder::row(&order, cause).unwrap().into_item();
    let expected = ListedOrder { id: order.id.clone(), total: order.total, placed_at: order.placed_at };
    assert_eq!(ListedOrder::from_row(&row).unwrap(), expected);
    let sk = text_of(&row, "sk").unwrap();
    assert_eq!(sk, "ORDER#2026-05-26T14:23:01.123Z#ord_8h2a");
    let event: Value = serde_json::from_str(text_of(&row, "outbox").unwrap()).unwrap();
    assert_eq!(event[0]["detail"]["metadata"]["aggregate"], json!({"type": "order", "id": "ord_8h2a", "sequence": 1}));
    assert_eq!(event[0]["source"], "switchyard.checkout");
}
