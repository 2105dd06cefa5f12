//! What can go wrong with a call.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::AwsCall;

/// One way to break a call. Rule files and reports name it by its kind: `{"kind": "delay", "ms": 40}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The call is forwarded late.
    Delay {
        /// The delay in milliseconds.
        ms: u64,
    },
    /// The service answers with its internal error (500).
    #[serde(rename = "error")]
    InternalError {
        /// Whether the call takes effect before that.
        #[serde(default)]
        after_effect: bool,
    },
    /// The service answers with this error (400), in the format of that service. The call takes no effect.
    Reject {
        /// The error code, such as `ValidationException`.
        code: String,
    },
    /// The service answers that the caller may not do this. The call takes no effect.
    #[serde(rename = "deny")]
    AccessDenied,
    /// The service answers with its throttling error. The call takes no effect.
    Throttle,
    /// `DynamoDB` cancels a write because of one of its items. The call takes no effect.
    Conflict {
        /// Actions with this text in them are the cause. Default: the first action.
        #[serde(default)]
        item: Option<String>,
        /// The code of the cancellation reason. Default: `TransactionConflict`.
        #[serde(default)]
        code: Option<String>,
    },
    /// Some entries of a call with several (`PutEvents`, `BatchExecuteStatement`, `BatchGetItem`, `SendMessageBatch`,
    /// `DeleteMessageBatch`) fail. The response says which.
    Partial {
        /// Entries with this text in them fail. Default: random entries, at least one.
        #[serde(default)]
        entry: Option<String>,
        /// The error code of the failed entries. Default: a code that is worth a retry.
        #[serde(default)]
        code: Option<String>,
    },
    /// No answer comes until the caller gives up and closes the connection. The call takes no effect.
    Hang,
    /// The connection is closed, and the proxy accepts no new connection for a while.
    #[serde(rename = "refuse")]
    RefuseConnections {
        /// For how many milliseconds.
        ms: u64,
    },
    /// The connection is closed in an orderly way before the call is forwarded.
    #[serde(rename = "close")]
    CloseConnection,
    /// The connection is reset before the call is forwarded.
    #[serde(rename = "reset")]
    ResetConnection,
    /// The call takes effect, and the connection is closed without a response.
    #[serde(rename = "drop")]
    DropResponse,
    /// The caller's process is killed.
    Kill {
        /// Whether the call takes effect before that.
        #[serde(default)]
        after_effect: bool,
    },
}

impl Fault {
    /// The name in call counts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Delay { .. } => "delay",
            Self::InternalError { after_effect: false } => "error",
            Self::InternalError { after_effect: true } => "error_after_effect",
            Self::Reject { .. } => "reject",
            Self::AccessDenied => "deny",
            Self::Throttle => "throttle",
            Self::Conflict { .. } => "conflict",
            Self::Partial { .. } => "partial",
            Self::Hang => "hang",
            Self::RefuseConnections { .. } => "refuse",
            Self::CloseConnection => "close",
            Self::ResetConnection => "reset",
            Self::DropResponse => "drop",
            Self::Kill { after_effect: false } => "kill",
            Self::Kill { after_effect: true } => "kill_after_effect",
        }
    }

    /// Whether this call can fail in this way: only writes meet a conflict, only batches fail in part.
    pub(crate) fn applies_to(&self, call: &AwsCall) -> bool {
        match self {
            Self::Conflict { item, .. } => has_conflicting_write(call, item.as_deref()),
            Self::Partial { .. } => {
                let with_entries =
                    ["PutEvents", "BatchExecuteStatement", "BatchGetItem", "SendMessageBatch", "DeleteMessageBatch"];
                with_entries.contains(&call.operation.as_str())
            }
            _ => true,
        }
    }
}

fn has_conflicting_write(call: &AwsCall, item: Option<&str>) -> bool {
    match call.operation.as_str() {
        "TransactWriteItems" => conflicting_actions(&call.json(), item).contains(&true),
        "PutItem" | "UpdateItem" | "DeleteItem" => item.is_none_or(|text| call.json().to_string().contains(text)),
        _ => false,
    }
}

/// For each action of a transaction, whether it causes the conflict: those with the text in them, or else the first.
pub(crate) fn conflicting_actions(transaction: &Value, item: Option<&str>) -> Vec<bool> {
    let actions = transaction["TransactItems"].as_array().map(Vec::as_slice).unwrap_or_default();
    let conflicts = |(index, action): (usize, &Value)| match item {
        Some(text) => action.to_string().contains(text),
        None => index == 0,
    };
    actions.iter().enumerate().map(conflicts).collect()
}
