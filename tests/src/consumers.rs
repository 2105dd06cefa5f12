//! The business of each consumer, one module per consumer.

mod analytics;
mod email;
mod fraud;
mod orders;
mod recommendations;
mod tax;
mod warehouse;
