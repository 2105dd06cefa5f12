//! The suite that every consumer has to pass, on a real table and real queues.
//!
//! [`ConsumerHarness`] makes a table, a queue and a dead-letter queue of its own and plays Lambda's poller; [`FaultyConsumer`] breaks a consumer for
//! chosen events. Each check panics with what it saw.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)] // a check that fails is a test that fails

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use aws_types::SdkConfig;
use rust_decimal::Decimal;
use switchyard_events::{Aggregate, AggregateId, Envelope, EventId, Fact, OrderId, OrderPlaced, parse_body};
use tokio::time::Instant;

use crate::apply::Apply;
use crate::{Batch, Clock, Consumer, Effects, Failure, Item, Key, Queue, Received, Sender, Sent, Table};

/// A table and two queues, and the part of Lambda that polls.
pub struct ConsumerHarness {
    /// The consumer's table.
    pub table: Table,
    /// Its queue and dead-letter queue.
    pub queue: Queue,
    /// Stands still, so that two runs write the same rows.
    pub clock: Clock,
    /// The body of a queue message with the `n`th event that the consumer reads: another event for another number.
    pub event: fn(u32) -> String,
}

impl ConsumerHarness {
    /// Makes a table and two queues whose names begin with this one, for a consumer of orders.
    pub async fn new(sdk: &SdkConfig, name: &str) -> Self {
        let name = format!("{name}-{:08x}", fastrand::u32(..));
        let dynamodb = aws_sdk_dynamodb::Client::new(sdk);
        let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
        let text = |name: &str| {
            let text = AttributeDefinition::builder().attribute_name(name);
            text.attribute_type(ScalarAttributeType::S).build().unwrap()
        };
        let table = dynamodb.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        let table = table.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range));
        table.attribute_definitions(text("pk")).attribute_definitions(text("sk")).send().await.unwrap();
        let client = aws_sdk_sqs::Client::new(sdk);
        let url = client.create_queue().queue_name(&name).send().await.unwrap().queue_url.unwrap();
        let dlq_url = client.create_queue().queue_name(format!("{name}-dlq")).send().await.unwrap().queue_url.unwrap();
        let clock = Clock::fixed("2026-05-26T14:23:04Z".parse().unwrap());
        let queue = Queue { client, url, dlq_url, max_receives: 5 };
        Self { table: Table::new(dynamodb, name), queue, clock, event: order }
    }

    /// The bench of a consumer that reads other events.
    pub fn of(self, event: fn(u32) -> String) -> Self {
        Self { event, ..self }
    }

    /// The body with the `n`th event.
    fn event(&self, n: u32) -> String {
        (self.event)(n)
    }

    /// Sends these bodies and receives them again, as one batch.
    pub async fn receive(&self, bodies: &[String]) -> Vec<SqsMessage> {
        for body in bodies {
            self.queue.client.send_message().queue_url(&self.queue.url).message_body(body).send().await.unwrap();
        }
        self.receive_again(bodies.len()).await
    }

    /// Receives this many messages, waiting for them to become visible.
    pub async fn receive_again(&self, count: usize) -> Vec<SqsMessage> {
        let mut messages = Vec::new();
        let deadline = Instant::now() + Duration::from_mins(1);
        while messages.len() < count {
            assert!(Instant::now() < deadline, "only {} of {count} messages came back", messages.len());
            let request = self.queue.client.receive_message().queue_url(&self.queue.url).max_number_of_messages(10);
            let request = request.message_system_attribute_names(MessageSystemAttributeName::All).wait_time_seconds(1);
            messages
                .extend(request.send().await.unwrap().messages.unwrap_or_default().into_iter().map(as_lambda_sees_it));
        }
        messages
    }

    /// Handles a batch and deletes what was done, as Lambda does; says which messages come back.
    pub async fn process<A: Apply>(&self, batch: &Batch<A>, messages: Vec<SqsMessage>) -> BTreeSet<String> {
        let response = self.handle(batch, &messages).await;
        self.settle(&messages, &response).await
    }

    /// Handles a batch and deletes nothing, as if the answer had been lost.
    pub async fn handle<A: Apply>(&self, batch: &Batch<A>, messages: &[SqsMessage]) -> SqsBatchResponse {
        let mut event = SqsEvent::default();
        event.records = messages.to_vec();
        batch.process(event, Instant::now() + Duration::from_secs(20)).await
    }

    async fn settle(&self, messages: &[SqsMessage], response: &SqsBatchResponse) -> BTreeSet<String> {
        let back: BTreeSet<_> = response.batch_item_failures.iter().map(|item| item.item_identifier.clone()).collect();
        for message in
            messages.iter().filter(|message| !back.contains(message.message_id.as_deref().unwrap_or_default()))
        {
            let request = self.queue.client.delete_message().queue_url(&self.queue.url);
            request.set_receipt_handle(message.receipt_handle.clone()).send().await.unwrap();
        }
        back
    }

    /// Every row of the table.
    pub async fn rows(&self) -> Vec<Item> {
        let scan = self.table.client.scan().table_name(&self.table.name).consistent_read(true).into_paginator().items();
        scan.send().collect::<Result<Vec<_>, _>>().await.unwrap()
    }

    /// What the table says, whatever shard it says it in and however often a message had to be received.
    pub async fn meaning(&self) -> BTreeMap<Key, BTreeMap<String, String>> {
        let mut meaning: BTreeMap<Key, BTreeMap<String, String>> = BTreeMap::new();
        for row in self.rows().await {
            let mut key = Key::from_item(&row).unwrap();
            let shard = key.sk.rfind('#').filter(|at| key.sk.len() - at < 4 && key.sk[at + 1..].parse::<u32>().is_ok());
            key.sk.truncate(shard.unwrap_or(key.sk.len()));
            let entry = meaning.entry(key).or_default();
            for (name, value) in row.into_iter().filter(|(name, _)| !VOLATILE.contains(&name.as_str())) {
                let summed =
                    |old: &String| Some(old.parse::<Decimal>().ok()? + value.as_n().ok()?.parse::<Decimal>().ok()?);
                let text = match (entry.get(&name).and_then(summed), &value) {
                    (Some(sum), _) => sum.normalize().to_string(),
                    (None, AttributeValue::N(number)) => number.clone(),
                    (None, value) => shown(value),
                };
                entry.insert(name, text);
            }
        }
        meaning
    }

    /// How many rows mark an event as applied.
    pub async fn applied(&self) -> usize {
        self.rows().await.iter().filter(|row| row.contains_key("event_id") && row.contains_key("processed_at")).count()
    }

    /// What lies in the dead-letter queue: the body and its attributes.
    pub async fn dead(&self) -> Vec<(String, HashMap<String, String>)> {
        let request = self.queue.client.receive_message().queue_url(&self.queue.dlq_url).max_number_of_messages(10);
        let answer = request.message_attribute_names("All").visibility_timeout(1).send().await.unwrap();
        let attributes = |message: &Message| {
            let attributes = message.message_attributes.clone().unwrap_or_default();
            attributes.into_iter().map(|(name, value)| (name, value.string_value.unwrap_or_default())).collect()
        };
        let messages = answer.messages.unwrap_or_default();
        messages.iter().map(|message| (message.body.clone().unwrap_or_default(), attributes(message))).collect()
    }
}

