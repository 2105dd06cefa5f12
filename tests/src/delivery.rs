//! What holds for every consumer: delivery of events, deduplication, failures.

mod conformance;
mod duplicates;
mod end_to_end;
mod faults;
mod hostile_messages;
mod isolation;
mod poison;

pub(crate) use conformance::COSTS;
