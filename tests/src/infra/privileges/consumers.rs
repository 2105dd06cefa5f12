//! What a consumer does with its permissions. The test acts as Lambda's poller, so each step is one invocation.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use jiff::{SignedDuration, Timestamp};
use orders::StoredOrder;
use serde_json::{Value, json};
use switchyard_chassis::conformance::{body, event_id};
use switchyard_chassis::{Key, Row};
use switchyard_events::{CancellationReason, Cause, CorrelationId, Envelope, OrderId, PickWithdrawn};
use tokio::time::Instant;
use yard::Consumer;
use yard::email::mailbox;
use yard::peek_dead_letters;

use super::denial::{OUTAGE, allow, deny};
use super::steps::{Steps, invoke, new_id};
use crate::support::{TestOrder, TestStack, cancellation_requested, new_order, order_confirmed, text};

/// How long a returned message may take to be visible again. A consumer chooses two seconds for a new message.
const RETURN_TIME: Duration = Duration::from_secs(6);

/// Runs every step of one consumer.
pub async fn run(stack: &TestStack, consumer: &Consumer) -> Steps {
    let fixture = Fixture { stack, consumer };
    fixture.empty_queues().await;
    let mut steps = Steps::default();
    steps.note("applies an event", fixture.applies(&[fixture.event()], 1).await);
    steps.note("applies a redelivered event", fixture.applies(&[fixture.event()], 2).await);
    steps.note("deletes an event that it handled alone", fixture.deletes_suspect().await);
    steps.note("dead-letters a bad event", fixture.dead_letters_bad_event().await);
    steps.note("returns a failed event within seconds", fixture.returns_failed_event().await);
    if consumer.subscribes_to("OrderCancelled") {
        steps.note("applies a cancellation", fixture.applies(&[cancellation()], 1).await);
    }
    match consumer.name.as_str() {
        "email" => {
            steps.note("sends a mail", fixture.sends_mail(&order()).await);
            let unanswered = order();
            fixture.leave_unanswered_send(&unanswered).await;
            steps.note("sends a mail again after a send without an answer", fixture.sends_mail(&unanswered).await);
        }
        "orders" => {
            steps.note("returns the stock of a cancelled order", fixture.returns_stock().await);
            fixture.single_rows(&mut steps, [decision(), decision()]).await;
        }
        "warehouse" => {
            steps.note("withdraws a pick that may be listed", fixture.withdraws_pick().await);
            fixture.single_rows(&mut steps, [decision(), decision()]).await;
        }
        _ => {}
    }
    fixture.empty_queues().await;
    steps
}

/// The cancellation of an order that was placed three days ago.
fn cancellation() -> String {
    let placed_at = Timestamp::now() - SignedDuration::from_hours(72);
    TestOrder::new("CA", &placed_at.to_string(), 1_500).cancellation_body()
}

fn decision() -> String {
    body(&order_confirmed(&new_id(), 2, Timestamp::now()))
}

struct Fixture<'a> {
    stack: &'a TestStack,
    consumer: &'a Consumer,
}