/// A value as text, the same for the same value: maps are sorted.
pub fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::L(values) => format!("{:?}", values.iter().map(shown).collect::<Vec<_>>()),
        AttributeValue::M(fields) => {
            format!("{:?}", fields.iter().map(|(name, value)| (name, shown(value))).collect::<BTreeMap<_, _>>())
        }
        plain => format!("{plain:?}"),
    }
}

/// Attributes that differ between two runs that mean the same, and keys, which stand in the row's name already.
const VOLATILE: &[&str] = &["pk", "sk", "receives", "reference", "owner", "lease_until"];

fn as_lambda_sees_it(message: Message) -> SqsMessage {
    let mut seen = SqsMessage::default();
    seen.message_id = message.message_id;
    seen.receipt_handle = message.receipt_handle;
    seen.body = message.body;
    let attributes = message.attributes.unwrap_or_default().into_iter();
    seen.attributes = attributes.map(|(name, value)| (name.as_str().to_owned(), value)).collect();
    seen
}

/// The body of a queue message with the `n`th order of one user, a minute after the one before it.
pub fn order(n: u32) -> String {
    let sample = include_str!("../../../events/samples/OrderPlaced.v1.json");
    let mut envelope: Envelope<OrderPlaced> = serde_json::from_str(sample).unwrap();
    let id = format!("ord_conformance{n}");
    envelope.data.order_id = OrderId::parse(id.as_str()).unwrap();
    envelope.data.placed_at += jiff::SignedDuration::from_mins(n.into());
    envelope.metadata.event_id = EventId::derive("OrderPlaced", &id, 1);
    envelope.metadata.aggregate = Aggregate { kind: "order".into(), id: AggregateId::parse(id).unwrap(), sequence: 1 };
    body(&envelope)
}

