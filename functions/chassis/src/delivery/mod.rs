//! One batch of messages: parse, apply, answer per message.

pub(crate) mod apply;
pub(crate) mod attempts;
pub(crate) mod batch;
pub(crate) mod dedup;
pub(crate) mod leased;
pub(crate) mod parsed;
pub(crate) mod transactional;
