//! The status of an order, derived from events and read by the caller who placed it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::Timestamp;
use orders::OrderStatus;
use serde_json::{Value, json};
use tokio::time::Instant;
use yard::trace::ConsumerState;
use yard::{Api, Cloud, HttpResponse};

use crate::support::{
    TestStack, bus_entry, new_cart, new_user_id, order_confirmed, order_flagged, put_on_bus, text, wait_until,
    wave_released,
};

/// The API's answer about an order, with this query string.
async fn get_order(api: &Api, order_id: &str, query: &str) -> HttpResponse {
    api.get(&format!("/orders/{order_id}{query}")).await.unwrap()
}

fn status_in(reply: &HttpResponse) -> OrderStatus {
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    reply.json()["status"].as_str().unwrap().parse().unwrap()
}

async fn status(stack: &TestStack, order_id: &str, query: &str) -> OrderStatus {
    status_in(&get_order(&stack.api, order_id, query).await)
}

async fn placed(stack: &TestStack) -> String {
    let sku = stack.create_product("12.00", true, 50).await;
    stack.place_order(&new_cart(&new_user_id(), &[(&sku, 1)])).await
}

#[tokio::test]
async fn status_goes_from_received_to_confirmed_to_picking() {
    let stack = TestStack::exclusive().await;
    // A wave may be released at any moment.
    stack.disable("warehouse").await;
    stack.disable("orders").await;
    let id = placed(&stack).await;
    wait_until("fraud has decided", async || stack.consumer_state("fraud", &id).await == ConsumerState::Done).await;
    assert_eq!(status(&stack, &id, "").await, OrderStatus::Received);
    let started = Instant::now();
    assert_eq!(status(&stack, &id, "?wait=confirmed&timeout=1").await, OrderStatus::Received, "the wait timed out");
    assert!(started.elapsed() >= Duration::from_secs(1) && started.elapsed() < Duration::from_secs(4));

    stack.enable("orders").await;
    assert_eq!(status(&stack, &id, "?wait=confirmed&timeout=20").await, OrderStatus::Confirmed);
    assert_eq!(status(&stack, &id, "").await, OrderStatus::Confirmed);

    put_on_bus(&stack, vec![bus_entry(&stack, &wave_released(&id, &[&id], Timestamp::now()))]).await;
    assert_eq!(status(&stack, &id, "?wait=picking&timeout=20").await, OrderStatus::Picking);
    assert_eq!(
        status(&stack, &id, "?wait=confirmed").await,
        OrderStatus::Picking,
        "a status that has been passed is not waited for"
    );
    stack.enable("warehouse").await;
    stack.wait_until_applied(&id).await;
}

#[tokio::test]
async fn wait_answers_as_soon_as_status_is_reached() {
    let stack = TestStack::shared().await;
    let id = placed(&stack).await;
    let (started, mut looked) = (Instant::now(), None);
    let (reply, ()) = tokio::join!(get_order(&stack.api, &id, "?wait=confirmed&timeout=20"), async {
        wait_until("the order is decided", async || status(&stack, &id, "").await != OrderStatus::Received).await;
        looked = Some(started.elapsed());
    });
    let waited = started.elapsed();
    assert!(status_in(&reply).is_at_least(OrderStatus::Confirmed));
    // Checkout polls every second; the machine may be busy.
    assert!(waited < looked.unwrap() + Duration::from_secs(4), "answered after {waited:?}, reached after {looked:?}");
}

#[tokio::test]
async fn invalid_wait_or_timeout_is_rejected_naming_the_field() {
    let stack = TestStack::shared().await;
    let id = placed(&stack).await;
    for (query, fields) in [
        ("?wait=shipped", json!(["wait"])),
        ("?wait=", json!(["wait"])),
        ("?wait=confirmed&wait=flagged", json!(["wait"])),
        ("?wait=confirmed&timeout=0", json!(["timeout"])),
        ("?wait=confirmed&timeout=21", json!(["timeout"])),
        ("?wait=soon&timeout=later", json!(["wait", "timeout"])),
    ] {
        let reply = get_order(&stack.api, &id, query).await;
        let problem = reply.json();
        assert_eq!((reply.status, problem["type"].as_str()), (422, Some("/problems/invalid-query")), "{query}");
        let named: Vec<Value> = problem["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
        assert_eq!(Value::from(named), fields, "{query}");
    }
}

/// The API as called by a new IAM user who may call every route.
async fn as_other_caller(stack: &TestStack) -> Api {
    let iam = aws_sdk_iam::Client::new(&stack.cloud.config);
    let name = new_user_id();
    iam.create_user().user_name(&name).send().await.unwrap();
    let api_id = stack.api_id();
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke",
        "Resource": format!("arn:aws:execute-api:{}:*:{api_id}/*", stack.cloud.region())}]});
    let put = iam.put_user_policy().user_name(&name).policy_name("call").policy_document(policy.to_string());
    put.send().await.unwrap();
    let key = iam.create_access_key().user_name(&name).send().await.unwrap().access_key.unwrap();
    let credentials = Credentials::new(key.access_key_id, key.secret_access_key, None, None, "test");
    let config = stack.cloud.config.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials));
    let cloud = Cloud { config: config.build(), ..stack.cloud.clone() };
    stack.deployed.api(&cloud).unwrap()
}

