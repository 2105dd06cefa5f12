//! The suite that every consumer has to pass, on a real table and real queues.
//!
//! [`ConsumerHarness`] creates a table, a queue and a dead-letter queue of its own and acts as Lambda's poller. [`FaultyConsumer`]
//! makes a consumer fail for chosen events. Each check panics with what it saw.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)] // a check that fails is a test that fails

mod checks;
mod faulty;
mod harness;
mod samples;

pub use checks::{
    duplicate_changes_nothing, panic_fails_only_its_own_record, poison_goes_to_dlq_and_neighbours_are_applied,
    rejected_record_goes_to_dlq_with_its_code, retries_exhausted_goes_to_dlq_with_reason,
    timeout_returns_every_message, two_workers_leave_what_one_leaves,
};
pub use faulty::{FaultyConsumer, InjectedFault};
pub use harness::{ConsumerHarness, shown};
pub use samples::{body, event_id, order};
