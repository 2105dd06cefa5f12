//! What is deployed, found by reading it from AWS and never from a list in code.

pub(crate) mod consumer;
pub(crate) mod dead_letters;
pub(crate) mod deployed;
pub(crate) mod error;
pub(crate) mod items;
pub(crate) mod queue;
pub(crate) mod queue_scan;
pub(crate) mod subscription;
