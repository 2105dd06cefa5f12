//! One order, from the API to every table and the mailbox.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::json;
use switchyard_chassis::{Key, Table};

use crate::support::{Item, TestStack, new_cart, new_user_id, text};

/// A row without its key and without the attributes that differ from run to run.
fn stable_attributes(row: &Item) -> BTreeMap<String, String> {
    let volatile = ["pk", "sk", "processed_at", "lag_ms", "placed_at", "expires_at", "outbox", "reference"];
    let stays = row.keys().filter(|name| !volatile.contains(&name.as_str()));
    stays.map(|name| (name.clone(), text(row, name))).collect()
}

fn attributes(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn sums(stack: &TestStack, consumer: &str, key: Key) -> BTreeMap<String, Decimal> {
    let table = Table::new(stack.cloud.dynamodb.clone(), stack.table_of(consumer));
    table.sum_shards(&key).await.unwrap()
}

/// What has changed, and by how much.
fn increase(before: &BTreeMap<String, Decimal>, after: &BTreeMap<String, Decimal>) -> BTreeMap<String, String> {
    let grown = after.iter().map(|(name, now)| (name, now - before.get(name).copied().unwrap_or_default()));
    // Such as the number of cancelled orders, which other tests may have counted before.
    let changed = grown.filter(|(_, grown)| !grown.is_zero());
    changed.map(|(name, grown)| (name.clone(), grown.normalize().to_string())).collect()
}

#[tokio::test]
#[allow(clippy::too_many_lines)] // one order, all of its rows
async fn order_reaches_every_table_and_mailbox_exactly_once() {
    let stack = TestStack::exclusive().await;
    let user = new_user_id();
    let mug = stack.create_product("44.75", true, 5).await;
    let tea = stack.create_product("12.01", false, 5).await;
    let mut order = new_cart(&user, &[(&mug, 2), (&tea, 3)]);
    order["ship_to"]["region"] = json!("OR");
    let today = jiff::Timestamp::now().to_string()[..10].to_owned();
    let year: i16 = today[..4].parse().unwrap();
    let day = analytics::rollup_key(&today);
    let state = tax::rollup_key("US-OR", year);
    let (sold, taxed) = (sums(&stack, "analytics", day.clone()).await, sums(&stack, "tax", state.clone()).await);

    let reply = stack.api.checkout(&order, &[]).await.unwrap();
    let id = crate::support::accepted_order_id(&reply);
    // 2 × 44.75 + 3 × 12.01, to the cent.
    assert!(String::from_utf8_lossy(&reply.body).contains("\"total_usd\":125.53"), "{:?}", reply.json());
    let trace = stack.wait_until_applied(&id).await;
    let event = trace.event_id.as_str();
    let pk = format!("ORDER#{id}");

    assert_eq!((stack.stock_left(&mug).await, stack.stock_left(&tea).await), (3, 2));
    let orders = stack.query(&stack.deployed.orders_table, &pk).await;
    // Its wave may have been released by now.
    assert_eq!(orders[..2].iter().map(|row| text(row, "sk")).collect::<Vec<_>>(), ["ORDER", "STATUS#2#confirmed"]);
    assert_eq!(text(&orders[0], "user_id"), user);
    assert!(text(&stack.listed_row(&id).await, "outbox").contains("OrderPlaced"));
    assert!(!orders[0].contains_key("status"), "a status here would be outdated after the first event");

    let ledger = stack.query(stack.table_of("tax"), &pk).await;
    assert_eq!(ledger.len(), 1);
    assert_eq!(text(&ledger[0], "sk"), "LEDGER#US-OR");
    let fields = [
        ("event_id", event),
        ("exempt_usd", "36.03"),
        ("jurisdiction", "US-OR"),
        ("receives", "1"),
        ("taxable_usd", "89.5"),
    ];
    let mut line = attributes(&fields);
    line.insert("year".into(), year.to_string());
    assert_eq!(stable_attributes(&ledger[0]), line);
    let grown = increase(&taxed, &sums(&stack, "tax", state).await);
    assert_eq!(
        grown,
        attributes(&[
            ("exempt_usd", "36.03"),
            ("revenue_usd", "125.53"),
            ("taxable_transactions", "1"),
            ("taxable_usd", "89.5"),
            ("transactions", "1"),
        ])
    );

    let sale = stack.query(stack.table_of("analytics"), &pk).await;
    assert_eq!(sale.len(), 1);
    let lines = sale[0]["lines"].as_l().unwrap().iter().map(|line| line.as_m().unwrap());
    let lines: Vec<_> =
        lines.map(|line| (text(line, "sku"), text(line, "quantity"), text(line, "amount_usd"))).collect();
    let expected = [(mug, "2", "89.5"), (tea, "3", "36.03")].map(|(sku, n, usd)| (sku, n.to_owned(), usd.to_owned()));
    assert_eq!(lines, expected);
    assert_eq!((text(&sale[0], "units"), text(&sale[0], "revenue_usd")), ("5".to_owned(), "125.53".to_owned()));
    let grown = increase(&sold, &sums(&stack, "analytics", day).await);
    assert_eq!(grown, attributes(&[("orders", "1"), ("revenue_usd", "125.53"), ("units", "5")]));

    let score = stack.query(stack.table_of("fraud"), &pk).await;
    assert_eq!(score.len(), 1);
    assert_eq!(text(&score[0], "flagged"), "false");
    assert!(text(&score[0], "outbox").contains("OrderConfirmed"));
    let profile = stack.query(stack.table_of("fraud"), &format!("USER#{user}")).await;
    assert_eq!(
        (profile.len(), text(&profile[0], "orders"), text(&profile[0], "spent_usd")),
        (1, "1".to_owned(), "125.53".to_owned())
    );

    let pick = stack.query(stack.table_of("warehouse"), &pk).await;
    let kinds: Vec<_> = pick.iter().map(|row| text(row, "sk")).collect();
    assert_eq!(kinds, ["PICK", "READY"]);
    assert_eq!(pick[0]["lines"].as_m().unwrap().len(), 2);

    let purchases = stack.query(stack.table_of("recommendations"), &format!("USER#{user}")).await;
    assert_eq!(purchases.len(), 1);
    assert_eq!(purchases[0]["skus"].as_l().unwrap().len(), 2);

    let mails = stack.mails_to(&format!("{user}@example.com")).await;
    assert_eq!(mails.len(), 1);
    assert!(mails[0]["BodyText"].as_str().unwrap().contains("$125.53"), "{}", mails[0]["BodyText"]);
    let lease = stack.query(stack.table_of("email"), &pk).await;
    assert_eq!(lease.len(), 1);
    assert!(!lease[0].contains_key("owner") && lease[0].contains_key("reference"));
}