/// The body of a queue message with this event.
pub fn body<F: Fact>(envelope: &Envelope<F>) -> String {
    let (kind, detail) = (F::TYPE, serde_json::to_string(envelope).unwrap());
    format!(r#"{{"detail-type":"{kind}","detail":{detail}}}"#)
}

/// The identifier of the event in a body.
pub fn event_id(body: &str) -> EventId {
    parse_body(body).unwrap().metadata.event_id
}

/// A consumer or sender that fails for one event and works for all others.
pub struct FaultyConsumer<C> {
    /// The one that works.
    pub inner: C,
    /// Which event it fails for.
    pub event_id: EventId,
    /// What it does then.
    pub strike: InjectedFault,
}

/// What a fault does.
#[derive(Debug, Clone)]
pub enum InjectedFault {
    /// Nothing: the consumer works.
    Nothing,
    /// The handler panics.
    Panic,
    /// The handler answers with this failure.
    Fail(Failure),
}

impl<C> FaultyConsumer<C> {
    fn strike(&self, event_id: &EventId) -> Result<(), Failure> {
        match &self.strike {
            InjectedFault::Fail(_) | InjectedFault::Panic if *event_id != self.event_id => Ok(()),
            InjectedFault::Nothing => Ok(()),
            InjectedFault::Fail(failure) => Err(failure.clone()),
            InjectedFault::Panic => panic!("a fault on purpose, with an address in it: ada@example.com"),
        }
    }
}

impl<C: Consumer> Consumer for FaultyConsumer<C> {
    const NAME: &'static str = C::NAME;
    type Event = C::Event;

    async fn handle(&self, event: &Received<C::Event>, effects: &mut Effects) -> Result<(), Failure> {
        self.inner.handle(event, effects).await?;
        self.strike(&event.metadata.event_id)
    }
}

impl<S: Sender> Sender for FaultyConsumer<S> {
    const NAME: &'static str = S::NAME;
    type Event = S::Event;

    async fn send(&self, event: &Received<S::Event>) -> Result<Sent, Failure> {
        self.strike(&event.metadata.event_id)?;
        self.inner.send(event).await
    }
}

/// The same event again and again, alone, twice in a batch, and behind others, changes nothing.
pub async fn a_duplicate_changes_nothing<A: Apply>(bench: &ConsumerHarness, batch: &Batch<A>) {
    assert!(bench.process(batch, bench.receive(&[bench.event(1)]).await).await.is_empty());
    let once = bench.meaning().await;
    assert_eq!(bench.applied().await, 1);
    for bodies in [vec![bench.event(1)], vec![bench.event(1), bench.event(1), bench.event(1)]] {
        assert!(bench.process(batch, bench.receive(&bodies).await).await.is_empty());
        assert_eq!(bench.meaning().await, once);
    }
    let twice = [bench.event(2), bench.event(1), bench.event(2), bench.event(3)];
    assert!(bench.process(batch, bench.receive(&twice).await).await.is_empty());
    assert_eq!(bench.applied().await, 3);
}

/// What cannot be read goes to the dead-letter queue with its reason, body untouched, and its neighbours are done.
pub async fn poison_goes_to_the_dead_letters_and_its_neighbours_are_done<A: Apply>(
    bench: &ConsumerHarness,
    batch: &Batch<A>,
) {
    let newer = bench.event(2).replace(r#""version":1"#, r#""version":99"#);
    let bodies = [bench.event(1), "{ no json".to_owned(), newer.clone(), bench.event(3)];
    assert!(bench.process(batch, bench.receive(&bodies).await).await.is_empty());
    assert_eq!(bench.applied().await, 2);
    let mut dead = bench.dead().await;
    dead.sort_by_key(|(_, attributes)| attributes["error_code"].clone());
    let found: Vec<_> =
        dead.iter().map(|(body, attributes)| (body.clone(), attributes["error_code"].as_str())).collect();
    assert_eq!(found, [("{ no json".to_owned(), "malformed"), (newer, "unknown_version")]);
    for (_, attributes) in &dead {
        assert_eq!(attributes["consumer"], A::NAME);
        assert!(attributes.contains_key("fingerprint") && attributes.contains_key("first_received_at"));
    }
    assert_eq!(dead[1].1["event_id"], event_id(&bench.event(2)).as_str());
}

/// A record that panics comes back alone; its neighbours are done, and it too once the fault is gone.
pub async fn a_panic_is_its_own_records_failure<A: Apply, B: Apply>(
    bench: &ConsumerHarness,
    broken: &Batch<A>,
    whole: &Batch<B>,
) {
    let messages = bench.receive(&[bench.event(1), bench.event(2), bench.event(3)]).await;
    let guilty = messages.iter().find(|message| message.body.as_deref() == Some(&bench.event(2))).unwrap();
    let guilty = BTreeSet::from([guilty.message_id.clone().unwrap()]);
    assert_eq!(bench.process(broken, messages).await, guilty);
    assert_eq!(bench.applied().await, 2);
    let again = bench.receive_again(1).await;
    assert!(bench.process(whole, again).await.is_empty());
    assert_eq!(bench.applied().await, 3);
}

/// A rejected record goes to the dead-letter queue with its code; its neighbours are done.
pub async fn a_rejected_record_is_dead_with_its_code<A: Apply>(bench: &ConsumerHarness, broken: &Batch<A>) {
    assert!(
        bench.process(broken, bench.receive(&[bench.event(1), bench.event(2), bench.event(3)]).await).await.is_empty()
    );
    assert_eq!(bench.applied().await, 2);
    let dead = bench.dead().await;
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].0.as_str(), dead[0].1["error_code"].as_str()), (bench.event(2).as_str(), "on_purpose"));
}

