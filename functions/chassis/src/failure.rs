//! What a handler may answer when it cannot do its work.

use std::time::Duration;

/// Why an event was not applied, and whether it may be tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It may work later: the message comes back after a backoff, at most `MAX_RECEIVES` times.
    #[error("{reason}")]
    Retry {
        /// What went wrong, without personal data.
        reason: String,
        /// When to try again; full-jitter exponential backoff if not said.
        after: Option<Duration>,
    },
    /// It can never work: the message goes to the dead-letter queue at once.
    #[error("{code}: {reason}")]
    Reject {
        /// A short, stable name of the cause, such as `unknown_version`.
        code: String,
        /// What is wrong and what to do, without personal data.
        reason: String,
    },
}

impl Failure {
    /// Try again after a backoff.
    pub fn retry(reason: impl std::fmt::Display) -> Self {
        Self::Retry { reason: reason.to_string(), after: None }
    }

    /// Try again, but not before this time has passed.
    pub fn retry_after(after: Duration, reason: impl std::fmt::Display) -> Self {
        Self::Retry { reason: reason.to_string(), after: Some(after) }
    }

    /// Never try again.
    pub fn reject(code: &str, reason: impl std::fmt::Display) -> Self {
        Self::Reject { code: code.to_owned(), reason: reason.to_string() }
    }
}

impl From<switchyard_events::ParseError> for Failure {
    fn from(error: switchyard_events::ParseError) -> Self {
        Self::reject(error.code(), &error)
    }
}
