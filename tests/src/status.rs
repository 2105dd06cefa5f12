//! An order learns its fate from facts, and tells it to whoever placed it.

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

use crate::facts::{confirmed, entry, flagged, released, tell};
use crate::world::{World, cart, text, until, user};

/// What the API says about an order, asked with this query.
async fn ask(api: &Api, order_id: &str, query: &str) -> HttpResponse {
    api.get(&format!("/orders/{order_id}{query}")).await.unwrap()
}

fn status_in(reply: &HttpResponse) -> OrderStatus {
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    reply.json()["status"].as_str().unwrap().parse().unwrap()
}

async fn status(world: &World, order_id: &str, query: &str) -> OrderStatus {
    status_in(&ask(&world.api, order_id, query).await)
}

async fn placed(world: &World) -> String {
    let sku = world.stock("12.00", true, 50).await;
    world.place(&cart(&user(), &[(&sku, 1)])).await
}

#[tokio::test]
async fn an_order_goes_from_received_to_confirmed_to_picking() {
    let world = World::alone().await;
    // A wave may be released at any moment.
    world.enable("warehouse", false).await;
    world.enable("orders", false).await;
    let id = placed(&world).await;
    until("fraud has decided", async || world.state("fraud", &id).await == ConsumerState::Done).await;
    assert_eq!(status(&world, &id, "").await, OrderStatus::Received);
    let asked = Instant::now();
    assert_eq!(status(&world, &id, "?wait=confirmed&timeout=1").await, OrderStatus::Received, "a wait ran out");
    assert!(asked.elapsed() >= Duration::from_secs(1) && asked.elapsed() < Duration::from_secs(4));

    world.enable("orders", true).await;
    assert_eq!(status(&world, &id, "?wait=confirmed&timeout=20").await, OrderStatus::Confirmed);
    assert_eq!(status(&world, &id, "").await, OrderStatus::Confirmed);

    tell(&world, vec![entry(&world, &released(&id, &[&id], Timestamp::now()))]).await;
    assert_eq!(status(&world, &id, "?wait=picking&timeout=20").await, OrderStatus::Picking);
    assert_eq!(status(&world, &id, "?wait=confirmed").await, OrderStatus::Picking, "what is past is not waited for");
    world.enable("warehouse", true).await;
    world.done(&id).await;
}

#[tokio::test]
async fn a_client_that_waits_hears_of_the_decision_as_soon_as_it_is_there() {
    let world = World::shared().await;
    let id = placed(&world).await;
    let (asked, mut looked) = (Instant::now(), None);
    let (reply, ()) = tokio::join!(ask(&world.api, &id, "?wait=confirmed&timeout=20"), async {
        until("the order is decided", async || status(&world, &id, "").await != OrderStatus::Received).await;
        looked = Some(asked.elapsed());
    });
    let waited = asked.elapsed();
    assert!(status_in(&reply).is_at_least(OrderStatus::Confirmed));
    // A look a second at most, on a machine that has other things to do.
    assert!(waited < looked.unwrap() + Duration::from_secs(4), "answered after {waited:?}, there after {looked:?}");
}

#[tokio::test]
async fn a_wait_that_cannot_be_waited_is_refused_by_name() {
    let world = World::shared().await;
    let id = placed(&world).await;
    for (query, fields) in [
        ("?wait=shipped", json!(["wait"])),
        ("?wait=", json!(["wait"])),
        ("?wait=confirmed&wait=flagged", json!(["wait"])),
        ("?wait=confirmed&timeout=0", json!(["timeout"])),
        ("?wait=confirmed&timeout=21", json!(["timeout"])),
        ("?wait=soon&timeout=later", json!(["wait", "timeout"])),
    ] {
        let reply = ask(&world.api, &id, query).await;
        let problem = reply.json();
        assert_eq!((reply.status, problem["type"].as_str()), (422, Some("/problems/invalid-query")), "{query}");
        let named: Vec<Value> = problem["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
        assert_eq!(Value::from(named), fields, "{query}");
    }
}

/// The API as called by a new IAM user who may call all of it.
async fn as_someone_else(world: &World) -> Api {
    let iam = aws_sdk_iam::Client::new(&world.cloud.config);
    let name = user();
    iam.create_user().user_name(&name).send().await.unwrap();
    let api_id = world.api_id();
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke",
        "Resource": format!("arn:aws:execute-api:{}:*:{api_id}/*", world.cloud.region())}]});
    let put = iam.put_user_policy().user_name(&name).policy_name("call").policy_document(policy.to_string());
    put.send().await.unwrap();
    let key = iam.create_access_key().user_name(&name).send().await.unwrap().access_key.unwrap();
    let credentials = Credentials::new(key.access_key_id, key.secret_access_key, None, None, "test");
    let config = world.cloud.config.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials));
    let cloud = Cloud { config: config.build(), ..world.cloud.clone() };
    world.stack.api(&cloud).unwrap()
}