/// At its last receive a record that still fails goes to the dead-letter queue, with what kept it from being done.
pub async fn the_last_receive_is_dead_with_its_reason<A: Apply>(bench: &ConsumerHarness, broken: &Batch<A>) {
    let mut messages = bench.receive(&[bench.event(2)]).await;
    let last = bench.queue.max_receives.to_string();
    messages[0].attributes.insert("ApproximateReceiveCount".into(), last.clone());
    assert!(bench.process(broken, messages).await.is_empty());
    let dead = bench.dead().await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].1["error_code"], "retries_exhausted");
    assert_eq!(dead[0].1["receive_count"], last);
    assert!(dead[0].1["error"].starts_with("the handler panicked"), "{}", dead[0].1["error"]);
    assert!(!dead[0].1["error"].contains('@'), "the panic's message is personal");
}

/// Two workers with the same events at once leave what one worker leaves that handles them one by one.
pub async fn two_workers_at_once_leave_what_one_leaves<A: Apply>(
    bench: &ConsumerHarness,
    batch: &Batch<A>,
    alone: &ConsumerHarness,
    single: &Batch<A>,
) {
    let bodies = [bench.event(1), bench.event(2), bench.event(3)];
    for body in &bodies {
        assert!(alone.process(single, alone.receive(std::slice::from_ref(body)).await).await.is_empty());
    }
    let twice = [bodies.clone(), bodies].concat();
    let mut messages = bench.receive(&twice).await;
    let others = messages.split_off(3);
    let (one, other) = tokio::join!(bench.process(batch, messages), bench.process(batch, others));
    let mut back = one.len() + other.len();
    // What met another worker's lease comes back when that has ended: the clock goes on.
    bench.clock.set(bench.clock.now() + jiff::SignedDuration::from_mins(2));
    while back > 0 {
        back = bench.process(batch, bench.receive_again(back).await).await.len();
    }
    assert_eq!(bench.applied().await, 3);
    let without_time = |mut meaning: BTreeMap<Key, BTreeMap<String, String>>| {
        for row in meaning.values_mut() {
            row.retain(|name, _| !TIMES.contains(&name.as_str()));
        }
        meaning
    };
    assert_eq!(without_time(bench.meaning().await), without_time(alone.meaning().await));
}

/// When a row was written, which two runs may differ in.
const TIMES: &[&str] = &["processed_at", "lag_ms", "expires_at", "outbox"];

/// With no time left, everything is handed back and nothing is written.
pub async fn without_time_everything_is_handed_back<A: Apply>(bench: &ConsumerHarness, batch: &Batch<A>) {
    let messages = bench.receive(&[bench.event(1), bench.event(2)]).await;
    let mut event = SqsEvent::default();
    event.records = messages.clone();
    let response = batch.process(event, Instant::now()).await;
    assert_eq!(response.batch_item_failures.len(), 2);
    assert!(bench.rows().await.is_empty());
    assert!(bench.dead().await.is_empty());
}