#[tokio::test]
async fn unknown_and_other_callers_orders_are_not_found() {
    let stack = TestStack::shared().await;
    let id = placed(&stack).await;
    let other_caller = as_other_caller(&stack).await;
    let sku = stack.create_product("12.00", true, 5).await;
    let theirs = crate::support::accepted_order_id(
        &other_caller.checkout(&new_cart(&new_user_id(), &[(&sku, 1)]), &[]).await.unwrap(),
    );
    for query in ["", "?wait=confirmed&timeout=20"] {
        let started = Instant::now();
        let unknown = get_order(&stack.api, "ord_unknown", query).await;
        for (reply, whose) in [
            (&unknown, "unknown"),
            (&get_order(&other_caller, &id, query).await, "mine, read by the other caller"),
            (&get_order(&stack.api, &theirs, query).await, "theirs, read by me"),
        ] {
            assert_eq!(
                (reply.status, &reply.body),
                (404, &unknown.body),
                "{whose}: a different answer would reveal that the order exists"
            );
            assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        }
        assert!(started.elapsed() < Duration::from_secs(10), "the API does not wait for an unknown order");
    }
    status_in(&get_order(&stack.api, &id, "").await);
    status_in(&get_order(&other_caller, &theirs, "").await);
}

#[tokio::test]
async fn flagged_order_keeps_its_stock_reserved() {
    let stack = TestStack::shared().await;
    let sku = stack.create_product("89.00", true, 900).await;
    let mut suspicious = new_cart(&new_user_id(), &[(&sku, 800)]);
    suspicious["email"] = json!("x9@mailinator.com");
    let id = stack.place_order(&suspicious).await;
    assert_eq!(status(&stack, &id, "?wait=flagged&timeout=20").await, OrderStatus::Flagged);
    stack.wait_until_applied(&id).await;
    assert_eq!(stack.stock_left(&sku).await, 100);
    let refused = stack.api.checkout(&new_cart(&new_user_id(), &[(&sku, 101)]), &[]).await.unwrap();
    assert_eq!(refused.status, 409, "{}", String::from_utf8_lossy(&refused.body));
    assert_eq!(status(&stack, &id, "").await, OrderStatus::Flagged);
}

/// Events of fraud and the warehouse about an order, and the final status.
const EVENT_SEQUENCES: [(&[&str], OrderStatus); 6] = [
    (&["confirmed"], OrderStatus::Confirmed),
    (&["flagged"], OrderStatus::Flagged),
    (&["flagged", "reviewed"], OrderStatus::Confirmed),
    (&["confirmed", "picking"], OrderStatus::Picking),
    (&["flagged", "reviewed", "picking"], OrderStatus::Picking),
    (&["picking"], OrderStatus::Picking),
];

#[tokio::test]
async fn shuffled_duplicate_events_never_move_status_back() {
    let stack = TestStack::exclusive().await;
    // These consumers would publish events, too.
    stack.disable("fraud").await;
    stack.disable("warehouse").await;
    let mut expected = BTreeMap::new();
    let mut entries = Vec::new();
    let mut picked = Vec::new();
    for (said, end) in EVENT_SEQUENCES.into_iter().cycle().take(2 * EVENT_SEQUENCES.len()) {
        let (id, now) = (placed(&stack).await, Timestamp::now());
        for &said in said {
            match said {
                "confirmed" => entries.push(bus_entry(&stack, &order_confirmed(&id, 2, now))),
                "flagged" => entries.push(bus_entry(&stack, &order_flagged(&id, now))),
                "reviewed" => entries.push(bus_entry(&stack, &order_confirmed(&id, 3, now))),
                _ => picked.push(id.clone()),
            }
        }
        expected.insert(id, end);
    }
    for (n, wave) in picked.chunks(4).enumerate() {
        let (wave_id, wave): (_, Vec<&str>) = (format!("{}-{n}", wave[0]), wave.iter().map(String::as_str).collect());
        entries.push(bus_entry(&stack, &wave_released(&wave_id, &wave, Timestamp::now())));
    }
    let mut entries = [entries.clone(), entries.clone(), entries].concat();
    fastrand::shuffle(&mut entries);

    let mut seen: BTreeMap<String, OrderStatus> = BTreeMap::new();
    let watch = async {
        wait_until("all events are applied", async || {
            for id in expected.keys() {
                let now = status(&stack, id, "").await;
                let before = seen.insert(id.clone(), now).unwrap_or(OrderStatus::Received);
                assert!(now.is_at_least(before), "{id}: {before} became {now}");
            }
            seen == expected
        })
        .await;
    };
    tokio::join!(watch, async {
        for some in entries.chunks(5) {
            put_on_bus(&stack, some.to_vec()).await;
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    });
    // Now fraud decides by itself. Its event has the same or a lower rank, so no status changes.
    stack.enable("fraud").await;
    for (id, end) in expected {
        wait_until("fraud's own decision is applied", async || {
            let rows = stack.query(&stack.deployed.orders_table, &format!("ORDER#{id}")).await;
            rows.iter().any(|row| text(row, "sk") == "STATUS#2#confirmed")
        })
        .await;
        assert_eq!(status(&stack, &id, "").await, end, "{id}");
    }
    stack.enable("warehouse").await;
}
