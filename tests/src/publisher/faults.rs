//! Faults on calls from the publisher to the bus and to its dead-letter queue.

use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

use ::publisher::{PublishError, Publisher, StreamEvent};
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::Target;
use serde_json::{Value, json};
use switchyard_chassis::Clock;
use switchyard_chassis::conformance::order;
use switchyard_faults::{Fault, Rule};

use crate::support::{FaultSetup, event_id_of_order, fail_always, fail_first};

/// A bus for one test, and a queue that receives every event on it.
struct PublisherFixture {
    setup: FaultSetup,
    publisher: Publisher,
}

impl PublisherFixture {
    async fn new(name: &str) -> Self {
        let setup = FaultSetup::new(name).await;
        let bus = format!("{name}-{:08x}", fastrand::u32(..));
        let direct = Client::new(&setup.stack.cloud.config);
        direct.create_event_bus().name(&bus).send().await.unwrap();
        let pattern = r#"{"source": ["switchyard.checkout"]}"#;
        direct.put_rule().name(&bus).event_bus_name(&bus).event_pattern(pattern).send().await.unwrap();
        let queue = setup.queue.url.rsplit('/').next().unwrap();
        let target = Target::builder().id("queue").arn(format!("arn:aws:sqs:us-east-1:000000000000:{queue}"));
        let target = target.build().unwrap();
        direct.put_targets().rule(&bus).event_bus_name(&bus).targets(target).send().await.unwrap();
        let (events, sqs) = (Client::new(setup.clients.sdk()), setup.queue.client.clone());
        let publisher = Publisher::new(events, bus, sqs, setup.queue.dlq_url.clone(), Clock::system());
        Self { setup, publisher }
    }

    async fn publish(&self, rows: u32, seconds: u64) -> Result<(), PublishError> {
        self.publisher.publish(batch(rows), Instant::now() + Duration::from_secs(seconds)).await
    }

    /// The number of copies of each order in the queue, by order number.
    async fn deliveries(&self) -> BTreeMap<String, usize> {
        let count = usize::try_from(self.setup.stack.message_count(&self.setup.queue.url).await).unwrap();
        let mut deliveries = BTreeMap::new();
        for message in self.setup.harness.receive_again(count).await {
            let body: Value = serde_json::from_str(message.body.as_deref().unwrap()).unwrap();
            let id = body["detail"]["data"]["order_id"].as_str().unwrap();
            *deliveries.entry(id.replace("ord_conformance", "")).or_default() += 1;
        }
        deliveries
    }
}

/// A stream batch of new rows, each with an order in its outbox.
fn batch(rows: u32) -> StreamEvent {
    let record = |n| {
        let body: Value = serde_json::from_str(&order(n)).unwrap();
        let entry = json!([{"source": "switchyard.checkout", "detail_type": "OrderPlaced", "detail": body["detail"]}]);
        json!({"eventName": "INSERT", "dynamodb": {"NewImage": {"outbox": {"S": entry.to_string()}}}})
    };
    serde_json::from_value(json!({"Records": (1..=rows).map(record).collect::<Vec<_>>()})).unwrap()
}

/// Text that only this order's entry has in a call to the bus, where a detail is JSON in a string.
fn detail_of(n: u32) -> String {
    format!("conformance{n}\\\"")
}

fn each_once(rows: u32) -> BTreeMap<String, usize> {
    (1..=rows).map(|n| (n.to_string(), 1)).collect()
}

#[tokio::test]
async fn only_failed_entries_are_retried() {
    let fixture = PublisherFixture::new("bus-partial").await;
    let failing = |code: &str| Fault::Partial { entry: Some(detail_of(3)), code: Some(code.into()) };
    let once = |code: &str| Rule::new("events", "PutEvents", failing(code)).containing(&detail_of(3)).times(1);
    fixture.setup.proxy.set_rules(vec![once("ThrottlingException"), once("InternalFailure"), once("SomethingNew")]);
    fixture.publish(12, 20).await.unwrap();
    assert_eq!(fixture.deliveries().await, each_once(12));
    assert_eq!(fixture.setup.injected("events PutEvents", "partial"), 3);
}

