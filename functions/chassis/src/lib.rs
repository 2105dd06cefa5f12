//! All that a Switchyard function needs and that is not business logic.
//!
//! A consumer states what an event changes; the chassis makes it happen exactly once.
//!
//! * [`Consumer`], [`consume`]: a consumer whose effect lies in its own DynamoDB table
//! * [`Sender`], [`deliver`]: a consumer whose effect lies outside, guarded by a lease
//! * [`Scheduled`], [`schedule`]: work on a consumer's table that the clock starts
//! * [`Effects`]: what a handler wants written, read and emitted; made of [`Row`], [`Update`] and [`Condition`]
//! * [`Failure`]: try later, or never again
//! * [`DeadLetter`], [`Metrics`]: what is said about an event that was given up, and about all of them
//! * [`Env`]: configuration, with all mistakes in one error
//! * [`Clients`]: AWS clients, built once and warmed up before the first event
//! * [`backoff`], [`Clock`], [`logs`]: waiting, time, and what is said about it

#![warn(missing_docs)]

mod apply;
pub mod backoff;
mod batch;
mod clients;
mod clock;
mod commit;
#[cfg(feature = "conformance")]
pub mod conformance;
mod consumer;
mod dead_letter;
mod effects;
mod emf;
mod env;
mod expression;
mod failure;
mod job;
mod joint;
mod lease;
pub mod logs;
mod lone;
mod metrics;
mod panics;
mod queue;
mod reads;
mod run;
mod sender;
mod table;
mod transaction;
mod value;

pub use apply::{Apply, Outcome, Transactional};
pub use batch::{Batch, DedupConfig};
pub use clients::Clients;
pub use clock::Clock;
pub use consumer::{Consumer, Received};
pub use dead_letter::DeadLetter;
pub use effects::Effects;
pub use emf::Metrics;
pub use env::{Env, EnvError};
pub use expression::{Condition, Update};
pub use failure::Failure;
pub use job::{Committed, Job, Scheduled, schedule};
pub use lambda_runtime::Error;
pub use lease::Leased;
pub use queue::Queue;
pub use run::{consume, deadline, deliver, start};
pub use sender::{Sender, Sent};
pub use table::{Table, Usage, describe};
pub use value::{Item, Key, Row, Value, count_of, number_of, text_of, usd_of};
