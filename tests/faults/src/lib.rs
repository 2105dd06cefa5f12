//! Faults on the way to AWS: an HTTP proxy that stands between callers and a local cloud, and breaks calls as it is told.
//!
//! * [`Rule`], [`Fault`]: what goes wrong, with which calls, how often
//! * [`Proxy`]: where callers connect to; it forwards all else unchanged, so that their signatures still hold
//! * [`Call`]: what a request asks of which service
//! * [`Watcher`]: hears of what took effect, and kills whoever a rule says
//! * [`Counts`]: what happened, by operation and by fault
//!
//! Rules are set in the process or through `/_faults`: `GET` shows them and the counts, `PUT` replaces them, `DELETE` ends them.

mod book;
mod call;
mod control;
mod fault;
mod forward;
mod partial;
mod proxy;
mod rule;
mod shape;
mod socket;
mod watcher;

pub use book::Counts;
pub use call::Call;
pub use fault::Fault;
pub use proxy::Proxy;
pub use rule::Rule;
pub use watcher::Watcher;
