//! Faults on the way to AWS: an HTTP proxy between callers and a local cloud that breaks calls by rules.
//!
//! * [`Rule`], [`Fault`]: what goes wrong, with which calls, how often
//! * [`Proxy`]: the address for callers. It forwards all other calls unchanged, so that their signatures stay valid
//! * [`AwsCall`]: service, operation and body of a request
//! * [`ProxyHooks`]: receives completed calls, and kills the caller's process where a rule says so
//! * [`CallCounts`]: what happened, by operation and by fault
//!
//! Rules are set in the process or by HTTP at `/_faults`: `GET` shows rules and counts, `PUT` replaces the rules,
//! `DELETE` removes them.

mod call;
mod cli;
mod connection;
mod control;
mod error_response;
mod fault;
mod handler;
mod hooks;
mod partial;
mod proxy;
mod rule;
mod rule_set;
mod upstream;

pub use call::AwsCall;
pub use cli::run;
pub use fault::Fault;
pub use hooks::ProxyHooks;
pub use proxy::Proxy;
pub use rule::Rule;
pub use rule_set::CallCounts;
