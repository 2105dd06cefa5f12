//! Input that was made to break what reads it, at both entrances: a clear error or the right outcome, nothing lost.
//!
//! Carts that are merely wrong are in `carts`, bodies that are nearly right in `untrusted`.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use switchyard_chassis::conformance::{event_id, order};
use yard::{Consumer, peek_dead_letters};

use crate::carts::{JSON, orders, refused};
use crate::world::{World, cart, order_id, text, user};

/// A name that would end a header, turn text around and hide parts of itself.
const NAME: &str = "Pay\u{200b}Pal \u{202e}gum\u{2066}\r\nBcc: eve@example.com";
/// What of it may be seen.
const SEEN: &str = "PayPal gum Bcc: eve@example.com";

/// Stands for `[[[[…]]]]` in the tables.
const DEEP: &str = "<deep>";

fn deep() -> String {
    "[".repeat(10_000) + &"]".repeat(10_000)
}

/// A good text with every occurrence of a part made hostile.
fn spoilt(good: &str, part: &str, hostile: &str) -> String {
    let bad = good.replace(part, &hostile.replace(DEEP, &deep()));
    assert_ne!(bad, good, "{part}");
    bad
}

#[tokio::test]
async fn a_hostile_cart_is_refused_by_the_name_of_its_field_and_changes_nothing() {
    let world = World::alone().await;
    let sku = world.stock("2.00", true, 50).await;
    let before = orders(&world).await;
    let good = cart("usr_1", &[(&sku, 1)]).to_string();
    let one = r#""quantity":1"#;
    let cases = [
        ("a deep field", r#""94107-4815""#, DEEP, 400, "line 1 column "),
        ("a deep field that nobody knows", r#""items""#, r#""x":<deep>,"items""#, 400, "line 1 column "),
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
        let body = spoilt(&good, part, hostile);
        let problem = refused(&world, name, body.as_bytes(), JSON, status).await;
        assert!(problem.to_string().contains(said), "{name}: {problem}");
    }
    assert_eq!(orders(&world).await, before);
}

#[tokio::test]
async fn what_a_cart_claims_beyond_its_fields_counts_for_nothing_and_a_hostile_name_is_mailed_as_one_plain_line() {
    let world = World::shared().await;
    let sku = world.stock("2.50", true, 5).await;
    let key = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
    let rename = world.cloud.dynamodb.update_item().table_name(&world.stack.orders_table);
    let rename = rename.set_key(Some([key("pk", &format!("SKU#{sku}")), key("sk", "STOCK")].into()));
    let rename = rename.update_expression("SET #n = :n").expression_attribute_names("#n", "name");
    rename.expression_attribute_values(":n", AttributeValue::S(NAME.into())).send().await.unwrap();

    let user = user();
    let mut cart = cart(&user, &[(&sku, 2)]);
    for (field, claim) in
        [("total_usd", json!(0.01)), ("placed_at", json!("9999-01-01T00:00:00Z")), ("order_id", json!("a#b"))]
    {
        cart[field] = claim;
    }
    let reply = world.api.checkout(&cart, &[]).await.unwrap();
    let (id, answer) = (order_id(&reply), reply.json());
    let placed_at: Timestamp = answer["placed_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(answer["total_usd"], 5.0);
    assert!(placed_at.duration_since(Timestamp::now()).abs() < SignedDuration::from_mins(1), "{placed_at}");
    assert!(id.starts_with("ord_") && !id.contains('#'), "{id}");

    world.done(&id).await;
    let mails = world.mails_to(&format!("{user}@example.com")).await;
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!(mail["Subject"], format!("Your order: {SEEN} ({id})"));
    assert_eq!(
        (&mail["To"], &mail["CC"], &mail["BCC"]),
        (&json!([format!("{user}@example.com")]), &json!([]), &json!([]))
    );
    assert!(!["\u{200b}", "\u{202e}", "\u{2066}"].iter().any(|hidden| mail.to_string().contains(hidden)), "{mail}");
    assert_eq!(world.mails_to("eve@example.com").await.len(), 0);
}

/// A body that cannot be applied, and what must be said of it.
struct Dead {
    name: &'static str,
    body: String,
    code: &'static str,
    said: &'static str,
}

/// One of each kind.
fn dead() -> Vec<Dead> {
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
        ("placed in a year to come", r#"placed_at":"2026"#, r#"placed_at":"2999"#, "detail.data.placed_at: lies more "),
    ];
    let ahead = [("from a year to come", r#"_at":"2026"#, r#"_at":"2999"#, "detail.metadata.occurred_at: lies more ")];
    let cases = malformed.into_iter().map(|case| (case, "malformed"));
    let cases = cases.chain(contradicting.into_iter().map(|case| (case, "inconsistent")));
    let cases = cases.chain(ahead.into_iter().map(|case| (case, "in_the_future")));
    let cases = (910..).zip(cases).map(|(n, ((name, part, hostile, said), code))| {
        let body = spoilt(&order(n), part, hostile);
        Dead { name, body, code, said }
    });
    let depth = Dead { name: "depth alone", body: deep(), code: "malformed", said: "invalid type: sequence" };
    cases.chain([depth]).collect()
}

/// Orders that look bad and are good.
fn done() -> Vec<String> {
    vec![
        order(940),
        spoilt(&order(941), r#""Enamel mug""#, &json!(NAME).to_string()),
        spoilt(&order(942), r#""user_id""#, r#""added_later":<deep>,"user_id""#),
        spoilt(&spoilt(&order(943), "44.75", "-0.0"), "101.50", "12.00"),
        order(944),
    ]
}

/// Hands a consumer all of it at once, and says what came to its dead-letter queue.
async fn feed(world: &World, consumer: &Consumer, bodies: &[String]) -> Vec<yard::DeadLetter> {
    world.enable(&consumer.name, false).await;
    for body in bodies {
        world.cloud.sqs.send_message().queue_url(&consumer.queue_url).message_body(body).send().await.unwrap();
    }
    world.enable(&consumer.name, true).await;
    world.quiet().await;
    let dead = peek_dead_letters(&world.cloud, &consumer.dlq_url).await.unwrap();
    world.cloud.sqs.purge_queue().queue_url(&consumer.dlq_url).send().await.unwrap();
    dead
}

#[tokio::test]
async fn a_hostile_event_is_dead_at_once_by_the_name_of_its_field_and_its_neighbours_are_done_by_every_consumer() {
    let world = World::alone().await;
    let (hostile, good) = (dead(), done());
    let mut bodies: Vec<_> = hostile.iter().map(|dead| dead.body.clone()).chain(good.clone()).collect();
    fastrand::shuffle(&mut bodies);
    let consumers: Vec<_> =
        world.stack.consumers.iter().filter(|consumer| consumer.event_types.contains("OrderPlaced")).collect();
    assert!(consumers.len() >= 6);
    let letters = join_all(consumers.iter().map(|consumer| feed(&world, consumer, &bodies))).await;
    for (consumer, letters) in consumers.iter().zip(letters) {
        let who = &consumer.name;
        assert_eq!(letters.len(), hostile.len(), "{who}: {letters:?}");
        for Dead { name, body, code, said } in &hostile {
            let letter = letters.iter().find(|letter| letter.body == *body);
            let said_of = &letter.unwrap_or_else(|| panic!("{who}: {name} is lost")).attributes;
            let error = &said_of["error"];
            assert_eq!([&said_of["error_code"], &said_of["receive_count"]], [code, "1"], "{who}: {name}");
            assert!(error.contains(said), "{who}: {name}: {error}");
            assert!(!error.replace("name@example.com", "").contains('@'), "{who}: {name}: {error}");
        }
        let rows = world.rows(&consumer.table).await;
        let applied = rows
            .iter()
            .filter(|row| row.contains_key("processed_at"))
            .filter_map(|row| row.get("event_id")?.as_s().ok());
        let applied: BTreeSet<_> = applied.map(String::as_str).collect();
        for body in &good {
            assert!(applied.contains(event_id(body).as_str()), "{who}: {body:.300}");
        }
    }
    let free = world.partition(world.table("tax"), "ORDER#ord_conformance943").await;
    assert_eq!((text(&free[0], "taxable_usd").as_str(), text(&free[0], "exempt_usd").as_str()), ("0", "12"));
    let mails = world.mails_to("ada@example.com").await;
    let named = mails.iter().find(|mail| mail["Subject"].as_str().unwrap().contains("(ord_conformance941)")).unwrap();
    assert_eq!(named["Subject"], format!("Your order: {SEEN} and 1 more (ord_conformance941)"));
}
