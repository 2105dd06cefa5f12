//! Logs and metrics.

pub(crate) mod batch_metrics;
pub(crate) mod emf;
pub mod logs;
