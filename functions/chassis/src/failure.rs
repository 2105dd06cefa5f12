//! Why an event was not applied.

use std::time::Duration;

/// Why an event was not applied. The cause decides what happens to its message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The environment prevented it: a service is throttled, out of reach, or refuses access. The message is redelivered until it
    /// is `MAX_MESSAGE_AGE_HOURS` old.
    #[error("{reason}")]
    Retry {
        /// What went wrong, without personal data.
        reason: String,
        /// When to retry; `None` for a random time that grows with the message's age.
        after: Option<Duration>,
    },
    /// The code is wrong: the handler panicked. The message is redelivered until its `MAX_PANIC_RECEIVES`th receive.
    #[error("{reason}")]
    Panic {
        /// Where it panicked, without the panic's message: that may hold personal data.
        reason: String,
    },
    /// The event is wrong, and a retry cannot help: the message goes to the dead-letter queue immediately.
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

    /// The code of the cause: a rejection's own, or what kept the event from being applied.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Retry { .. } => "retry",
            Self::Panic { .. } => "panic",
            Self::Reject { code, .. } => code,
        }
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
