//! Faults on calls from the publisher to the bus and to its dead-letter queue.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

use ::publisher::{PublishError, Publisher, StreamEvent};
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::Target;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use switchyard_chassis::Clock;
use switchyard_chassis::conformance::order;
use switchyard_faults::{Fault, Rule};

use yard::peek_dead_letters;

use crate::support::{FaultSetup, event_id_of_order, fail_always, fail_first};

/// A bus for one test, and a queue that receives every event on it.
struct PublisherFixture {
    setup: FaultSetup,
    publisher: Publisher,
    clock: Clock,
}

/// When the rows of [`batch`] were written.
fn written_at() -> Timestamp {
    "2026-05-26T14:23:04Z".parse().unwrap()
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
        let clock = Clock::fixed(written_at());
        let publisher = Publisher::new(events, bus, sqs, setup.queue.dlq_url.clone(), clock.clone());
        Self { setup, publisher, clock }
    }

    /// Sets the clock to so long after the rows were written.
    fn wait(&self, minutes: i64) {
        self.clock.set(written_at() + SignedDuration::from_mins(minutes));
    }

    /// The body and attributes of each dead letter. There must be so many.
    async fn dead_letters(&self, count: usize) -> Vec<(String, HashMap<String, String>)> {
        let dead = self.setup.stack.message_count(&self.setup.queue.dlq_url).await;
        assert_eq!(usize::try_from(dead).unwrap(), count);
        let letters = peek_dead_letters(&self.setup.stack.cloud, &self.setup.queue.dlq_url).await.unwrap();
        letters.into_iter().map(|letter| (letter.body, letter.attributes)).collect()
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
    batch_of(&(1..=rows).map(|n| (n, SignedDuration::ZERO)).collect::<Vec<_>>())
}

