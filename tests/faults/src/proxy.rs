//! The proxy: an address that callers connect to, and the rules behind it.

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

use crate::forward::{Shared, handle};
use crate::socket::Socket;
use crate::watcher::Nobody;
use crate::{Counts, Rule, Watcher, control};

/// A running proxy on 127.0.0.1; it ends when this is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on this port of 127.0.0.1, or on any free one if it is 0. The seed decides what the rules leave to chance.
    pub async fn start(port: u16, seed: u64) -> io::Result<Self> {
        Self::start_with_hooks(port, seed, Box::new(Nobody)).await
    }

    /// The same, with somebody who hears of what happens.
    pub async fn start_with_hooks(port: u16, seed: u64, watcher: Box<dyn Watcher>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let (refuse, refusals) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(seed, watcher, refuse));
        let task = tokio::spawn(accept(listener, Arc::clone(&shared), refusals));
        Ok(Self { address, shared, task })
    }

    /// Its address, for callers.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Says where calls go, such as `http://127.0.0.1:4566`.
    pub fn forward_to(&self, upstream: &str) {
        self.shared.forward_to(upstream);
    }

    /// Puts these rules in the place of those before.
    pub fn set_rules(&self, rules: Vec<Rule>) {
        self.shared.book.replace(rules);
    }

    /// The same, from JSON: a list of rules, or an object with the list `rules`.
    pub fn set_rules_json(&self, text: &[u8]) -> Result<(), serde_json::Error> {
        control::rules(text).map(|rules| self.set_rules(rules))
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        self.shared.book.counts()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut refusals: mpsc::UnboundedReceiver<Duration>) {
    let Ok(address) = listener.local_addr() else { return };
    let mut open = Some(listener);
    loop {
        let Some(listener) = &open else {
            // Whoever has taken the port meanwhile gives it back soon: it is of those that outgoing connections use.
            open = TcpListener::bind(address).await.ok();
            sleep(Duration::from_millis(5)).await;
            continue;
        };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, caller)) => drop(tokio::spawn(converse(stream, caller, Arc::clone(&shared)))),
                Err(_) => sleep(Duration::from_millis(5)).await,
            },
            Some(pause) = refusals.recv() => {
                open = None;
                sleep(pause).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, caller: SocketAddr, shared: Arc<Shared>) {
    stream.set_nodelay(true).ok();
    let (socket, line) = Socket::new(stream, caller);
    let service = service_fn(|request| handle(request, &shared, &line));
    // A connection that breaks off is what this is for.
    http1::Builder::new().serve_connection(socket, service).await.ok();
}

#[cfg(test)]
mod tests;