#[tokio::test]
async fn an_unknown_order_and_someone_elses_are_not_found() {
    let world = World::shared().await;
    let id = placed(&world).await;
    let someone = as_someone_else(&world).await;
    let sku = world.stock("12.00", true, 5).await;
    let theirs = crate::world::order_id(&someone.checkout(&cart(&user(), &[(&sku, 1)]), &[]).await.unwrap());
    for query in ["", "?wait=confirmed&timeout=20"] {
        let asked = Instant::now();
        let unknown = ask(&world.api, "ord_nobody", query).await;
        for (reply, whose) in [
            (&unknown, "nobody's"),
            (&ask(&someone, &id, query).await, "mine, to someone else"),
            (&ask(&world.api, &theirs, query).await, "theirs, to me"),
        ] {
            assert_eq!(
                (reply.status, &reply.body),
                (404, &unknown.body),
                "{whose}: a difference would tell it is there"
            );
            assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        }
        assert!(asked.elapsed() < Duration::from_secs(10), "what is not there is not waited for");
    }
    status_in(&ask(&world.api, &id, "").await);
    status_in(&ask(&someone, &theirs, "").await);
}

#[tokio::test]
async fn a_flagged_orders_stock_stays_held() {
    let world = World::shared().await;
    let sku = world.stock("89.00", true, 900).await;
    let mut suspicious = cart(&user(), &[(&sku, 800)]);
    suspicious["email"] = json!("x9@mailinator.com");
    let id = world.place(&suspicious).await;
    assert_eq!(status(&world, &id, "?wait=flagged&timeout=20").await, OrderStatus::Flagged);
    world.done(&id).await;
    assert_eq!(world.stock_of(&sku).await, 100);
    let refused = world.api.checkout(&cart(&user(), &[(&sku, 101)]), &[]).await.unwrap();
    assert_eq!(refused.status, 409, "{}", String::from_utf8_lossy(&refused.body));
    assert_eq!(status(&world, &id, "").await, OrderStatus::Flagged);
}

/// What fraud and the warehouse say about an order, and what it comes to.
const FATES: [(&[&str], OrderStatus); 6] = [
    (&["confirmed"], OrderStatus::Confirmed),
    (&["flagged"], OrderStatus::Flagged),
    (&["flagged", "reviewed"], OrderStatus::Confirmed),
    (&["confirmed", "picking"], OrderStatus::Picking),
    (&["flagged", "reviewed", "picking"], OrderStatus::Picking),
    (&["picking"], OrderStatus::Picking),
];

#[tokio::test]
async fn facts_in_any_order_and_repeated_never_take_an_order_back() {
    let world = World::alone().await;
    // These would say something, too.
    world.enable("fraud", false).await;
    world.enable("warehouse", false).await;
    let mut expected = BTreeMap::new();
    let mut entries = Vec::new();
    let mut picked = Vec::new();
    for (said, end) in FATES.into_iter().cycle().take(2 * FATES.len()) {
        let (id, now) = (placed(&world).await, Timestamp::now());
        for &said in said {
            match said {
                "confirmed" => entries.push(entry(&world, &confirmed(&id, 2, now))),
                "flagged" => entries.push(entry(&world, &flagged(&id, now))),
                "reviewed" => entries.push(entry(&world, &confirmed(&id, 3, now))),
                _ => picked.push(id.clone()),
            }
        }
        expected.insert(id, end);
    }
    for (n, wave) in picked.chunks(4).enumerate() {
        let (wave_id, wave): (_, Vec<&str>) = (format!("{}-{n}", wave[0]), wave.iter().map(String::as_str).collect());
        entries.push(entry(&world, &released(&wave_id, &wave, Timestamp::now())));
    }
    let mut entries = [entries.clone(), entries.clone(), entries].concat();
    fastrand::shuffle(&mut entries);

    let mut seen: BTreeMap<String, OrderStatus> = BTreeMap::new();
    let watch = async {
        until("all is heard", async || {
            for id in expected.keys() {
                let now = status(&world, id, "").await;
                let before = seen.insert(id.clone(), now).unwrap_or(OrderStatus::Received);
                assert!(now.is_at_least(before), "{id}: {before} became {now}");
            }
            seen == expected
        })
        .await;
    };
    tokio::join!(watch, async {
        for some in entries.chunks(5) {
            tell(&world, some.to_vec()).await;
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    });
    // What fraud says at last is what it has said, or careless beside it: nothing changes.
    world.enable("fraud", true).await;
    for (id, end) in expected {
        until("fraud's own decision is heard", async || {
            let rows = world.partition(&world.stack.orders_table, &format!("ORDER#{id}")).await;
            rows.iter().any(|row| text(row, "sk") == "STATUS#2#confirmed")
        })
        .await;
        assert_eq!(status(&world, &id, "").await, end, "{id}");
    }
    world.enable("warehouse", true).await;
}
