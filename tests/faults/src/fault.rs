//! What can go wrong with a call.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Call;

/// One way to break a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// It is forwarded late.
    Delay {
        /// How late.
        ms: u64,
    },
    /// The service answers with its internal error (500).
    Error {
        /// Whether the call took effect all the same.
        #[serde(default)]
        after: bool,
    },
    /// The service answers with this error (400), in its own shape. Nothing takes effect.
    Reject {
        /// Such as `ValidationException`.
        code: String,
    },
    /// The service answers that there are too many calls, in its own words. Nothing takes effect.
    Throttle,
    /// `DynamoDB` cancels a write because of one of its items. Nothing takes effect.
    Conflict {
        /// Text in the actions that are to blame; the first action, if not said.
        #[serde(default)]
        item: Option<String>,
        /// The reason's code; `TransactionConflict`, if not said.
        #[serde(default)]
        code: Option<String>,
    },
    /// Of a call with several entries (`PutEvents`, `BatchExecuteStatement`, `BatchGetItem`) some are not done, and the
    /// answer says so.
    Partial {
        /// Text in the entries that are left out; at random, if not said.
        #[serde(default)]
        entry: Option<String>,
        /// The entries' error code; one that is worth another try, if not said.
        #[serde(default)]
        code: Option<String>,
    },
    /// The connection is closed, and no new one is accepted for a while.
    Refuse {
        /// For how long.
        ms: u64,
    },
    /// The connection is closed in good order before the call is forwarded.
    Close,
    /// The connection is reset before the call is forwarded.
    Reset,
    /// The call takes effect, and the connection is closed instead of an answer.
    Drop,
    /// The caller's process is killed.
    Kill {
        /// After the call took effect rather than before.
        #[serde(default)]
        after: bool,
    },
}

impl Fault {
    /// How counts name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Delay { .. } => "delay",
            Self::Error { after: false } => "error",
            Self::Error { after: true } => "error_after_effect",
            Self::Reject { .. } => "reject",
            Self::Throttle => "throttle",
            Self::Conflict { .. } => "conflict",
            Self::Partial { .. } => "partial",
            Self::Refuse { .. } => "refuse",
            Self::Close => "close",
            Self::Reset => "reset",
            Self::Drop => "drop",
            Self::Kill { after: false } => "kill",
            Self::Kill { after: true } => "kill_after_effect",
        }
    }

    /// Whether there can be such a fault of this call.
    pub(crate) fn fits(&self, call: &Call) -> bool {
        match self {
            Self::Conflict { item, .. } => {
                let body = || call.json();
                match call.operation.as_str() {
                    "TransactWriteItems" => to_blame(&body(), item.as_deref()).iter().any(|guilty| *guilty),
                    "PutItem" | "UpdateItem" | "DeleteItem" => {
                        item.as_ref().is_none_or(|text| body().to_string().contains(text.as_str()))
                    }
                    _ => false,
                }
            }
            Self::Partial { .. } => {
                matches!(call.operation.as_str(), "PutEvents" | "BatchExecuteStatement" | "BatchGetItem")
            }
            _ => true,
        }
    }
}

/// Which actions of a transaction have the text in them; the first one, if there is no text to look for.
pub(crate) fn to_blame(transaction: &Value, item: Option<&str>) -> Vec<bool> {
    let actions = transaction["TransactItems"].as_array().map(Vec::as_slice).unwrap_or_default();
    let guilty = |(place, action): (usize, &Value)| match item {
        Some(text) => action.to_string().contains(text),
        None => place == 0,
    };
    actions.iter().enumerate().map(guilty).collect()
}
