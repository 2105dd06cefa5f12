//! What the owner of a proxy may observe and do.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::AwsCall;

/// Callbacks of a proxy.
pub trait ProxyHooks: Send + Sync {
    /// A call was received. Its fault, if any, has no effect yet.
    fn call_received(&self, call: &AwsCall) {
        // A default, since most owners of a proxy observe nothing.
        let _ = call;
    }

    /// A call took effect: the cloud answered it with this status. `delivered` is whether the response goes back to a
    /// caller that still waits for it, as far as the proxy can know.
    fn call_completed(&self, call: &AwsCall, status: u16, delivered: bool) {
        let _ = (call, status, delivered);
    }

    /// Kills the process at the other end of a connection. Returns false if it cannot: then only the connection ends.
    fn kill_caller(&self, caller: SocketAddr) -> bool {
        let _ = caller;
        false
    }
}

/// Lets the owner keep the hooks, to read later what they observed.
impl<T: ProxyHooks> ProxyHooks for Arc<T> {
    fn call_received(&self, call: &AwsCall) {
        self.as_ref().call_received(call);
    }

    fn call_completed(&self, call: &AwsCall, status: u16, delivered: bool) {
        self.as_ref().call_completed(call, status, delivered);
    }

    fn kill_caller(&self, caller: SocketAddr) -> bool {
        self.as_ref().kill_caller(caller)
    }
}

/// Observes nothing and kills nothing.
pub(crate) struct NoHooks;

impl ProxyHooks for NoHooks {}
