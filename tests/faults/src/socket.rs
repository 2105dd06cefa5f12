//! A caller's connection, which can end in a reset.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection that is reset when it is dropped, if that was asked for.
pub(crate) struct Socket {
    io: TokioIo<TcpStream>,
    reset: Arc<AtomicBool>,
}

/// What can be asked of a connection while it is in use.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) caller: SocketAddr,
    /// Gone when the caller does not wait for the answer any more.
    here: Weak<()>,
    reset: Arc<AtomicBool>,
}

impl Line {
    /// The line for one call, whose caller is there as long as this is.
    pub(crate) fn for_call(&self, here: &Arc<()>) -> Self {
        Self { here: Arc::downgrade(here), ..self.clone() }
    }

    /// Whether the caller still waits for the answer.
    pub(crate) fn is_open(&self) -> bool {
        self.here.strong_count() > 0
    }

    /// Makes its end a reset.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, caller: SocketAddr) -> (Self, Line) {
        let reset = Arc::new(AtomicBool::new(false));
        let line = Line { caller, here: Weak::new(), reset: Arc::clone(&reset) };
        (Self { io: TokioIo::new(stream), reset }, line)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            // With no time to linger, closing sends a reset. If it cannot be set, the connection just closes.
            self.io.inner().set_zero_linger().ok();
        }
    }
}

impl Read for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
