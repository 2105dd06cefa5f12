//! [`ParseError`].

/// Why an envelope was refused. The text contains no value of the message, so it may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text is not JSON, or a field is missing, has the wrong type, or is out of range.
    #[error("{path}: {reason}")]
    Malformed {
        /// The place in the message, such as `detail.data.items[0].quantity`.
        path: String,
        /// What is wrong there.
        reason: String,
    },
    /// This consumer does not read events of this type.
    #[error(
        "detail.metadata.event_type: this consumer does not read {0} events; check its rule, or deploy a consumer that does"
    )]
    UnknownType(String),
    /// This consumer does not know this version of the event.
    #[error(
        "detail.metadata.version: {event_type} version {found} is not known, only 1 to {known}; deploy a consumer that knows it, then redrive"
    )]
    UnknownVersion {
        /// The event's type.
        event_type: String,
        /// The event's version.
        found: u32,
        /// The newest version that this consumer reads.
        known: u32,
    },
    /// Fields contradict each other.
    #[error("{path}: {reason}")]
    Inconsistent {
        /// The place in the message.
        path: String,
        /// The contradiction.
        reason: String,
    },
}

impl ParseError {
    /// A short, stable code for dead-letter attributes and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::UnknownType(_) => "unknown_type",
            Self::UnknownVersion { .. } => "unknown_version",
            Self::Inconsistent { .. } => "inconsistent",
        }
    }

    pub(crate) fn inconsistent(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Inconsistent { path: path.into(), reason: reason.into() }
    }
}
