//! The protocols behind Switchyard's guarantees as state machines, of which a model checker visits every state.
//!
//! Each model's first lines say what it models, what it leaves out, and why leaving that out hides no bug:
//!
//! * [`consumer`]: two workers apply events in transactions on one table
//! * [`lifecycle`]: an order is scored, reviewed, and listed or cancelled
//! * [`lease`]: three workers send one mail under a lease
//! * [`outbox`]: from the order's transaction over stream and bus to a consumer
//!
//! A model is a folder of four files: `variant` (settings, seeded bugs, and what each step does), `state`, `action` and
//! `properties`. A *seeded bug* is a mistake that is built into a model on purpose. It must violate a named property: this shows
//! that the checker would find it. All models share:
//!
//! * [`protocol`]: what a model consists of; liveness properties ("eventually …")
//! * [`checker`]: visits every state and lists violations, each with its shortest counterexample
//! * [`queue`], [`call`]: an SQS queue with its dead-letter queue; a call to AWS and its outcomes
//! * [`cases`]: all models, correct and with seeded bugs, as one list
//!
//! `cargo run -p switchyard-model` checks them all and prints a table.

pub mod call;
pub mod cases;
pub mod checker;
pub mod consumer;
pub mod lease;
pub mod lifecycle;
pub mod outbox;
pub mod protocol;
pub mod queue;
mod reversed_edges;
mod state_graph;