impl Fixture<'_> {
    /// A new event that this consumer subscribes to.
    fn event(&self) -> String {
        if self.consumer.subscribes_to("OrderPlaced") { order().body() } else { decision() }
    }

    async fn empty_queues(&self) {
        for url in [&self.consumer.queue_url, &self.consumer.dlq_url] {
            self.stack.cloud.sqs.purge_queue().queue_url(url).send().await.unwrap();
        }
    }

    async fn send(&self, body: &str) {
        self.stack
            .cloud
            .sqs
            .send_message()
            .queue_url(&self.consumer.queue_url)
            .message_body(body)
            .send()
            .await
            .unwrap();
    }

    /// The messages that are visible now, or the first that become visible in this time.
    async fn receive(&self, within: Duration) -> Vec<Message> {
        let deadline = Instant::now() + within;
        loop {
            let request = self.stack.cloud.sqs.receive_message().queue_url(&self.consumer.queue_url);
            let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
            let messages = request.max_number_of_messages(10).send().await.unwrap().messages.unwrap_or_default();
            if !messages.is_empty() || Instant::now() >= deadline {
                return messages;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Sends these bodies, and receives them as one batch.
    async fn send_and_receive(&self, bodies: &[String]) -> Vec<Message> {
        for body in bodies {
            self.send(body).await;
        }
        let messages = self.receive(Duration::ZERO).await;
        assert_eq!(messages.len(), bodies.len(), "{}: foreign messages in the queue", self.consumer.name);
        messages
    }

    /// Invokes the consumer with messages that were received so many times. The number of messages that it returns to the queue;
    /// all, if the invocation fails.
    async fn handle(&self, messages: &[Message], receive_count: u32) -> usize {
        let now = Timestamp::now().as_millisecond().to_string();
        let record = |message: &Message| {
            json!({"messageId": message.message_id, "receiptHandle": message.receipt_handle, "body": message.body,
                "eventSource": "aws:sqs", "messageAttributes": {},
                "attributes": {"ApproximateReceiveCount": receive_count.to_string(), "SentTimestamp": now}})
        };
        let event = json!({"Records": messages.iter().map(record).collect::<Vec<Value>>()});
        match invoke(self.stack, &self.consumer.function, &event).await {
            Some(answer) => answer["batchItemFailures"].as_array().map_or(0, Vec::len),
            None => messages.len(),
        }
    }

    /// Whether the events are applied, and none is dead-lettered.
    async fn applies(&self, bodies: &[String], receive_count: u32) -> bool {
        let messages = self.send_and_receive(bodies).await;
        let returned = self.handle(&messages, receive_count).await;
        self.empty_queues().await;
        let mut applied = returned == 0;
        for body in bodies {
            applied &= self.is_applied(body).await;
        }
        applied
    }

    /// Whether the event's marker is complete.
    async fn is_applied(&self, body: &str) -> bool {
        let id = event_id(body);
        let event: Value = serde_json::from_str(body).unwrap();
        let data = &event["detail"]["data"];
        // A cancellation names them in the order that it contains.
        for (kind, name) in [("ORDER", "order_id"), ("USER", "user_id")] {
            let Some(value) = data[name].as_str().or_else(|| data["order"][name].as_str()) else { continue };
            let pk = format!("{kind}#{value}");
            let rows = self.stack.query(&self.consumer.table, &pk).await;
            let is_marker = |row: &crate::support::Item| {
                row.contains_key("processed_at") && row.contains_key("event_id") && text(row, "event_id") == id.as_str()
            };
            if rows.iter().any(is_marker) {
                return true;
            }
        }
        false
    }

    /// A message whose earlier attempt did not end is handled alone; the function itself deletes it then.
    async fn deletes_suspect(&self) -> bool {
        let messages = self.send_and_receive(&[self.event()]).await;
        let id = messages[0].message_id.as_deref().unwrap();
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let put = self.stack.cloud.dynamodb.put_item().table_name(&self.consumer.table);
        let put = put.item("pk", text(&format!("ATTEMPT#{id}"))).item("sk", text("ATTEMPT"));
        put.item("attempts", AttributeValue::N("1".into())).send().await.unwrap();
        self.handle(&messages, 2).await;
        let left = self.stack.message_count(&self.consumer.queue_url).await;
        self.empty_queues().await;
        left == 0
    }

    async fn dead_letters_bad_event(&self) -> bool {
        let messages = self.send_and_receive(&["<xml/>".to_owned()]).await;
        self.handle(&messages, 1).await;
        let dead = peek_dead_letters(&self.stack.cloud, &self.consumer.dlq_url).await.unwrap();
        self.empty_queues().await;
        dead.len() == 1 && dead[0].attributes["error_code"] == "malformed"
    }

    /// While the table is out of reach.
    async fn returns_failed_event(&self) -> bool {
        deny(self.stack, &self.consumer.function, OUTAGE, &["dynamodb:*"]).await;
        let messages = self.send_and_receive(&[self.event()]).await;
        let returned = self.handle(&messages, 1).await;
        allow(self.stack, &self.consumer.function, OUTAGE).await;
        let again = self.receive(RETURN_TIME).await;
        self.empty_queues().await;
        returned == 1 && again.len() == 1
    }

    async fn sends_mail(&self, order: &TestOrder) -> bool {
        let messages = self.send_and_receive(&[order.body()]).await;
        self.handle(&messages, 1).await;
        self.empty_queues().await;
        mailbox(&self.stack.cloud).await.unwrap().iter().any(|mail| mail.to_string().contains(&order.id))
    }

    /// An earlier send of this order's mail had no answer, and its lease has ended.
    async fn leave_unanswered_send(&self, order: &TestOrder) {
        let id = event_id(&order.body());
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let put = self.stack.cloud.dynamodb.put_item().table_name(&self.consumer.table);
        let put = put.item("pk", text(&format!("ORDER#{}", order.id))).item("sk", text(&format!("EVENT#{id}")));
        let put = put.item("event_id", text(id.as_str())).item("lease_until", AttributeValue::N("0".into()));
        put.item("unresolved_sends", AttributeValue::N("1".into())).send().await.unwrap();
    }

    /// A batch of events that write one row each is one call; and again, as duplicates.
    async fn single_rows(&self, steps: &mut Steps, bodies: [String; 2]) {
        steps.note("applies two events of one row each", self.applies(&bodies, 1).await);
        steps.note("recognizes both as duplicates", self.applies(&bodies, 1).await);
    }

    /// The warehouse has withdrawn the pick of a stored order of one piece.
    async fn returns_stock(&self) -> bool {
        let sku = self.stack.create_product("4.00", true, 5).await;
        let placed = new_order("CA", &[&sku]);
        let (id, pieces) = (placed.order_id.to_string(), i64::from(placed.items[0].quantity.get()));
        self.put(StoredOrder::from_placed(placed, "caller".into(), "hash".into()).to_row().unwrap()).await;
        let withdrawn = body(&pick_withdrawn(&id));
        self.applies(&[withdrawn], 1).await && self.stack.stock_left(&sku).await == 5 + pieces
    }

    /// The owner cancels an order that is confirmed.
    async fn withdraws_pick(&self) -> bool {
        let id = new_id();
        let ready = Row::new(Key::new(format!("ORDER#{id}"), "READY"));
        self.put(ready.pending("READY", Timestamp::now())).await;
        let applied = self.applies(&[body(&cancellation_requested(&id, Timestamp::now()))], 1).await;
        let rows = self.stack.query(&self.consumer.table, &format!("ORDER#{id}")).await;
        applied && rows.iter().any(|row| text(row, "sk") == "READY" && row.contains_key("withdrawn_at"))
    }

    async fn put(&self, row: Row) {
        let put = self.stack.cloud.dynamodb.put_item().table_name(&self.consumer.table);
        put.set_item(Some(row.into_item())).send().await.unwrap();
    }
}

/// The warehouse's answer to a request to cancel an order.
fn pick_withdrawn(id: &str) -> Envelope<PickWithdrawn> {
    let withdrawn_at = Timestamp::now();
    let (order_id, reason) = (OrderId::parse(id).unwrap(), CancellationReason::Requested);
    let cause = Cause { correlation_id: CorrelationId::parse(id).unwrap(), causation_id: None, traceparent: None };
    Envelope::new(PickWithdrawn { order_id, reason, withdrawn_at }, 5, "warehouse", withdrawn_at, cause).unwrap()
}

fn order() -> TestOrder {
    TestOrder::new("CA", &Timestamp::now().to_string(), 1_500)
}
