//! The audit accepts correct evidence, and finds each kind of damage.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use rust_decimal::Decimal;
use switchyard_chassis::{Key, Row, Value};
use switchyard_events::EventId;

use super::*;
use crate::cart::{AcceptedOrder, Cart, CartLine};
use crate::email_journal::EmailEvent;
use crate::order_log::Review;
use crate::products::Product;

const ID: &str = "ord_1";

fn row(pk: &str, sk: &str) -> Row {
    Row::new(Key::new(pk, sk))
}

fn cents(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

/// A mail with just the content that the one order's mail must have.
fn mail(to: &str) -> SentMail {
    SentMail { to: to.to_owned(), text: format!("{ID}, A: 2 x $5.005, B: 1 x $2.50, Total: $12.51") }
}

/// The pick of the one order, and its list.
fn warehouse_rows(pick: Item) -> Vec<Item> {
    let ids = || Value::from(vec![ID.into()]);
    let units = |sku: &str, quantity: u32| {
        Value::from([("sku", sku.into()), ("quantity", quantity.into()), ("order_ids", ids())])
    };
    vec![
        pick,
        row("ORDER#ord_1", "READY").set("wave", "1").into_item(),
        row("WAVE#1", "PAGE#00001")
            .set("order_ids", ids())
            .set("picks", vec![units("A", 2), units("B", 1)])
            .into_item(),
    ]
}

/// The one order: two products.
fn accepted_order() -> AcceptedOrder {
    let line =
        |sku: &str, quantity, taxable, amount| CartLine { sku: sku.into(), quantity, taxable, amount: cents(amount) };
    let cart = Cart {
        number: 1,
        key: "k".into(),
        user: "u".into(),
        email: "soak-1@example.com".into(),
        region: "CA",
        lines: vec![line("A", 2, true, 1001), line("B", 1, false, 250)],
        suspicious: false,
    };
    AcceptedOrder { cart, order_id: ID.into(), total: cents(1251), placed_at: "2026-11-21T09:00:00Z".into() }
}

/// Each consumer's rows after it has applied the order's event.
fn tables(order: &str, event: &EventId) -> Vec<(&'static str, Vec<Item>)> {
    let marked = |row: Row| row.set("event_id", event.as_str()).set("processed_at", "t").into_item();
    vec![
        ("analytics", analytics_rows(marked(row(order, "SALE")))),
        ("tax", tax_rows(marked(ledger_row(order)))),
        (
            "fraud",
            vec![
                marked(row(order, "SCORE").set("flagged", false)),
                row("USER#u", "PROFILE")
                    .set("orders", 1)
                    .set("spent_usd", cents(1251))
                    .set("recent", vec![Value::from(1)])
                    .into_item(),
            ],
        ),
        ("warehouse", warehouse_rows(marked(row(order, "PICK")))),
        (
            "recommendations",
            vec![
                marked(row("USER#u", "PURCHASE#t#ord_1")),
                row("SKU#A", "WITH#B#1").set("orders", 1).into_item(),
                row("SKU#B", "WITH#A#1").set("orders", 1).into_item(),
                row("TOUCHED", "2026-11-21T09:07#3").set("USER#u", 1).into_item(),
                row("USER#u", "FEATURES").set("top", Value::from(Vec::<Value>::new())).into_item(),
            ],
        ),
        ("email", vec![marked(row(order, "EVENT#1"))]),
        ("orders", vec![row(order, "STATUS#2#confirmed").into_item()]),
    ]
}

fn analytics_rows(sale: Item) -> Vec<Item> {
    let sums = |sk: &str, units: u32, revenue| {
        row("DAY#2026-11-21", sk).set("orders", 1).set("units", units).set("revenue_usd", cents(revenue)).into_item()
    };
    vec![sale, sums("REGION#US-CA#5", 3, 1251), sums("SKU#A#5", 2, 1001), sums("SKU#B#5", 1, 250)]
}

fn ledger_row(order: &str) -> Row {
    row(order, "LEDGER#US-CA").set("year", 2026).set("taxable_usd", cents(1001)).set("exempt_usd", cents(250))
}

fn tax_rows(ledger: Item) -> Vec<Item> {
    let sums = row("JURISDICTION#US-CA", "YEAR#2026#11#0").set("revenue_usd", cents(1251)).set("transactions", 1);
    vec![ledger, sums.set("taxable_usd", cents(1001)).set("exempt_usd", cents(250)).into_item()]
}

/// One order of two products, applied by all consumers, and its wave released.
fn evidence() -> Evidence {
    let product = |sku: &str, stock| Product { sku: sku.into(), price: cents(1), taxable: true, stock };
    let event = EventId::derive("OrderPlaced", ID, 1);
    let metadata = serde_json::json!({
        "event_id": event.as_str(), "event_type": "OrderPlaced", "version": 1, "occurred_at": "2026-11-21T09:00:00Z",
        "producer": "checkout", "correlation_id": "x", "causation_id": null, "traceparent": null,
        "aggregate": {"type": "order", "id": ID, "sequence": 1},
    });
    let detail = format!(r#"{{"metadata":{metadata}}}"#);
    let outbox = format!(r#"[{{"source":"s","detail_type":"OrderPlaced","detail":{detail}}}]"#);
    let order = format!("ORDER#{ID}");
    let tables = tables(&order, &event);
    let event_types = |name: &str| if name == "orders" { vec![] } else { vec!["OrderPlaced".to_owned()] };
    let now = Timestamp::UNIX_EPOCH;
    let sent = [
        EmailEvent::LeaseAcquired { at: now, until: now },
        EmailEvent::Sent { delivered: true },
        EmailEvent::Completed,
    ];
    Evidence {
        accepted: vec![accepted_order()],
        products: vec![product("A", 10), product("B", 10)],
        event_types: tables
            .iter()
            .map(|(name, _)| ((*name).to_owned(), event_types(name).into_iter().collect()))
            .collect(),
        tables: tables.into_iter().map(|(name, rows)| (name.to_owned(), rows)).collect(),
        orders: vec![
            row(&order, "ORDER").set("v", 1).into_item(),
            row(&order, "STATUS#2#confirmed").into_item(),
            row(&order, "STATUS#9#picking").into_item(),
            row("SKU#A", "STOCK").set("stock", 8).into_item(),
            row("SKU#B", "STOCK").set("stock", 9).into_item(),
            row("USER#caller#usr_1", &format!("ORDER#2026-11-21T10:00:00.000Z#{ID}")).set("outbox", outbox).into_item(),
        ],
        mails: vec![mail("soak-1@example.com")],
        journal: [(event.to_string(), sent.to_vec())].into(),
        jobs_done: true,
        ..Evidence::default()
    }
}

#[test]
fn audit_accepts_correct_evidence() {
    assert_eq!(audit(&evidence()), Findings::default());
}

#[test]
fn audit_finds_each_missing_consumer_row() {
    for (consumer, rows) in &evidence().tables {
        for place in (0..rows.len()).filter(|_| consumer != "orders") {
            let mut damaged = evidence();
            damaged.tables.get_mut(consumer).unwrap().remove(place);
            let found = audit(&damaged);
            assert!(!found.lost.is_empty(), "{consumer} row {place}: {found:?}");
        }
    }
}

#[test]
fn audit_finds_each_doubled_number() {
    let mut checked = 0;
    for (consumer, rows) in &evidence().tables {
        for (place, row) in rows.iter().enumerate() {
            for (name, value) in row.iter().filter(|(name, value)| value.is_n() && *name != "year") {
                let twice = value.as_n().unwrap().parse::<Decimal>().unwrap() * Decimal::TWO;
                let mut damaged = evidence();
                damaged.tables.get_mut(consumer).unwrap()[place]
                    .insert(name.clone(), AttributeValue::N(twice.to_string()));
                let found = audit(&damaged);
                assert!(!found.doubled.is_empty(), "{consumer} {name}: {found:?}");
                checked += 1;
            }
        }
    }
    assert!(checked > 15, "{checked}");
}

#[test]
fn cancelled_order_leaves_only_its_time_in_fraud_profile() {
    let check = |orders: u32, usd: Decimal, times: Vec<Value>, early: u32| {
        let mut cancelled = evidence();
        cancelled.orders.push(row("ORDER#ord_1", "STATUS#6#cancelled").into_item());
        let profile = row("USER#u", "PROFILE").set("orders", orders).set("spent_usd", usd).set("recent", times);
        let profile = profile.set("early_cancellations", early).into_item();
        cancelled.tables.get_mut("fraud").unwrap()[1] = profile;
        let found = audit(&cancelled);
        let reported = found.lost.into_iter().chain(found.doubled).filter(|line| line.starts_with("fraud:"));
        reported.count()
    };
    let time = || vec![Value::from(1)];
    assert_eq!(check(0, cents(0), time(), 0), 0);
    assert_eq!(check(1, cents(1251), time(), 0), 2, "not forgotten");
    assert_eq!(check(0, cents(0), Vec::new(), 0), 1, "its time is forgotten, too");
    assert_eq!(check(0, cents(0), time(), 1), 1, "its order is still missing");
}

#[test]
fn event_applied_in_two_rows_is_a_duplicate() {
    let mut damaged = evidence();
    let tax = damaged.tables.get_mut("tax").unwrap();
    let mut again = tax[0].clone();
    again.insert("sk".into(), AttributeValue::S("LEDGER#US-NY".into()));
    tax.push(again);
    assert!(audit(&damaged).doubled.iter().any(|line| line.contains("was applied in")));
}

#[test]
fn orders_and_stock_match_checkout_responses() {
    let check = |damage: fn(&mut Evidence), lost: bool| {
        let mut damaged = evidence();
        damage(&mut damaged);
        let found = audit(&damaged);
        assert_eq!((found.lost.is_empty(), found.doubled.is_empty()), (!lost, lost), "{found:?}");
    };
    check(|evidence| drop(evidence.orders.remove(3)), false);
    check(|evidence| evidence.orders[3] = row("SKU#A", "STOCK").set("stock", 9).into_item(), true);
    check(|evidence| evidence.orders.push(row("ORDER#ord_2", "ORDER").into_item()), false);
    check(|evidence| evidence.orders.push(row("ORDER#ord_1", "STATUS#2#flagged").into_item()), false);
    check(|evidence| drop(evidence.orders.remove(1)), true);
    check(|evidence| drop(evidence.orders.pop()), true);
    check(|evidence| evidence.accepted[0].total = cents(1300), false);
}

#[test]
fn each_order_has_one_mail_and_no_other_mail_exists() {
    let mut damaged = evidence();
    damaged.mails.push(mail("soak-1@example.com"));
    assert_eq!(audit(&damaged).mails_outside.len(), 1, "the proxy saw one");
    damaged.journal.values_mut().next().unwrap().insert(1, EmailEvent::Sent { delivered: false });
    let found = audit(&damaged);
    assert_eq!((found.mails_inside.len(), found.mails_outside.len()), (1, 0));
    damaged.mails.push(mail("ada@example.com"));
    assert_eq!(audit(&damaged).doubled.len(), 1);
    damaged.mails.clear();
    assert!(audit(&damaged).lost.iter().any(|line| line.contains("no mail")));
}

#[test]
fn cancelled_order_has_both_mails_or_only_the_second() {
    let cancelled_mail =
        SentMail { text: format!("Your order is cancelled {}", mail("x").text), ..mail("soak-1@example.com") };
    let mut cancelled = evidence();
    cancelled.orders.push(row("ORDER#ord_1", "STATUS#6#cancelled").into_item());
    let second = EventId::derive("OrderCancelled", ID, 6).to_string();
    cancelled.journal.insert(second.clone(), vec![EmailEvent::Sent { delivered: true }, EmailEvent::Completed]);
    let email = |evidence: &Evidence| {
        let found = audit(evidence);
        let lines = [found.lost, found.doubled, found.mails_inside, found.mails_outside].concat();
        lines.into_iter().filter(|line| line.starts_with("email:")).collect::<Vec<_>>()
    };
    assert_eq!(email(&cancelled).len(), 2, "it has no second mail, which the proxy saw");
    cancelled.mails.push(cancelled_mail);
    assert_eq!(email(&cancelled), Vec::<String>::new());
    let first = EventId::derive("OrderPlaced", ID, 1).to_string();
    cancelled.mails.remove(0);
    cancelled.journal.insert(first, vec![EmailEvent::Superseded]);
    assert_eq!(email(&cancelled), Vec::<String>::new());
    cancelled.journal.clear();
    assert_eq!(email(&cancelled).len(), 2, "the first mail was not superseded, and the proxy saw no second one");
    let mut kept = cancelled;
    kept.orders.pop();
    assert!(email(&kept).iter().any(|line| line.contains("is not cancelled")));
}

#[test]
fn request_to_cancel_is_stored_unless_it_is_refused_at_once() {
    let check = |client: &str, stored: &[&str], listed: bool, expected: &[&str]| {
        let mut evidence = evidence();
        let order = || BTreeSet::from([ID.to_owned()]);
        match client {
            "accepted" => evidence.cancellations = order(),
            "refused" => evidence.too_late = order(),
            _ => {}
        }
        evidence.orders.extend(stored.iter().map(|sk| row("ORDER#ord_1", sk).into_item()));
        if !listed {
            evidence.tables.get_mut("warehouse").unwrap().clear();
            evidence.orders.retain(|row| Key::from_item(row).unwrap().sk != "STATUS#9#picking");
        }
        let found = audit(&evidence);
        let reported =
            found.lost.into_iter().chain(found.doubled).filter(|line| line.starts_with("orders: ")).collect::<Vec<_>>();
        assert_eq!(reported, expected, "{client} {stored:?} {listed}");
    };
    let refused = ["CANCELLATION", "STATUS#5#too_late"];
    check("accepted", &refused, true, &[]);
    check("refused", &refused, true, &[]);
    check("refused", &[], true, &[]);
    check("accepted", &refused[..1], true, &["orders: status: ord_1 5#too_late is missing"]);
    check("accepted", &[], true, &["orders: the request to cancel ord_1 was accepted and is not stored"]);
    check("", &refused, true, &["orders: a request to cancel ord_1 is stored, and no owner knows of it"]);
    check("refused", &refused[1..], true, &["orders: status: ord_1 5#too_late should not be"]);
    check("refused", &[], false, &["orders: it was too late to cancel ord_1, which is on no list"]);
    check("accepted", &refused[..1], false, &["orders: status: ord_1 6#cancelled is missing"]);
}

#[test]
fn request_to_cancel_rejected_order_need_not_be_stored() {
    let check = |review: Option<Review>, is_needed: bool| {
        let mut evidence = evidence();
        evidence.cancellations.insert(ID.to_owned());
        evidence.reviews.extend(review.map(|review| (ID.to_owned(), review)));
        evidence.orders.push(row("ORDER#ord_1", "STATUS#6#cancelled").into_item());
        let is_reported = audit(&evidence).lost.iter().any(|line| line.contains("request to cancel"));
        assert_eq!(is_reported, is_needed, "{review:?}");
    };
    check(Some(Review::Rejected), false);
    check(Some(Review::Confirmed), true);
    check(None, true);
}

#[test]
fn review_is_stored_once_and_ends_the_wait() {
    let check = |stored: &[&str], waits: bool, reported: usize| {
        let mut evidence = evidence();
        evidence.reviews.insert(ID.to_owned(), Review::Rejected);
        let fraud = evidence.tables.get_mut("fraud").unwrap();
        fraud.extend(stored.iter().map(|verdict| row("ORDER#ord_1", "REVIEW").set("verdict", *verdict).into_item()));
        if waits {
            fraud.push(row("ORDER#ord_1", "SCORE").pending("REVIEW", Timestamp::UNIX_EPOCH).into_item());
        }
        let found = audit(&evidence);
        let lines = found.lost.iter().chain(&found.doubled).filter(|line| line.starts_with("fraud:"));
        assert_eq!(lines.count(), reported, "{stored:?} {waits}: {found:?}");
    };
    check(&["rejected"], false, 0);
    check(&["rejected"], true, 1);
    check(&[], false, 1);
    check(&["confirmed"], false, 2);
}

#[test]
fn threshold_is_announced_only_if_it_is_crossed() {
    let check = |region: &'static str, dollars: i64, announced: bool, expected: &[&str]| {
        let mut evidence = evidence();
        let cart = &mut evidence.accepted[0].cart;
        (cart.region, cart.lines[0].amount) = (region, Decimal::from(dollars));
        if announced {
            let crossed = row(&format!("JURISDICTION#US-{region}"), "CROSSED#2026").into_item();
            evidence.tables.get_mut("tax").unwrap().push(crossed);
        }
        let found = audit(&evidence);
        let reported: Vec<_> =
            found.lost.iter().chain(&found.doubled).filter(|line| line.starts_with("tax: threshold")).collect();
        assert_eq!(reported, expected, "{region} {dollars}");
    };
    check("WA", 100_001, true, &[]);
    check("WA", 100_001, false, &["tax: threshold passed: US-WA is missing"]);
    check("WA", 90_000, true, &["tax: threshold passed: US-WA should not be"]);
    check("FL", 100_000, false, &[]); // the other line is exempt
    check("FL", 100_001, false, &["tax: threshold passed: US-FL is missing"]);
    check("NY", 900_000, false, &[]); // too few orders
    check("OR", 900_000, false, &[]);
}

#[test]
fn missing_job_results_are_lost_only_after_all_jobs() {
    let check = |consumer: &str, sk: &str| {
        let mut evidence = evidence();
        let table = evidence.tables.get_mut(consumer).unwrap();
        table.retain(|row| !Key::from_item(row).unwrap().sk.starts_with(sk));
        assert!(!audit(&evidence).lost.is_empty(), "{consumer} {sk}");
        evidence.jobs_done = false;
        if consumer == "warehouse" {
            evidence.orders.retain(|row| Key::from_item(row).unwrap().sk != "STATUS#9#picking");
            let table = evidence.tables.get_mut(consumer).unwrap();
            table.retain(|row| !Key::from_item(row).unwrap().sk.starts_with("READY"));
        }
        assert_eq!(audit(&evidence), Findings::default(), "{consumer} {sk}");
    };
    check("recommendations", "FEATURES");
    check("warehouse", "PAGE#");
}
