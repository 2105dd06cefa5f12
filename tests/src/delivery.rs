//! What holds for every consumer: delivery of events, deduplication, failures.

pub(crate) mod conformance;
mod duplicates;
mod end_to_end;
mod faults;
mod hostile_messages;
mod isolation;
mod poison;
