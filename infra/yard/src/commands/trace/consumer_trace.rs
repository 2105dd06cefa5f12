//! What one consumer made of one order.

use serde::Serialize;

use crate::stack::items::{Item, number, text};

/// Whether one consumer has applied an order, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsumerTrace {
    pub name: String,
    pub state: ConsumerState,
    /// When the consumer applied it (RFC 3339).
    pub processed_at: Option<String>,
    /// From the event to that moment. The event is the order's placing, or a later fact if the consumer does not subscribe to that.
    pub lag_ms: Option<i64>,
    /// How often the consumer had received the message by then.
    pub receives: Option<i64>,
    /// The error code of the dead letter, if it has one.
    #[serde(skip)]
    pub reason: Option<String>,
}

/// Whether a consumer has applied the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConsumerState {
    /// Not yet.
    Pending,
    Done,
    /// It could not, and the event is in its dead-letter queue.
    Dead,
}

impl ConsumerState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }
}

impl ConsumerTrace {
    /// A consumer without a marker of the order.
    pub(crate) fn new(name: &str, state: ConsumerState, reason: Option<String>) -> Self {
        Self { name: name.to_owned(), state, processed_at: None, lag_ms: None, receives: None, reason }
    }

    pub(crate) fn from_marker(name: &str, marker: &Item) -> Self {
        Self {
            name: name.to_owned(),
            state: ConsumerState::Done,
            processed_at: text(marker, "processed_at"),
            lag_ms: number(marker, "lag_ms"),
            receives: number(marker, "receives"),
            reason: None,
        }
    }

    /// A row of the table for people.
    pub(crate) fn cells(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        vec![
            self.name.clone(),
            self.state.as_str().to_owned(),
            self.processed_at.clone().unwrap_or_else(dash),
            self.lag_ms.map_or_else(dash, |lag| format!("{lag} ms")),
            self.receives.map_or_else(dash, |receives| receives.to_string()),
            self.reason.clone().unwrap_or_default(),
        ]
    }
}
