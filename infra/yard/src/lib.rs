//! The operator's command line, and the parts of it that the integration tests use.
//!
//! A file imports from its own folder or from a folder further down this list, never from one further up:
//!
//! 1. [`cli`]: the grammar of the command line, dispatch, exit codes; no logic
//! 2. `commands`: one file per command, with its arguments and its function
//! 3. `local`: the local cloud on this machine: instance, emulator process, build, deployment, pinned tools
//! 4. `stack`: what is deployed, found by reading it from AWS and never from a list in code
//! 5. `aws`: clients for one account, signed calls to the API, plain HTTP
//! 6. `terminal`: output for people: lines, tables, progress

mod aws;
pub mod cli;
mod commands;
mod local;
mod stack;
mod terminal;

pub use aws::api::{Api, ApiRequest};
pub use aws::clients::Cloud;
pub use aws::http::{HttpResponse, fetch};
pub use cli::exit;
pub use commands::{cancel, dlq, email, replay, revenue, review, tax, trace, up};
pub use local::instance::{Instance, RunningInstance};
pub use local::process::kill_process;
pub use local::project::{Binary, Project};
pub use stack::consumer::Consumer;
pub use stack::dead_letters::{DeadLetter, peek_dead_letters};
pub use stack::deployed::{Stack, StackCore};
pub use stack::error::StackError;
