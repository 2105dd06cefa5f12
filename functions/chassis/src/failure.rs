//! Why an event was not applied.

use std::time::Duration;

/// Why an event was not applied, and whether a retry can help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A retry can help: the message is redelivered after a backoff, until its `MAX_RECEIVES`th receive.
    #[error("{reason}")]
    Retry {
        /// What went wrong, without personal data.
        reason: String,
        /// When to retry; `None` for exponential backoff with full jitter.
        after: Option<Duration>,
    },
    /// A retry cannot help: the message goes to the dead-letter queue immediately.
    #[error("{code}: {reason}")]
    Reject {
        /// A short, stable name of the cause, such as `unknown_version`.
        code: String,
        /// What is wrong and what to do, without personal data.
        reason: String,
    },
}

impl Failure {
    /// Retry after a backoff.
    pub fn retry(reason: impl std::fmt::Display) -> Self {
        Self::Retry { reason: reason.to_string(), after: None }
    }

    /// Retry, but not before this time has passed.
    pub fn retry_after(after: Duration, reason: impl std::fmt::Display) -> Self {
        Self::Retry { reason: reason.to_string(), after: Some(after) }
    }

    /// Do not retry.
    pub fn reject(code: &str, reason: impl std::fmt::Display) -> Self {
        Self::Reject { code: code.to_owned(), reason: reason.to_string() }
    }
}

impl From<switchyard_events::ParseError> for Failure {
    fn from(error: switchyard_events::ParseError) -> Self {
        Self::reject(error.code(), &error)
    }
}
