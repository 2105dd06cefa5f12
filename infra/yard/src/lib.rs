//! The operator's command line, and what the integration tests use of it.
//!
//! * [`Project`]: the checkout; [`tools`], [`build`]: what it needs before it can be deployed
//! * [`Instance`]: a local cloud, up or down; [`up`]: bringing one up with the stack in it
//! * [`Cloud`]: clients for one account, local or AWS; [`Stack`]: what is deployed there, found by reading it
//! * [`Api`]: signed HTTP calls
//! * [`order`], [`trace`], [`status`], [`email`], [`invoke`], [`seed`]: one command each
//! * [`exit`]: the exit codes

mod api;
mod args;
pub mod build;
pub mod cli;
mod cloud;
mod consumer;
mod dead;
mod deploy;
pub mod email;
mod emulator;
pub mod exit;
mod health;
mod http;
mod instance;
pub mod invoke;
pub mod order;
mod process;
mod progress;
mod project;
mod queue;
pub mod revenue;
mod rows;
pub mod seed;
mod stack;
pub mod status;
mod subscription;
mod table;
pub mod tax;
pub mod tools;
pub mod trace;
pub mod up;

pub use api::{Api, ApiRequest};
pub use cloud::Cloud;
pub use consumer::Consumer;
pub use dead::{DeadLetter, peek_dead_letters};
pub use http::{HttpResponse, fetch};
pub use instance::{Instance, RunningInstance};
pub use project::{Binary, Project};
pub use stack::Stack;