#[tokio::test]
async fn failed_put_events_call_is_retried() {
    for fault in [Fault::Throttle, Fault::InternalError { after_effect: false }, Fault::ResetConnection] {
        let fixture = PublisherFixture::new("bus-busy").await;
        let kind = fault.kind();
        fixture.setup.proxy.set_rules(fail_first(4, "events", "PutEvents", fault));
        fixture.publish(3, 25).await.unwrap();
        assert_eq!(fixture.deliveries().await, each_once(3), "{kind}");
    }
}

#[tokio::test]
async fn bus_timeout_fails_invocation_and_retry_puts_entries() {
    let fixture = PublisherFixture::new("bus-down").await;
    let down = Fault::Partial { entry: Some(detail_of(2)), code: None };
    fixture.setup.proxy.set_rules(fail_always("events", "PutEvents", down));
    assert_eq!(fixture.publish(3, 3).await, Err(PublishError::NotPublished(1)));
    fixture.setup.proxy.set_rules(Vec::new());
    fixture.publish(3, 20).await.unwrap();
    // Entries that had been put are put again; consumers ignore the duplicates.
    assert_eq!(fixture.deliveries().await, [("1".into(), 2), ("2".into(), 1), ("3".into(), 2)].into());
}

#[tokio::test]
async fn entry_with_lost_answer_is_put_again_as_duplicate() {
    for fault in [Fault::DropResponse, Fault::InternalError { after_effect: true }] {
        let fixture = PublisherFixture::new("bus-unknown").await;
        fixture.setup.proxy.set_rules(fail_first(1, "events", "PutEvents", fault));
        fixture.publish(3, 20).await.unwrap();
        let deliveries = fixture.deliveries().await;
        assert!(deliveries.len() == 3 && deliveries.values().all(|times| *times == 2), "{deliveries:?}");
    }
}

#[tokio::test]
async fn refused_entry_goes_to_dlq_and_others_are_put() {
    let fixture = PublisherFixture::new("bus-refuses").await;
    let never = Fault::Partial { entry: Some(detail_of(2)), code: Some("MalformedDetail".into()) };
    fixture.setup.proxy.set_rules(fail_always("events", "PutEvents", never));
    fixture.publish(3, 20).await.unwrap();
    assert_eq!(fixture.deliveries().await, [("1".into(), 1), ("3".into(), 1)].into());
    let dead = fixture.setup.harness.dead_letters().await;
    assert_eq!(dead.len(), 1);
    assert_eq!(
        (dead[0].1["error_code"].as_str(), dead[0].1["event_id"].as_str()),
        ("refused", event_id_of_order(2).as_str())
    );
    assert!(dead[0].1["error"].contains("MalformedDetail"), "{:?}", dead[0].1);
}

#[tokio::test]
async fn refused_call_sends_only_its_bad_entry_to_dlq() {
    let fixture = PublisherFixture::new("bus-refuses-call").await;
    let refused = Fault::Reject { code: "ValidationException".into() };
    fixture.setup.proxy.set_rules(vec![Rule::new("events", "PutEvents", refused).containing(&detail_of(2))]);
    fixture.publish(3, 20).await.unwrap();
    assert_eq!(fixture.deliveries().await, [("1".into(), 1), ("3".into(), 1)].into());
    assert_eq!(fixture.setup.harness.dead_letters().await.len(), 1);
}

#[tokio::test]
async fn entry_refused_by_bus_and_dlq_fails_invocation() {
    let fixture = PublisherFixture::new("bus-and-queue").await;
    let never = Fault::Partial { entry: Some(detail_of(2)), code: Some("MalformedDetail".into()) };
    let rules = [Rule::new("events", "PutEvents", never), Rule::new("sqs", "SendMessageBatch", Fault::Throttle)];
    fixture.setup.proxy.set_rules(rules.into());
    assert_eq!(fixture.publish(2, 20).await, Err(PublishError::NotDeadLettered(1)));
}
