//! The proxy: an address that callers connect to.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::connection::ResettableStream;
use crate::handler::{ProxyState, handle};
use crate::hooks::NoHooks;
use crate::rule_set::RuleSet;
use crate::upstream::Upstream;
use crate::{CallCounts, ProxyHooks, Rule, control};

/// The pause before the listener tries again after an error.
const LISTEN_RETRY: Duration = Duration::from_millis(5);

/// A running proxy on 127.0.0.1. It ends when this is dropped.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<ProxyState>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on this port of 127.0.0.1; on any free port if it is 0. The seed determines all random choices of the
    /// rules.
    pub async fn start(port: u16, seed: u64) -> io::Result<Self> {
        Self::start_with_hooks(port, seed, Box::new(NoHooks)).await
    }

    /// Like [`Self::start`], with hooks for completed calls and for [`Fault::Kill`](crate::Fault::Kill).
    pub async fn start_with_hooks(port: u16, seed: u64, hooks: Box<dyn ProxyHooks>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let (refusals, requested) = mpsc::unbounded_channel();
        let state = Arc::new(ProxyState { rules: RuleSet::new(seed), upstream: Upstream::new(), hooks, refusals });
        let task = tokio::spawn(accept(listener, Arc::clone(&state), requested));
        Ok(Self { address, state, task })
    }

    /// The address for callers.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets where calls go, such as `http://127.0.0.1:4566`.
    pub fn forward_to(&self, upstream: &str) {
        self.state.upstream.set_url(upstream);
    }

    /// Replaces all rules.
    pub fn set_rules(&self, rules: Vec<Rule>) {
        self.state.rules.replace(rules);
    }

    /// Replaces all rules by those in this JSON: a list, or an object with the list `rules`.
    pub fn set_rules_json(&self, json: &[u8]) -> Result<(), serde_json::Error> {
        control::parse_rules(json).map(|rules| self.set_rules(rules))
    }

    /// All calls since the start.
    pub fn counts(&self) -> CallCounts {
        self.state.rules.counts()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<ProxyState>, mut refusals: mpsc::UnboundedReceiver<Duration>) {
    let Ok(address) = listener.local_addr() else { return };
    let mut open = Some(listener);
    loop {
        let Some(listener) = &open else {
            // If an outgoing connection has taken the port meanwhile, it returns it soon.
            open = TcpListener::bind(address).await.ok();
            sleep(LISTEN_RETRY).await;
            continue;
        };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, caller)) => drop(tokio::spawn(serve_connection(stream, caller, Arc::clone(&state)))),
                Err(_) => sleep(LISTEN_RETRY).await,
            },
            Some(pause) = refusals.recv() => {
                open = None;
                sleep(pause).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, caller: SocketAddr, state: Arc<ProxyState>) {
    stream.set_nodelay(true).ok();
    let (stream, connection) = ResettableStream::new(stream, caller);
    let service = service_fn(|request| handle(request, &state, &connection));
    // A broken connection is no error here: faults break connections on purpose.
    http1::Builder::new().serve_connection(stream, service).await.ok();
}

#[cfg(test)]
mod tests;