/// A stream batch of new rows: the number of each order, and how long after the first its row was written.
fn batch_of(rows: &[(u32, SignedDuration)]) -> StreamEvent {
    let record = |&(n, later): &(u32, SignedDuration)| {
        let body: Value = serde_json::from_str(&order(n)).unwrap();
        let entry = json!([{"source": "switchyard.checkout", "detail_type": "OrderPlaced", "detail": body["detail"]}]);
        json!({"eventName": "INSERT", "dynamodb": {
            "ApproximateCreationDateTime": (written_at() + later).as_second(),
            "NewImage": {"outbox": {"S": entry.to_string()}},
        }})
    };
    serde_json::from_value(json!({"Records": rows.iter().map(record).collect::<Vec<_>>()})).unwrap()
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

#[tokio::test]
async fn bus_outage_of_hours_dead_letters_nothing_and_retries() {
    let fixture = PublisherFixture::new("bus-hours").await;
    fixture.setup.proxy.set_rules(fail_always("events", "PutEvents", Fault::InternalError { after_effect: false }));
    for minutes in [0, 200, 360] {
        fixture.wait(minutes);
        assert_eq!(fixture.publish(12, 2).await, Err(PublishError::NotPublished(12)), "{minutes}");
    }
    fixture.setup.proxy.set_rules(Vec::new());
    fixture.publish(12, 20).await.unwrap();
    assert_eq!(fixture.deliveries().await, each_once(12));
    assert!(fixture.dead_letters(0).await.is_empty());
}

#[tokio::test]
async fn entry_older_than_6_hours_is_tried_once_then_goes_to_dlq() {
    for fault in [Fault::Throttle, Fault::Reject { code: "AccessDeniedException".into() }, Fault::ResetConnection] {
        let fixture = PublisherFixture::new("bus-overdue").await;
        let kind = fault.kind();
        fixture.setup.proxy.set_rules(fail_always("events", "PutEvents", fault));
        fixture.wait(361);
        fixture.publish(23, 20).await.unwrap();
        assert_eq!(fixture.setup.injected("events PutEvents", kind), 3, "{kind}: 23 entries are three calls");
        for (body, attributes) in fixture.dead_letters(23).await {
            let text = |name: &str| attributes[name].as_str();
            assert_eq!(
                (text("error_code"), text("consumer"), text("receive_count")),
                ("bus_unavailable", "publisher", "1")
            );
            assert!(text("error").contains("PutEvents"), "{kind}: {}", text("error"));
            let event: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(event["detail"]["metadata"]["event_id"], text("event_id"));
            assert_eq!(text("first_received_at"), written_at().as_millisecond().to_string());
        }
    }
}

#[tokio::test]
async fn old_entry_is_put_when_bus_is_available_again() {
    let fixture = PublisherFixture::new("bus-old").await;
    fixture.wait(23 * 60);
    fixture.publish(12, 20).await.unwrap();
    assert_eq!(fixture.deliveries().await, each_once(12));
    assert!(fixture.dead_letters(0).await.is_empty());
}

#[tokio::test]
async fn old_entries_of_hanging_bus_go_to_dlq_within_seconds() {
    let fixture = PublisherFixture::new("bus-hangs").await;
    fixture.setup.proxy.set_rules(fail_always("events", "PutEvents", Fault::Delay { ms: 20_000 }));
    fixture.wait(361);
    let started = Instant::now();
    fixture.publish(40, 25).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    assert_eq!(fixture.dead_letters(40).await.len(), 40);
}

#[tokio::test]
async fn younger_entry_of_batch_is_not_sent_to_dlq_with_old_ones() {
    let fixture = PublisherFixture::new("bus-mixed").await;
    fixture.setup.proxy.set_rules(fail_always("events", "PutEvents", Fault::Throttle));
    fixture.wait(361);
    let hours = SignedDuration::from_hours;
    let mixed = batch_of(&[(1, hours(0)), (2, hours(0)), (3, hours(5))]);
    let failed = fixture.publisher.publish(mixed, Instant::now() + Duration::from_secs(2)).await;
    assert_eq!(failed, Err(PublishError::NotPublished(3)));
    assert!(fixture.dead_letters(0).await.is_empty());
    // Lambda divides the failed batch.
    for (half, left) in [(batch_of(&[(1, hours(0)), (2, hours(0))]), None), (batch_of(&[(3, hours(5))]), Some(1))] {
        let result = fixture.publisher.publish(half, Instant::now() + Duration::from_secs(2)).await;
        assert_eq!(result.err(), left.map(PublishError::NotPublished));
    }
    assert_eq!(fixture.dead_letters(2).await.len(), 2);
}

#[tokio::test]
async fn only_entries_refused_by_dlq_are_sent_to_it_again() {
    let fixture = PublisherFixture::new("dlq-partial").await;
    let refused = Fault::Partial { entry: Some(detail_of(3)), code: None };
    let rules =
        [Rule::new("events", "PutEvents", Fault::Throttle), Rule::new("sqs", "SendMessageBatch", refused).times(2)];
    fixture.setup.proxy.set_rules(rules.into());
    fixture.wait(361);
    fixture.publish(12, 20).await.unwrap();
    assert_eq!(fixture.setup.injected("sqs SendMessageBatch", "partial"), 2);
    let ids: HashSet<_> = fixture.dead_letters(12).await.into_iter().map(|(_, of)| of["event_id"].clone()).collect();
    assert_eq!(ids.len(), 12);
}

#[tokio::test]
async fn entries_refused_by_unavailable_dlq_stay_in_stream() {
    let fixture = PublisherFixture::new("dlq-down").await;
    let rules = [
        Rule::new("events", "PutEvents", Fault::Throttle),
        Rule::new("sqs", "SendMessageBatch", Fault::Partial { entry: Some(detail_of(2)), code: None }),
    ];
    fixture.setup.proxy.set_rules(rules.into());
    fixture.wait(361);
    assert_eq!(fixture.publish(3, 20).await, Err(PublishError::NotDeadLettered(1)));
    fixture.setup.proxy.set_rules(vec![
        Rule::new("events", "PutEvents", Fault::Throttle),
        Rule::new("sqs", "SendMessageBatch", Fault::Delay { ms: 20_000 }),
    ]);
    assert_eq!(fixture.publish(3, 4).await, Err(PublishError::NotDeadLettered(3)), "in time for the deadline");
}
