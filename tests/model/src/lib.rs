//! The protocols behind Switchyard's promises as state machines, explored to the last state.
//!
//! Each model is one file that says what it models, what it leaves out, and why nothing is lost by that:
//!
//! * [`consumer`]: two workers apply events in transactions on one table
//! * [`lease`]: three workers send one mail under a lease
//! * [`outbox`]: from the order's transaction over stream and bus to a consumer
//! * [`wave`]: picks are put into waves while waves are closed and released
//!
//! A model can also be built wrong on purpose, one mistake at a time, and then a named promise must break: that is how one knows
//! that the checker bites. What the models share:
//!
//! * [`promise`]: what a model is made of, and what must come to pass in the end, which no invariant can express
//! * [`explore`]: visits every state; says what holds, and the fewest steps to what does not
//! * [`message`]: a queue that delivers at least once, and its dead letters
//! * [`cases`]: all models, sound and broken, as one list
//!
//! `cargo run -p switchyard-model` shows them all in a table.

pub mod cases;
pub mod consumer;
pub mod explore;
mod graph;
pub mod lease;
pub mod message;
pub mod outbox;
pub mod promise;
pub mod wave;
