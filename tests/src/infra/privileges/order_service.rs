//! What checkout, the orders API and the publisher do with their permissions.

use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::Target;
use jiff::Timestamp;
use orders::StoredOrder;
use serde_json::{Value, json};
use switchyard_chassis::conformance::order;
use switchyard_events::OrderId;
use tokio::time::Instant;
use yard::{ApiRequest, peek_dead_letters};

use super::steps::{Steps, invoke, new_id};
use crate::support::{TestStack, new_cart, new_user_id};

/// Status 202 with the permission; 503 if the table cannot be read or written.
pub async fn run_checkout(stack: &TestStack) -> Steps {
    let mut steps = Steps::default();
    let sku = stack.create_product("4.00", true, 5).await;
    let status = async |sku: &str| {
        let cart = new_cart(&new_user_id(), &[(sku, 1)]);
        let key = format!("permissions-{:016x}", fastrand::u64(..));
        stack.api.checkout(&cart, &[("idempotency-key", &key)]).await.unwrap().status
    };
    steps.note("places an order", status(&sku).await == 202);
    // The same request may have placed the order before the product was removed.
    let unknown = format!("GONE-{:08X}", fastrand::u32(..));
    steps.note("finds out whether a rejected request was accepted before", status(&unknown).await == 422);
    steps
}

pub async fn run_orders_api(stack: &TestStack, order_id: &str) -> Steps {
    let mut steps = Steps::default();
    let shown = stack.api.get(&format!("/orders/{order_id}")).await.unwrap();
    steps.note("shows an order", shown.status == 200);
    let rows = stack.query(&stack.deployed.orders_table, &format!("ORDER#{order_id}")).await;
    let order = StoredOrder::from_row(&rows[0]).unwrap();
    let listed = stack.api.get(&format!("/orders?user_id={}", order.user_id)).await.unwrap();
    steps.note("lists orders", listed.status == 200 && listed.json()["orders"][0]["order_id"] == order_id);
    steps.note("cancels an order", cancels_order(stack, order).await);
    steps
}

/// Cancels a copy of this order, as an order's cancellation is stored only once.
async fn cancels_order(stack: &TestStack, order: StoredOrder) -> bool {
    let copy = StoredOrder { id: OrderId::parse(new_id()).unwrap(), ..order };
    let put = stack.cloud.dynamodb.put_item().table_name(&stack.deployed.orders_table);
    put.set_item(Some(copy.to_row().unwrap().into_item())).send().await.unwrap();
    let path = format!("/orders/{}/cancel", copy.id);
    let call = ApiRequest { method: "POST", path: &path, headers: &[], body: b"", signed: true };
    stack.api.send(&call).await.unwrap().status == 202
}

/// A queue that receives every order on the bus.
pub struct BusQueue {
    url: String,
}

const BUS_QUEUE: &str = "permissions-bus";

impl BusQueue {
    pub async fn new(stack: &TestStack) -> Self {
        let url = stack.cloud.sqs.create_queue().queue_name(BUS_QUEUE).send().await.unwrap().queue_url.unwrap();
        let events = Client::new(&stack.cloud.config);
        let rule = events.put_rule().name(BUS_QUEUE).event_bus_name(&stack.deployed.bus);
        rule.event_pattern(r#"{"source": ["switchyard.checkout"]}"#).send().await.unwrap();
        let target = Target::builder().id("queue").arn(format!("arn:aws:sqs:us-east-1:000000000000:{BUS_QUEUE}"));
        let targets = events.put_targets().rule(BUS_QUEUE).event_bus_name(&stack.deployed.bus);
        targets.targets(target.build().unwrap()).send().await.unwrap();
        Self { url }
    }

    async fn receives(&self, stack: &TestStack, id: &str) -> bool {
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            let request = stack.cloud.sqs.receive_message().queue_url(&self.url).max_number_of_messages(10);
            let messages = request.send().await.unwrap().messages.unwrap_or_default();
            if messages.iter().any(|message| message.body().is_some_and(|body| body.contains(id))) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }

    pub async fn delete(self, stack: &TestStack) {
        let events = Client::new(&stack.cloud.config);
        let remove = events.remove_targets().rule(BUS_QUEUE).event_bus_name(&stack.deployed.bus).ids("queue");
        remove.send().await.unwrap();
        events.delete_rule().name(BUS_QUEUE).event_bus_name(&stack.deployed.bus).send().await.unwrap();
        stack.cloud.sqs.delete_queue().queue_url(&self.url).send().await.unwrap();
    }
}

pub async fn run_publisher(stack: &TestStack, bus: &BusQueue) -> Steps {
    let mut steps = Steps::default();
    let number = fastrand::u32(1_000_000..);
    let body: Value = serde_json::from_str(&order(number)).unwrap();
    let entry = json!([{"source": "switchyard.checkout", "detail_type": "OrderPlaced", "detail": body["detail"]}]);
    let published = publish(stack, &entry.to_string()).await;
    let id = format!("ord_conformance{number}");
    steps.note("publishes an event", published && bus.receives(stack, &id).await);

    let dlq = &stack.deployed.publisher_dlq;
    stack.cloud.sqs.purge_queue().queue_url(dlq).send().await.unwrap();
    let handed_over = publish(stack, "no list").await;
    let dead = peek_dead_letters(&stack.cloud, dlq).await.unwrap();
    stack.cloud.sqs.purge_queue().queue_url(dlq).send().await.unwrap();
    steps.note("dead-letters an unreadable outbox", handed_over && dead.len() == 1);
    steps
}

/// Invokes the publisher with a new row that has this outbox.
async fn publish(stack: &TestStack, outbox: &str) -> bool {
    let record = json!({"eventName": "INSERT", "dynamodb": {
        "ApproximateCreationDateTime": Timestamp::now().as_second(), "NewImage": {"outbox": {"S": outbox}},
    }});
    invoke(stack, &stack.deployed.publisher, &json!({"Records": [record]})).await.is_some()
}
