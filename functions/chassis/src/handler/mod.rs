//! What the author of a consumer or job implements and uses.

pub(crate) mod consumer;
pub(crate) mod effects;
pub(crate) mod scheduled;
pub(crate) mod sender;
