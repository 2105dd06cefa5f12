//! Output for people: lines, tables, progress.

pub(crate) mod output;
pub(crate) mod progress;
pub(crate) mod table;
