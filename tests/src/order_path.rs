//! One order, from the API to every table and the mail.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use rust_decimal::Decimal;
use serde_json::json;
use switchyard_chassis::{Key, Table};

use crate::world::{Item, World, cart, text, user};

/// A row without its key and without what differs from run to run.
fn says(row: &Item) -> BTreeMap<String, String> {
    let volatile = ["pk", "sk", "processed_at", "lag_ms", "placed_at", "expires_at", "outbox", "reference"];
    let stays = row.keys().filter(|name| !volatile.contains(&name.as_str()));
    stays.map(|name| (name.clone(), text(row, name))).collect()
}

fn row(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn sums(world: &World, consumer: &str, key: Key) -> BTreeMap<String, Decimal> {
    let table = Table::new(world.cloud.dynamodb.clone(), world.table(consumer));
    table.sum_shards(&key).await.unwrap()
}

fn difference(before: &BTreeMap<String, Decimal>, after: &BTreeMap<String, Decimal>) -> BTreeMap<String, String> {
    let grown = |name: &String, now: &Decimal| now - before.get(name).copied().unwrap_or_default();
    after.iter().map(|(name, now)| (name.clone(), grown(name, now).normalize().to_string())).collect()
}

#[tokio::test]
#[allow(clippy::too_many_lines)] // one order, one reading of everything it left
async fn an_order_reaches_all_and_each_table_and_the_mailbox_hold_exactly_its_effect() {
    let world = World::alone().await;
    let user = user();
    let mug = world.stock("44.75", true, 5).await;
    let tea = world.stock("12.01", false, 5).await;
    let mut order = cart(&user, &[(&mug, 2), (&tea, 3)]);
    order["ship_to"]["region"] = json!("OR");
    let today = jiff::Timestamp::now().to_string()[..10].to_owned();
    let year: i16 = today[..4].parse().unwrap();
    let day = analytics::rollup_key(&today);
    let state = tax::rollup_key("US-OR", year);
    let (sold, taxed) = (sums(&world, "analytics", day.clone()).await, sums(&world, "tax", state.clone()).await);

    let reply = world.api.checkout(&order, &[]).await.unwrap();
    let id = crate::world::order_id(&reply);
    // 2 × 44.75 + 3 × 12.01, to the cent.
    assert!(String::from_utf8_lossy(&reply.body).contains("\"total_usd\":125.53"), "{:?}", reply.json());
    let trace = world.done(&id).await;
    let event = trace.event_id.as_str();
    let pk = format!("ORDER#{id}");

    assert_eq!((world.stock_of(&mug).await, world.stock_of(&tea).await), (3, 2));
    let orders = world.partition(&world.stack.orders_table, &pk).await;
    // Its wave may have been released by now.
    assert_eq!(orders[..2].iter().map(|row| text(row, "sk")).collect::<Vec<_>>(), ["ORDER", "STATUS#2#confirmed"]);
    assert_eq!(text(&orders[0], "user_id"), user);
    assert!(!orders[0].contains_key("status"), "it would be wrong from the first fact on");

    let ledger = world.partition(world.table("tax"), &pk).await;
    assert_eq!(ledger.len(), 1);
    assert_eq!(text(&ledger[0], "sk"), "LEDGER#US-OR");
    let fields = [
        ("event_id", event),
        ("exempt_usd", "36.03"),
        ("jurisdiction", "US-OR"),
        ("receives", "1"),
        ("taxable_usd", "89.5"),
    ];
    let mut line = row(&fields);
    line.insert("year".into(), year.to_string());
    assert_eq!(says(&ledger[0]), line);
    let grown = difference(&taxed, &sums(&world, "tax", state).await);
    assert_eq!(
        grown,
        row(&[
            ("exempt_usd", "36.03"),
            ("revenue_usd", "125.53"),
            ("taxable_transactions", "1"),
            ("taxable_usd", "89.5"),
            ("transactions", "1"),
        ])
    );

    let sale = world.partition(world.table("analytics"), &pk).await;
    assert_eq!(sale.len(), 1);
    let lines = sale[0]["lines"].as_l().unwrap().iter().map(|line| line.as_m().unwrap());
    let lines: Vec<_> =
        lines.map(|line| (text(line, "sku"), text(line, "quantity"), text(line, "amount_usd"))).collect();
    let expected = [(mug, "2", "89.5"), (tea, "3", "36.03")].map(|(sku, n, usd)| (sku, n.to_owned(), usd.to_owned()));
    assert_eq!(lines, expected);
    assert_eq!((text(&sale[0], "units"), text(&sale[0], "revenue_usd")), ("5".to_owned(), "125.53".to_owned()));
    let grown = difference(&sold, &sums(&world, "analytics", day).await);
    assert_eq!(grown, row(&[("orders", "1"), ("revenue_usd", "125.53"), ("units", "5")]));

    let score = world.partition(world.table("fraud"), &pk).await;
    assert_eq!(score.len(), 1);
    assert_eq!(text(&score[0], "flagged"), "false");
    assert!(text(&score[0], "outbox").contains("OrderConfirmed"));
    let profile = world.partition(world.table("fraud"), &format!("USER#{user}")).await;
    assert_eq!(
        (profile.len(), text(&profile[0], "orders"), text(&profile[0], "spent_usd")),
        (1, "1".to_owned(), "125.53".to_owned())
    );

    let pick = world.partition(world.table("warehouse"), &pk).await;
    assert_eq!(pick.len(), 1);
    let wave = world.partition(world.table("warehouse"), &format!("WAVE#{}", text(&pick[0], "wave"))).await;
    assert_eq!(wave.iter().filter(|row| row.contains_key(&format!("ORDER#{id}"))).count(), 1);
    assert_eq!(pick[0]["lines"].as_m().unwrap().len(), 2);

    let purchases = world.partition(world.table("recommendations"), &format!("USER#{user}")).await;
    assert_eq!(purchases.len(), 1);
    assert_eq!(purchases[0]["skus"].as_l().unwrap().len(), 2);

    let mails = world.mails_to(&format!("{user}@example.com")).await;
    assert_eq!(mails.len(), 1);
    assert!(mails[0]["BodyText"].as_str().unwrap().contains("$125.53"), "{}", mails[0]["BodyText"]);
    let lease = world.partition(world.table("email"), &pk).await;
    assert_eq!(lease.len(), 1);
    assert!(!lease[0].contains_key("owner") && lease[0].contains_key("reference"));
}

#[tokio::test]
async fn an_order_is_read_back_by_its_caller_and_an_unknown_one_is_not_found() {
    let world = World::shared().await;
    let sku = world.stock("10.00", true, 5).await;
    let id = world.place(&cart(&user(), &[(&sku, 1)])).await;
    let order = world.api.get(&format!("/orders/{id}")).await.unwrap();
    assert_eq!((order.status, order.json()["order_id"].as_str()), (200, Some(id.as_str())));
    assert!(String::from_utf8_lossy(&order.body).contains("\"total_usd\":10.00"));
    let unknown = world.api.get("/orders/ord_nobody").await.unwrap();
    assert_eq!((unknown.status, unknown.header("content-type")), (404, Some("application/problem+json")));
}

#[tokio::test]
async fn a_price_comes_from_the_catalog_and_never_from_an_old_one() {
    let world = World::shared().await;
    let sku = world.stock("10.00", true, 5).await;
    let buy = async || {
        let mut cart = cart(&user(), &[(&sku, 1)]);
        cart["items"][0]["unit_price_usd"] = json!(0.01);
        let reply = world.api.checkout(&cart, &[]).await.unwrap();
        assert_eq!(reply.status, 202);
        String::from_utf8(reply.body).unwrap()
    };
    assert!(buy().await.contains("\"total_usd\":10.00"));
    let update = world.cloud.dynamodb.update_item().table_name(&world.stack.orders_table);
    update
        .key("pk", AttributeValue::S(format!("SKU#{sku}")))
        .key("sk", AttributeValue::S("STOCK".into()))
        .update_expression("SET price_usd = :price")
        .expression_attribute_values(":price", AttributeValue::N("11.00".into()))
        .send()
        .await
        .unwrap();
    assert!(buy().await.contains("\"total_usd\":11.00"), "the function remembers 10.00 and must not charge it");
}
