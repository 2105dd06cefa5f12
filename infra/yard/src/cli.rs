//! The command line: its grammar, which command it calls, and the exit code.

mod args;
mod dispatch;
pub mod exit;

pub use dispatch::run;
