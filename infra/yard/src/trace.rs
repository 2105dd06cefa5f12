//! `yard trace`: what each consumer made of one order.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::try_join_all;
use orders::OrderStatus;
use serde::Serialize;
use switchyard_events::{EventId, Fact, OrderPlaced};
use tokio::time::{Instant, sleep};

use crate::rows::{Row, applied, number, order, partition, text};
use crate::{Cloud, Consumer, Stack, dead, table};

/// Between two looks while waiting.
const PAUSE: Duration = Duration::from_millis(200);

/// One order and its consumers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trace {
    pub order_id: String,
    /// Of the order's `OrderPlaced`.
    pub event_id: String,
    /// How far the order has come.
    pub status: OrderStatus,
    pub consumers: Vec<ConsumerTrace>,
}

/// What one consumer made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsumerTrace {
    pub name: String,
    pub state: ConsumerState,
    /// When the consumer applied it (RFC 3339).
    pub processed_at: Option<String>,
    /// From the event to that moment: the order's, or whichever fact about it the consumer subscribes_to of.
    pub lag_ms: Option<i64>,
    /// How often it had received the message by then.
    pub receives: Option<i64>,
    /// Why it is dead, as far as is known.
    #[serde(skip)]
    pub reason: Option<String>,
}

/// Whether a consumer has applied the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConsumerState {
    /// Not yet.
    Pending,
    /// It has.
    Done,
    /// It could not, and the event lies with its dead letters.
    Dead,
}

impl Trace {
    /// Whether every consumer is done.
    pub fn is_done(&self) -> bool {
        self.consumers.iter().all(|line| line.state == ConsumerState::Done)
    }

    fn is_settled(&self) -> bool {
        self.consumers.iter().all(|line| line.state != ConsumerState::Pending)
    }

    /// For people.
    pub fn render(&self) -> String {
        let rows: Vec<Vec<String>> = self.consumers.iter().map(ConsumerTrace::row).collect();
        let headings = ["consumer", "state", "processed at", "lag", "receives", ""];
        let table = table::render(&headings, &[3, 4], &rows);
        let table = table::paint(&table, &["done"], &["dead"], &["pending"]);
        format!("order {}  {}  event {}\n{table}", self.order_id, self.status, self.event_id)
    }
}

impl ConsumerTrace {
    fn row(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        let state = match self.state {
            ConsumerState::Pending => "pending",
            ConsumerState::Done => "done",
            ConsumerState::Dead => "dead",
        };
        vec![
            self.name.clone(),
            state.to_owned(),
            self.processed_at.clone().unwrap_or_else(dash),
            self.lag_ms.map_or_else(dash, |lag| format!("{lag} ms")),
            self.receives.map_or_else(dash, |receives| receives.to_string()),
            self.reason.clone().unwrap_or_default(),
        ]
    }

    fn unapplied(name: &str, state: ConsumerState, reason: Option<String>) -> Self {
        Self { name: name.to_owned(), state, processed_at: None, lag_ms: None, receives: None, reason }
    }

    fn applied(name: &str, row: &Row) -> Self {
        Self {
            name: name.to_owned(),
            state: ConsumerState::Done,
            processed_at: text(row, "processed_at"),
            lag_ms: number(row, "lag_ms"),
            receives: number(row, "receives"),
            reason: None,
        }
    }
}

/// Looks until nothing is pending any more, at most for `patience`; at least once.
pub async fn trace_order(cloud: &Cloud, stack: &Stack, order_id: &str, patience: Duration) -> Result<Trace> {
    let deadline = Instant::now() + patience;
    loop {
        let trace = look(cloud, stack, order_id).await?;
        if trace.is_settled() || Instant::now() >= deadline {
            return Ok(trace);
        }
        sleep(PAUSE).await;
    }
}

async fn look(cloud: &Cloud, stack: &Stack, order_id: &str) -> Result<Trace> {
    let order = order(cloud, stack, order_id).await?;
    let event_id = EventId::derive(OrderPlaced::TYPE, order_id, 1).to_string();
    let user_id = text(&order, "user_id");
    let lines = stack.consumers.iter().map(|consumer| line(cloud, consumer, order_id, user_id.as_deref()));
    let consumers = try_join_all(lines).await?;
    // After the consumers' rows, so that what they have done shows in it.
    let status = OrderStatus::from_rows(&partition(cloud, stack, order_id).await?);
    Ok(Trace { order_id: order_id.to_owned(), event_id, status, consumers })
}

/// The most facts that are told about one order, its placing first.
const MOST_FACTS: u64 = 9;

/// The events of which a consumer has to apply one to be done with an order: its placing, or, where it subscribes only to what follows
/// from that, whatever of it comes.
fn awaited(consumer: &Consumer, order_id: &str) -> Vec<String> {
    let id = |event_type: &str, sequence| EventId::derive(event_type, order_id, sequence).to_string();
    if consumer.subscribes_to(OrderPlaced::TYPE) {
        return vec![id(OrderPlaced::TYPE, 1)];
    }
    consumer
        .event_types
        .iter()
        .flat_map(|event_type| (2..=MOST_FACTS).map(|sequence| id(event_type, sequence)))
        .collect()
}

async fn line(cloud: &Cloud, consumer: &Consumer, order_id: &str, user_id: Option<&str>) -> Result<ConsumerTrace> {
    let awaited = awaited(consumer, order_id);
    let places = std::iter::once(format!("ORDER#{order_id}")).chain(user_id.map(|user| format!("USER#{user}")));
    for pk in places {
        if let Some(row) = applied(cloud, &consumer.table, pk, &awaited).await? {
            return Ok(ConsumerTrace::applied(&consumer.name, &row));
        }
    }
    let dead = dead::peek_dead_letters(cloud, &consumer.dlq_url).await?;
    Ok(match dead.into_iter().find(|dead| dead.event_id.as_ref().is_some_and(|id| awaited.contains(id))) {
        Some(dead) => {
            ConsumerTrace::unapplied(&consumer.name, ConsumerState::Dead, dead.attributes.get("error_code").cloned())
        }
        None => ConsumerTrace::unapplied(&consumer.name, ConsumerState::Pending, None),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    fn traced(states: &[ConsumerState]) -> Trace {
        let consumers = states.iter().map(|&state| ConsumerTrace::unapplied("tax", state, None)).collect();
        Trace { order_id: "ord_1".into(), event_id: "evt_1".into(), status: OrderStatus::Received, consumers }
    }

    #[test]
    fn only_all_done_is_done_and_dead_is_not_waited_for() {
        assert!(traced(&[ConsumerState::Done, ConsumerState::Done]).is_done());
        assert!(!traced(&[ConsumerState::Done, ConsumerState::Dead]).is_done());
        assert!(!traced(&[ConsumerState::Done, ConsumerState::Pending]).is_done());
        assert!(traced(&[ConsumerState::Done, ConsumerState::Dead]).is_settled());
        assert!(!traced(&[ConsumerState::Dead, ConsumerState::Pending]).is_settled());
    }

    #[test]
    fn a_trace_has_exactly_the_documented_fields() {
        let row = Row::from([
            ("processed_at".to_owned(), AttributeValue::S("2026-05-26T14:23:01.250Z".to_owned())),
            ("lag_ms".to_owned(), AttributeValue::N("250".to_owned())),
            ("receives".to_owned(), AttributeValue::N("1".to_owned())),
        ]);
        let mut trace = traced(&[ConsumerState::Dead]);
        trace.consumers.push(ConsumerTrace::applied("fraud", &row));
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
