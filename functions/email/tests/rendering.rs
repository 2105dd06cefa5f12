//! Rendered mails, compared with reviewed files in `golden/`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p email` rewrites the files.

#![allow(clippy::unwrap_used)] // a failing helper fails its test

use std::fs;
use std::path::Path;

use email::{Mail, Templates};
use switchyard_events::{
    CancellationReason, Envelope, Fact, OrderCancelled, OrderLine, OrderPlaced, PlacedOrCancelled, Quantity, Sku,
};

const SAMPLE: &str = include_str!("../../../events/samples/OrderPlaced.v1.json");
const HOSTILE: &str = include_str!("samples/hostile.OrderPlaced.v1.json");

fn order(sample: &str) -> OrderPlaced {
    let order = serde_json::from_str::<Envelope<OrderPlaced>>(sample).unwrap().data;
    order.validate().unwrap();
    order
}

fn compose(order: &OrderPlaced) -> Mail {
    Templates::default().compose(&PlacedOrCancelled::Placed(Box::new(order.clone()))).unwrap()
}

fn compose_cancelled(order: &OrderPlaced, reason: CancellationReason) -> Mail {
    let cancelled_at = "2026-05-26T14:24:12Z".parse().unwrap();
    let cancelled = OrderCancelled { order: order.clone(), reason, cancelled_at };
    Templates::default().compose(&PlacedOrCancelled::Cancelled(Box::new(cancelled))).unwrap()
}

fn check(golden: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(golden);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "{golden} differs from the rendered mail; update it with UPDATE_GOLDEN=1 and review it\n{actual}"
    );
}

#[test]
fn order_mail_equals_the_golden_files() {
    let mail = compose(&order(SAMPLE));
    assert_eq!(mail.subject, "Your order: Enamel mug and 1 more (ord_8h2a)");
    check("order.txt", &mail.text);
    check("order.html", &mail.html);
}

#[test]
fn cancellation_mails_equal_the_golden_files() {
    let mail = compose_cancelled(&order(SAMPLE), CancellationReason::Requested);
    assert_eq!(mail.subject, "Cancelled: Enamel mug and 1 more (ord_8h2a)");
    check("requested.txt", &mail.text);
    check("requested.html", &mail.html);
    let mail = compose_cancelled(&order(SAMPLE), CancellationReason::Rejected);
    check("rejected.txt", &mail.text);
    check("rejected.html", &mail.html);
}

#[test]
fn first_mail_promises_nothing_that_is_not_decided() {
    let Mail { subject, text, html } = compose(&order(SAMPLE));
    for part in [subject, text, html] {
        let part = part.to_lowercase();
        for promise in ["confirm", "ship", "will be", "ready", "on its way", "accepted"] {
            assert!(!part.contains(promise), "{promise} in {part}");
        }
    }
}

#[test]
fn rejection_mail_does_not_say_why() {
    let Mail { subject, text, html } = compose_cancelled(&order(SAMPLE), CancellationReason::Rejected);
    for part in [subject, text, html] {
        assert!(!["fraud", "suspicious", "score", "review"].iter().any(|word| part.contains(word)), "{part}");
    }
}

#[test]
fn hostile_order_mail_equals_the_golden_files() {
    let mail = compose(&order(HOSTILE));
    assert_eq!(mail.subject, "Your order: <script>alert(document.cookie)</script> and 10 more (ord_h.0st1le)");
    check("hostile.txt", &mail.text);
    check("hostile.html", &mail.html);
}

#[test]
fn hostile_name_adds_no_markup_and_no_template_code() {
    let html = compose(&order(HOSTILE)).html;
    for bad in ["<script", "<img", "onerror='"] {
        assert!(!html.contains(bad), "{bad}");
    }
    assert!(html.contains("&lt;script&gt;alert(document.cookie)&lt;&#x2f;script&gt;"));
    assert!(html.contains("&amp;lt;b&amp;gt;already escaped"));
    assert!(html.contains("{{ 7 * 7 }}{% raw %}"));
    // The same number of tags as with plain names.
    let mut plain = order(HOSTILE);
    for item in &mut plain.items {
        item.name = "plain".into();
    }
    assert_eq!(html.matches('<').count(), compose(&plain).html.matches('<').count());
}

#[test]
fn hostile_name_adds_no_line_to_the_text() {
    let lines = |order: &OrderPlaced| compose(order).text.lines().count();
    let hostile = order(HOSTILE);
    let mut plain = hostile.clone();
    for item in &mut plain.items {
        item.name = "plain".into();
    }
    assert_eq!(lines(&hostile), lines(&plain));
    let text = compose(&hostile).text;
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    assert_eq!(text.lines().filter(|line| line.starts_with("Total:")).count(), 1);
}

#[test]
fn subject_is_one_short_line_for_any_product_name() {
    for item in order(HOSTILE).items {
        let mut order = order(HOSTILE);
        order.items = vec![item];
        let subject = compose(&order).subject;
        assert!(subject.chars().count() <= 150, "{subject}");
        assert!(!subject.chars().any(char::is_control), "{subject:?}");
        assert!(subject.starts_with("Your order: ") && subject.ends_with(" (ord_h.0st1le)"), "{subject}");
    }
}

#[test]
fn largest_order_mail_is_below_the_gmail_clip_size() {
    let mut order = order(SAMPLE);
    let line = |index: usize| OrderLine {
        sku: Sku::parse(format!("{index:064}")).unwrap(),
        name: "/".repeat(1000),
        quantity: Quantity::try_from(1000).unwrap(),
        ..order.items[0].clone()
    };
    order.items = (0..50).map(line).collect();
    let size = compose(&order).html.len();
    assert!(size < 102 * 1024, "{size} bytes");
}

#[test]
fn mail_does_not_contain_the_customer_address() {
    for mail in [compose(&order(SAMPLE)), compose_cancelled(&order(SAMPLE), CancellationReason::Rejected)] {
        assert!(!format!("{mail:?}").contains("ada@example.com"));
    }
}
