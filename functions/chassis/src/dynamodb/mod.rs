//! A consumer's own table: rows, expressions, reads and writes.

pub(crate) mod batch_get;
pub(crate) mod batch_write;
pub(crate) mod expression;
pub(crate) mod item;
pub(crate) mod pending;
pub(crate) mod scan;
pub(crate) mod table;
pub(crate) mod write;
