//! `yard dlq redrive --consumer publisher` after an outage of the bus.

use std::process::Command;
use std::time::Duration;

use ::publisher::{Publisher, StreamEvent};
use aws_sdk_eventbridge::Client;
use aws_sdk_lambda::primitives::Blob;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use switchyard_chassis::Clock;
use switchyard_faults::{Fault, Proxy, Rule};
use tokio::time::Instant;
use yard::dlq::redrive_publisher;
use yard::trace::ConsumerState;
use yard::{Cloud, Project, exit, peek_dead_letters};

use crate::support::{TestStack, fault_clients, new_cart, new_user_id, text, wait_until};

const ORDERS: usize = 25;

/// The records that the orders table's stream has of these orders.
async fn stream_records(stack: &TestStack, ids: &[String]) -> StreamEvent {
    let mut records = Vec::new();
    for id in ids {
        let outbox = text(&stack.listed_row(id).await, "outbox");
        records.push(json!({"eventName": "INSERT", "dynamodb": {
            "ApproximateCreationDateTime": Timestamp::now().as_second(), "NewImage": {"outbox": {"S": outbox}},
        }}));
    }
    serde_json::from_value(json!({"Records": records})).unwrap()
}

/// The UUID of the mapping from the orders table's stream to the publisher.
async fn outbox_mapping(stack: &TestStack) -> String {
    let mappings =
        stack.cloud.lambda.list_event_source_mappings().function_name(&stack.deployed.publisher).send().await;
    let table = format!(":table/{}/stream/", stack.deployed.orders_table);
    let mappings = mappings.unwrap().event_source_mappings.unwrap();
    let of_orders = mappings.into_iter().find(|mapping| mapping.event_source_arn().unwrap().contains(&table));
    of_orders.unwrap().uuid.unwrap()
}

async fn set_enabled(stack: &TestStack, mapping: &str, enabled: bool) {
    stack.cloud.lambda.update_event_source_mapping().uuid(mapping).enabled(enabled).send().await.unwrap();
    let wanted = if enabled { "Enabled" } else { "Disabled" };
    wait_until("the mapping is changed", async || {
        let mapping = stack.cloud.lambda.get_event_source_mapping().uuid(mapping).send().await.unwrap();
        mapping.state.as_deref() == Some(wanted)
    })
    .await;
    // A poll that started earlier may still read records.
    tokio::time::sleep(Duration::from_millis(1500)).await;
}

/// The stack as it is reached through a proxy.
fn through(proxy: &Proxy, cloud: &Cloud) -> Cloud {
    let clients = fault_clients(proxy);
    let (eventbridge, sqs) = (Client::new(clients.sdk()), aws_sdk_sqs::Client::new(clients.sdk()));
    Cloud { eventbridge, sqs, ..cloud.clone() }
}

