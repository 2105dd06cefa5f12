//! Whoever wants to know what happened, or can do what a proxy cannot.

use std::net::SocketAddr;

use crate::Call;

/// Hears of calls, and kills.
pub trait Watcher: Send + Sync {
    /// A call took effect: the cloud has answered it with this status, whether or not its caller hears of it: as far as
    /// can be told here, it does if it is `heard`.
    fn answered(&self, call: &Call, status: u16, heard: bool) {
        // Most watchers look at a few calls only, or at none.
        let _ = (call, status, heard);
    }

    /// Kills the process at the other end of a connection. False if it cannot: then the connection just ends.
    fn kill(&self, caller: SocketAddr) -> bool {
        let _ = caller;
        false
    }
}

/// Watches nothing.
pub(crate) struct Nobody;

impl Watcher for Nobody {}
