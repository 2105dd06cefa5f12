//! Hostile messages: each goes to the dead-letter queue with a clear error, or is applied.
//!
//! Bodies that are nearly right are in `untrusted_input`.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;
use switchyard_chassis::conformance::{event_id, order};
use yard::{Consumer, peek_dead_letters};

use crate::support::hostile_text::{DEEP, HOSTILE_NAME, PRINTED_NAME, deep_json, replace_with_hostile};
use crate::support::{TestStack, text};

/// A body that cannot be applied, and the expected dead letter.
struct InvalidMessage {
    name: &'static str,
    body: String,
    code: &'static str,
    error_part: &'static str,
}

/// One message of each kind.
fn invalid_messages() -> Vec<InvalidMessage> {
    let (two, total) = (r#""quantity":2"#, r#""total_usd":101.50"#);
    let malformed = [
        ("a deep field", r#""94107""#, DEEP, "detail.data.ship_to.postal_code: "),
        ("a second total", total, r#""total_usd":1.00,"total_usd":101.50"#, "duplicate field `total_usd`"),
        ("a second event", r#""detail":"#, r#""detail":null,"detail":"#, "detail: invalid type: null"),
        ("NaN", total, r#""total_usd":NaN"#, "detail.data: expected value at line 1 "),
        ("more than any amount", total, r#""total_usd":1e30"#, "detail.data.total_usd: must be an amount"),
        ("a number above all", two, r#""quantity":1e400"#, "detail.data.items[0].quantity: number out of range"),
        ("a number above u64", two, r#""quantity":99999999999999999999"#, "detail.data.items[0].quantity: "),
        ("negative zero", two, r#""quantity":-0"#, "detail.data.items[0].quantity: "),
        ("a lone surrogate", "Enamel mug", r"\udc00", "detail.data.items[0].name: "),
        ("an order with a #", "ord_conformance", "ord#", "detail.metadata.aggregate.id: must be 1 to 64 "),
        ("a user with nothing to see", "usr_91xc", "\u{200b}", "detail.data.user_id: must be 1 to 64 "),
        ("a mail address turned around", "ada@", "\u{202e}ada@", "detail.data.email: must be a mail address "),
        ("a mail address on two lines", "ada@", r"ada@x.org\r\nBcc: eve@", "detail.data.email: must be a mail "),
        ("a time after all times", r#"placed_at":"2026"#, r#"placed_at":"99999"#, "detail.data.placed_at: "),
    ];
    let contradicting = [
        ("another total", total, r#""total_usd":1.50"#, "detail.data: total_usd is not the sum of the items"),
        ("a total below zero", total, r#""total_usd":-101.50"#, "detail.data: total_usd is not the sum of the items"),
        ("placed in a year to come", r#"placed_at":"2026"#, r#"placed_at":"2999"#, "detail.data.placed_at: is more "),
    ];
    let ahead = [("from a year to come", r#"_at":"2026"#, r#"_at":"2999"#, "detail.metadata.occurred_at: is more ")];
    let cases = malformed.into_iter().map(|case| (case, "malformed"));
    let cases = cases.chain(contradicting.into_iter().map(|case| (case, "inconsistent")));
    let cases = cases.chain(ahead.into_iter().map(|case| (case, "in_the_future")));
    let cases = (910..).zip(cases).map(|(n, ((name, part, hostile, error_part), code))| {
        let body = replace_with_hostile(&order(n), part, hostile);
        InvalidMessage { name, body, code, error_part }
    });
    let depth = InvalidMessage {
        name: "depth alone",
        body: deep_json(),
        code: "malformed",
        error_part: "invalid type: sequence",
    };
    cases.chain([depth]).collect()
}

/// Orders that look suspicious and are valid.
fn valid_messages() -> Vec<String> {
    vec![
        order(940),
        replace_with_hostile(&order(941), r#""Enamel mug""#, &json!(HOSTILE_NAME).to_string()),
        replace_with_hostile(&order(942), r#""user_id""#, r#""added_later":<deep>,"user_id""#),
        replace_with_hostile(&replace_with_hostile(&order(943), "44.75", "-0.0"), "101.50", "12.00"),
        order(944),
    ]
}

/// Sends all bodies to a consumer's queue and returns the dead letters.
async fn send_all(stack: &TestStack, consumer: &Consumer, bodies: &[String]) -> Vec<yard::DeadLetter> {
    stack.disable(&consumer.name).await;
    for body in bodies {
        stack.cloud.sqs.send_message().queue_url(&consumer.queue_url).message_body(body).send().await.unwrap();
    }
    stack.enable(&consumer.name).await;
    stack.wait_until_idle().await;
    let dead = peek_dead_letters(&stack.cloud, &consumer.dlq_url).await.unwrap();
    stack.cloud.sqs.purge_queue().queue_url(&consumer.dlq_url).send().await.unwrap();
    dead
}

#[tokio::test]
async fn hostile_event_goes_to_dlq_naming_its_field() {
    let stack = TestStack::exclusive().await;
    let (hostile, good) = (invalid_messages(), valid_messages());
    let mut bodies: Vec<_> = hostile.iter().map(|dead| dead.body.clone()).chain(good.clone()).collect();
    fastrand::shuffle(&mut bodies);
    let consumers: Vec<_> =
        stack.deployed.consumers.iter().filter(|consumer| consumer.event_types.contains("OrderPlaced")).collect();
    assert!(consumers.len() >= 6);
    let dead_letters = join_all(consumers.iter().map(|consumer| send_all(&stack, consumer, &bodies))).await;
    for (consumer, dead_letters) in consumers.iter().zip(dead_letters) {
        let consumer_name = &consumer.name;
        assert_eq!(dead_letters.len(), hostile.len(), "{consumer_name}: {dead_letters:?}");
        for InvalidMessage { name, body, code, error_part } in &hostile {
            let dead_letter = dead_letters.iter().find(|dead_letter| dead_letter.body == *body);
            let attributes = &dead_letter.unwrap_or_else(|| panic!("{consumer_name}: {name} is lost")).attributes;
            let error = &attributes["error"];
            assert_eq!(
                [&attributes["error_code"], &attributes["receive_count"]],
                [code, "1"],
                "{consumer_name}: {name}"
            );
            assert!(error.contains(error_part), "{consumer_name}: {name}: {error}");
            assert!(!error.replace("name@example.com", "").contains('@'), "{consumer_name}: {name}: {error}");
        }
        let rows = stack.scan(&consumer.table).await;
        let applied = rows
            .iter()
            .filter(|row| row.contains_key("processed_at"))
            .filter_map(|row| row.get("event_id")?.as_s().ok());
        let applied: BTreeSet<_> = applied.map(String::as_str).collect();
        for body in &good {
            assert!(applied.contains(event_id(body).as_str()), "{consumer_name}: {body:.300}");
        }
    }
    let free = stack.query(stack.table_of("tax"), "ORDER#ord_conformance943").await;
    assert_eq!((text(&free[0], "taxable_usd").as_str(), text(&free[0], "exempt_usd").as_str()), ("0", "12"));
    let mails = stack.mails_to("ada@example.com").await;
    let named = mails.iter().find(|mail| mail["Subject"].as_str().unwrap().contains("(ord_conformance941)")).unwrap();
    assert_eq!(named["Subject"], format!("Your order: {PRINTED_NAME} and 1 more (ord_conformance941)"));
}