#[tokio::test]
async fn redrive_after_7_hours_outage_applies_all_orders_once() {
    let stack = TestStack::exclusive().await;
    let dlq = &stack.deployed.publisher_dlq;
    stack.cloud.sqs.purge_queue().queue_url(dlq).send().await.unwrap();
    let proxy = Proxy::start(0, 1).await.unwrap();
    proxy.forward_to(stack.cloud.endpoint.as_deref().unwrap());
    let cloud = through(&proxy, &stack.cloud);

    // The bus is out of reach: the stack's own publisher reads nothing, and ours gets errors.
    let mapping = outbox_mapping(&stack).await;
    set_enabled(&stack, &mapping, false).await;
    let sku = stack.create_product("4.00", true, 100).await;
    let user = new_user_id();
    let mut ids = Vec::new();
    for _ in 0..ORDERS {
        ids.push(stack.place_order(&new_cart(&user, &[(&sku, 1)])).await);
    }
    let clock = Clock::fixed(Timestamp::now() + SignedDuration::from_hours(7));
    let bus = (cloud.eventbridge.clone(), stack.deployed.bus.clone());
    let publisher = Publisher::new(bus.0, bus.1, cloud.sqs.clone(), dlq.clone(), clock);
    proxy.set_rules(vec![Rule::new("events", "PutEvents", Fault::InternalError { after_effect: false })]);
    let records = stream_records(&stack, &ids).await;
    publisher.publish(records, Instant::now() + Duration::from_secs(25)).await.unwrap();
    assert_eq!(peek_dead_letters(&stack.cloud, dlq).await.unwrap().len(), ORDERS);

    assert_eq!(stack.consumer_state("tax", &ids[0]).await, ConsumerState::Pending);

    // A redrive while the bus is still out of reach changes nothing.
    let early = redrive_publisher(&cloud, &stack.deployed, true, |_| ()).await.unwrap();
    assert_eq!((early.redriven, early.left.values().sum::<u64>()), (0, ORDERS as u64), "{early:?}");

    // The bus is back. Some messages cannot be deleted after their events are on the bus.
    let kept = Fault::Partial { entry: Some("\"Id\":\"1\"".into()), code: None };
    proxy.set_rules(vec![Rule::new("sqs", "DeleteMessageBatch", kept)]);
    let dry = redrive_publisher(&cloud, &stack.deployed, false, |_| ()).await.unwrap();
    assert_eq!((dry.dry_run, dry.messages, dry.redriven), (true, ORDERS as u64, ORDERS as u64), "{dry:?}");
    assert_eq!((dry.types["OrderPlaced"], dry.reasons["bus_unavailable"]), (ORDERS as u64, ORDERS as u64));
    assert_eq!(peek_dead_letters(&stack.cloud, dlq).await.unwrap().len(), ORDERS, "a dry run deletes nothing");
    let first = redrive_publisher(&cloud, &stack.deployed, true, |_| ()).await.unwrap();
    let left = first.left.values().sum::<u64>();
    assert!(left > 0 && first.redriven + left == ORDERS as u64, "{first:?}");
    proxy.set_rules(Vec::new());
    let second = redrive_publisher(&cloud, &stack.deployed, true, |_| ()).await.unwrap();
    assert_eq!((second.redriven, second.left.len()), (left, 0), "{second:?}");
    assert_eq!(stack.message_count(dlq).await, 0);
    for id in &ids {
        stack.wait_until_applied(id).await;
    }

    // The stream delivers the records, too, once its publisher works again. Everything has happened once.
    set_enabled(&stack, &mapping, true).await;
    stack.wait_until_idle().await;
    assert_eq!(stack.mails_to(&format!("{user}@example.com")).await.len(), ORDERS);
    let profile = stack.query(stack.table_of("fraud"), &format!("USER#{user}")).await;
    assert_eq!(text(&profile[0], "orders"), ORDERS.to_string());
    for consumer in &stack.deployed.consumers {
        assert_eq!(stack.message_count(&consumer.dlq_url).await, 0, "{}", consumer.name);
    }
}

#[tokio::test]
async fn deployed_publisher_may_send_to_its_dlq() {
    let stack = TestStack::exclusive().await;
    let dlq = &stack.deployed.publisher_dlq;
    stack.cloud.sqs.purge_queue().queue_url(dlq).send().await.unwrap();
    let record = json!({"eventName": "INSERT", "dynamodb": {"NewImage": {"outbox": {"S": "no list"}}}});
    let call = stack.cloud.lambda.invoke().function_name(&stack.deployed.publisher);
    let reply = call.payload(Blob::new(json!({"Records": [record]}).to_string())).send().await.unwrap();
    assert_eq!(reply.function_error(), None);
    let dead = peek_dead_letters(&stack.cloud, dlq).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].attributes["error_code"], "unreadable_outbox");
    stack.cloud.sqs.purge_queue().queue_url(dlq).send().await.unwrap();
}

#[tokio::test]
async fn redrive_command_is_dry_run_and_exits_1_if_letters_stay() {
    let stack = TestStack::exclusive().await;
    let dlq = &stack.deployed.publisher_dlq;
    stack.cloud.sqs.purge_queue().queue_url(dlq).send().await.unwrap();
    let lambda_notice = json!({"DDBStreamBatchInfo": {"startSequenceNumber": "1"}}).to_string();
    stack.cloud.sqs.send_message().queue_url(dlq).message_body(lambda_notice).send().await.unwrap();
    let run = |arguments: &[&str]| {
        let instance = std::env::var("SWITCHYARD_INSTANCE").unwrap_or_else(|_| "test".into());
        let mut command = Command::new(Project::find().unwrap().path(".local/bin/yard"));
        let output = command.args(["--instance", &instance, "dlq", "redrive"]).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, shown) = run(&["--consumer", "publisher"]);
    assert_eq!(code, Some(exit::OK.into()));
    assert!(shown.contains("0 of 1 dead letters would be put back") && shown.contains("Lambda gave up"), "{shown}");
    let (code, shown) = run(&["--consumer", "publisher", "--yes", "--json"]);
    assert_eq!(code, Some(exit::FAILED.into()));
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["messages"], &shown["redriven"], &shown["dry_run"]), (&json!(1), &json!(0), &json!(false)));
    assert_eq!(stack.message_count(dlq).await, 1);
    assert_eq!(run(&["--consumer", "tax"]).0, Some(exit::USAGE.into()));
    stack.cloud.sqs.purge_queue().queue_url(dlq).send().await.unwrap();
    let (code, shown) = run(&["--consumer", "publisher", "--yes"]);
    assert_eq!((code, shown.trim()), (Some(exit::OK.into()), "there are no dead letters"));
}
