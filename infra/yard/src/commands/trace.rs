//! `yard trace`: shows what each consumer made of one order.

mod consumer_trace;

use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use futures_util::future::try_join_all;
use orders::OrderStatus;
use serde::Serialize;
use switchyard_events::{EventId, Fact, OrderPlaced};
use tokio::time::{Instant, sleep};

use crate::aws::clients::Cloud;
use crate::commands::context::{CommandContext, Completion, JsonArgs, RegionArgs};
use crate::stack::consumer::Consumer;
use crate::stack::dead_letters::peek_dead_letters;
use crate::stack::deployed::Stack;
use crate::stack::items::{find_marker, read_order, read_order_partition, text};
use crate::terminal::output::print_result;
use crate::terminal::table;

pub use crate::commands::trace::consumer_trace::{ConsumerState, ConsumerTrace};

/// How long to wait before looking again.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The highest sequence of a fact about one order. Its placing has 1.
const MAX_SEQUENCE: u64 = 9;

#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    order_id: String,
    /// Wait so long for consumers that are not done yet
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    wait: f64,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    region: RegionArgs,
}

impl TraceArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        let timeout = Duration::try_from_secs_f64(self.wait).context("--wait takes a number of seconds")?;
        let (cloud, stack) = context.connect(self.region.region).await?;
        let trace = trace_order(&cloud, &stack, &self.order_id, timeout).await?;
        print_result(&trace, self.json.json, Trace::render)?;
        Ok(Completion::from_success(trace.is_done()))
    }
}

/// One order and its consumers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trace {
    pub order_id: String,
    /// Of the order's `OrderPlaced`.
    pub event_id: String,
    pub status: OrderStatus,
    pub consumers: Vec<ConsumerTrace>,
}

impl Trace {
    /// Whether every consumer has applied the order.
    pub fn is_done(&self) -> bool {
        self.consumers.iter().all(|consumer| consumer.state == ConsumerState::Done)
    }

    /// Whether waiting cannot change anything: no consumer is pending.
    fn is_settled(&self) -> bool {
        self.consumers.iter().all(|consumer| consumer.state != ConsumerState::Pending)
    }

    /// For people.
    pub fn render(&self) -> String {
        let rows: Vec<Vec<String>> = self.consumers.iter().map(ConsumerTrace::cells).collect();
        let headings = ["consumer", "state", "processed at", "lag", "receives", ""];
        let table = table::render(&headings, &[3, 4], &rows);
        let table = table::paint(&table, &["done"], &["dead"], &["pending"]);
        format!("order {}  {}  event {}\n{table}", self.order_id, self.status, self.event_id)
    }
}

/// Reads the order's trace, again and again until no consumer is pending or `timeout` has passed; at least once.
pub async fn trace_order(cloud: &Cloud, stack: &Stack, order_id: &str, timeout: Duration) -> Result<Trace> {
    let deadline = Instant::now() + timeout;
    loop {
        let trace = read_trace(cloud, stack, order_id).await?;
        if trace.is_settled() || Instant::now() >= deadline {
            return Ok(trace);
        }
        sleep(POLL_INTERVAL).await;
    }
}

async fn read_trace(cloud: &Cloud, stack: &Stack, order_id: &str) -> Result<Trace> {
    let order = read_order(cloud, &stack.orders_table, order_id).await?;
    let event_id = EventId::derive(OrderPlaced::TYPE, order_id, 1).to_string();
    let user_id = text(&order, "user_id");
    let consumers =
        stack.consumers.iter().map(|consumer| read_consumer_trace(cloud, consumer, order_id, user_id.as_deref()));
    let consumers = try_join_all(consumers).await?;
    // Read after the consumers' markers, so that the status shows what those consumers have done.
    let status = OrderStatus::from_rows(&read_order_partition(cloud, &stack.orders_table, order_id).await?);
    Ok(Trace { order_id: order_id.to_owned(), event_id, status, consumers })
}

async fn read_consumer_trace(
    cloud: &Cloud,
    consumer: &Consumer,
    order_id: &str,
    user_id: Option<&str>,
) -> Result<ConsumerTrace> {
    let event_ids = awaited_event_ids(consumer, order_id);
    let partitions = std::iter::once(format!("ORDER#{order_id}")).chain(user_id.map(|user| format!("USER#{user}")));
    for pk in partitions {
        if let Some(marker) = find_marker(cloud, &consumer.table, pk, &event_ids).await? {
            return Ok(ConsumerTrace::from_marker(&consumer.name, &marker));
        }
    }
    let dead_letters = peek_dead_letters(cloud, &consumer.dlq_url).await?;
    let awaited = |id: &String| event_ids.contains(id);
    Ok(match dead_letters.into_iter().find(|letter| letter.event_id.as_ref().is_some_and(awaited)) {
        Some(letter) => {
            let error_code = letter.attributes.get("error_code").cloned();
            ConsumerTrace::new(&consumer.name, ConsumerState::Dead, error_code)
        }
        None => ConsumerTrace::new(&consumer.name, ConsumerState::Pending, None),
    })
}

/// The events of which a consumer has to apply one to be done with an order: `OrderPlaced`; or, if the consumer does not subscribe to
/// it, any later fact about the order.
fn awaited_event_ids(consumer: &Consumer, order_id: &str) -> Vec<String> {
    let id = |event_type: &str, sequence| EventId::derive(event_type, order_id, sequence).to_string();
    if consumer.subscribes_to(OrderPlaced::TYPE) {
        return vec![id(OrderPlaced::TYPE, 1)];
    }
    let types = consumer.event_types.iter();
    types.flat_map(|event_type| (2..=MAX_SEQUENCE).map(|sequence| id(event_type, sequence))).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;
    use crate::commands::trace::consumer_trace::ConsumerState;
    use crate::stack::items::Item;

    fn traced(states: &[ConsumerState]) -> Trace {
        let consumers = states.iter().map(|&state| ConsumerTrace::new("tax", state, None)).collect();
        Trace { order_id: "ord_1".into(), event_id: "evt_1".into(), status: OrderStatus::Received, consumers }
    }

    #[test]
    fn trace_settles_on_dead_letter_without_being_done() {
        assert!(traced(&[ConsumerState::Done, ConsumerState::Done]).is_done());
        assert!(!traced(&[ConsumerState::Done, ConsumerState::Dead]).is_done());
        assert!(!traced(&[ConsumerState::Done, ConsumerState::Pending]).is_done());
        assert!(traced(&[ConsumerState::Done, ConsumerState::Dead]).is_settled());
        assert!(!traced(&[ConsumerState::Dead, ConsumerState::Pending]).is_settled());
    }

    #[test]
    fn trace_json_has_exactly_documented_fields() {
        let marker = Item::from([
            ("processed_at".to_owned(), AttributeValue::S("2026-05-26T14:23:01.250Z".to_owned())),
            ("lag_ms".to_owned(), AttributeValue::N("250".to_owned())),
            ("receives".to_owned(), AttributeValue::N("1".to_owned())),
        ]);
        let mut trace = traced(&[ConsumerState::Dead]);
        trace.consumers.push(ConsumerTrace::from_marker("fraud", &marker));
        assert_eq!(
            serde_json::to_string(&trace).unwrap(),
            concat!(
                r#"{"order_id":"ord_1","event_id":"evt_1","status":"received","consumers":["#,
                r#"{"name":"tax","state":"dead","processed_at":null,"lag_ms":null,"receives":null},"#,
                r#"{"name":"fraud","state":"done","processed_at":"2026-05-26T14:23:01.250Z","lag_ms":250,"receives":1}]}"#,
            )
        );
    }
}
