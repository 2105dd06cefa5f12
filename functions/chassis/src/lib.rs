//! Everything that a Switchyard function needs and that is not business logic.
//!
//! A consumer states what an event changes. The chassis applies it exactly once.
//!
//! * [`Consumer`], [`consume`]: a consumer whose effect is stored in its own DynamoDB table
//! * [`Sender`], [`deliver`]: a consumer whose effect is outside DynamoDB, guarded by a lease
//! * [`Scheduled`], [`schedule`]: work on a consumer's table that a schedule starts
//! * [`Effects`]: what a handler wants written, read and emitted; made of [`Row`], [`Update`] and [`Condition`]
//! * [`Failure`], [`Outcome`]: why an event was not applied; what happened to it
//! * [`DeadLetter`], [`Metrics`]: the attributes of a dead letter; metrics through the log
//! * [`Env`]: configuration, with all mistakes in one error
//! * [`Clients`]: AWS clients, built once and connected before the first event
//! * [`backoff`], [`Clock`], [`logs`]: waiting, time and logs
//!
//! The folders from top to bottom; a file imports from its own folder and from those below:
//!
//! * `runtime`: from `main` to the Lambda runtime
//! * `delivery`: one batch of messages: parse, apply, answer per message
//! * `telemetry`: logs and metrics
//! * `handler`: what the author of a consumer implements and uses
//! * `commit`: writing a batch's effects, and what a failed write means per event
//! * `sqs`: the queue and the dead-letter queue
//! * `dynamodb`: rows, expressions, reads and writes
//! * files: `outcome`, `aws_error`, `backoff`, `panics`, `failure`, `env`, `clock`

#![warn(missing_docs)]

mod aws_error;
pub mod backoff;
mod clock;
mod commit;
#[cfg(feature = "conformance")]
pub mod conformance;
mod delivery;
mod dynamodb;
mod env;
mod failure;
mod handler;
mod outcome;
mod panics;
mod runtime;
mod sqs;
mod telemetry;

pub use aws_error::describe;
pub use clock::Clock;
pub use delivery::apply::Apply;
pub use delivery::batch::Batch;
pub use delivery::dedup::DedupConfig;
pub use delivery::leased::Leased;
pub use delivery::transactional::Transactional;
pub use dynamodb::expression::{Condition, Update};
pub use dynamodb::item::{Item, Key, Row, Value, count_of, number_of, text_of, usd_of};
pub use dynamodb::pending::{PendingRows, is_pending, pending_since};
pub use dynamodb::scan::ScanPage;
pub use dynamodb::table::{Table, Usage};
pub use env::{Env, EnvError};
pub use failure::Failure;
pub use handler::consumer::{Consumer, Received};
pub use handler::effects::Effects;
pub use handler::scheduled::{Committed, Job, Scheduled};
pub use handler::sender::{SendError, Sender, Sent};
pub use lambda_runtime::Error;
pub use outcome::Outcome;
pub use runtime::clients::Clients;
pub use runtime::entrypoint::{consume, deadline, deliver, start};
pub use runtime::job_runner::schedule;
pub use sqs::dead_letter::DeadLetter;
pub use sqs::queue::Queue;
pub use sqs::retry_policy::RetryPolicy;
pub use telemetry::emf::Metrics;
pub use telemetry::logs;
