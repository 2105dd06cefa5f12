//! A caller's connection, which can end with a TCP reset.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The byte stream of a connection. It ends with a reset if that was requested before it is dropped.
pub(crate) struct ResettableStream {
    io: TokioIo<TcpStream>,
    reset: Arc<AtomicBool>,
}

/// A caller's connection as the handling of a call sees it.
#[derive(Clone)]
pub(crate) struct CallerConnection {
    pub(crate) caller: SocketAddr,
    /// Cannot be upgraded any more once the caller has stopped waiting for the response.
    request: Weak<()>,
    reset: Arc<AtomicBool>,
}

impl CallerConnection {
    /// The connection during one call. The caller counts as waiting as long as `request` is alive.
    pub(crate) fn for_request(&self, request: &Arc<()>) -> Self {
        Self { request: Arc::downgrade(request), ..self.clone() }
    }

    /// Whether the caller still waits for the response.
    pub(crate) fn is_waiting(&self) -> bool {
        self.request.strong_count() > 0
    }

    /// Makes the connection end with a reset.
    pub(crate) fn reset_on_close(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }
}

impl ResettableStream {
    pub(crate) fn new(stream: TcpStream, caller: SocketAddr) -> (Self, CallerConnection) {
        let reset = Arc::new(AtomicBool::new(false));
        let connection = CallerConnection { caller, request: Weak::new(), reset: Arc::clone(&reset) };
        (Self { io: TokioIo::new(stream), reset }, connection)
    }
}

impl Drop for ResettableStream {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            // With a linger time of zero, closing sends a reset. If the option cannot be set, the connection just
            // closes.
            self.io.inner().set_zero_linger().ok();
        }
    }
}

impl Read for ResettableStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for ResettableStream {
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
