//! A call to an AWS service and its outcomes.

/// The outcome of a call, as its caller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallOutcome {
    /// It took effect, and the caller knows.
    Succeeded,
    /// It took effect, and the caller sees an error, because the response was lost. The SDK's own retries are used up by then.
    ResponseLost,
    /// It had no effect, and the caller sees an error.
    Failed,
}

impl CallOutcome {
    /// Every possible outcome.
    pub const ALL: [Self; 3] = [Self::Succeeded, Self::ResponseLost, Self::Failed];
}
