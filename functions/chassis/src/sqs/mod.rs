//! The queue of a consumer and its dead-letter queue.

pub(crate) mod dead_letter;
pub(crate) mod queue;
pub(crate) mod retry_policy;
