//! The socket under TLS: it counts what the kernel took, limits the handshake, and closes so that
//! the last answer arrives.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::timers::ConnectionTimers;

/// A TCP stream with timers.
///
/// Progress is measured here, below TLS, because a record that waits in the TLS library's buffer
/// has not reached the peer.
pub(super) struct Wire {
    tcp: TcpStream,
    timers: Arc<ConnectionTimers>,
    /// How much the peer may still send before its handshake is over; `None` afterwards. Unit:
    /// bytes.
    handshake_left: Option<u64>,
    closed: bool,
}

impl Wire {
    pub fn new(tcp: TcpStream, timers: Arc<ConnectionTimers>, handshake_bytes: u64) -> Self {
        Self { tcp, timers, handshake_left: Some(handshake_bytes), closed: false }
    }

    /// The handshake is over: lifts the limit on its bytes, and sends the TCP acknowledgement at
    /// once.
    ///
    /// Nothing follows the client's last handshake message from our side (no tickets), so the
    /// kernel would wait 40 ms for an answer to put the acknowledgement on, and a client with
    /// Nagle's algorithm (apt) would hold back its first request for as long.
    pub fn handshake_done(&mut self) {
        self.handshake_left = None;
        // A failure only makes things slower.
        let _ = rustix::net::sockopt::set_tcp_quickack(&self.tcp, true);
    }

    /// Records the outcome of a write, and offers the bytes directly to the kernel when that was
    /// asked for.
    ///
    /// The event queue calls a socket writable only when a third of its buffer is free, which can
    /// be more than a megabyte: a client that throttles its download (apt's `Dl-Limit`) would seem
    /// dead for minutes. So before anyone is cut, the kernel is asked directly; it takes bytes as
    /// soon as the peer acknowledged any.
    fn note(&mut self, first: &[u8], outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Pending => {
                let now = Instant::now();
                if self.timers.is_probing() && !first.is_empty() {
                    if let Ok(bytes) = send_now(&self.tcp, first) {
                        self.timers.sent(bytes, now);
                        return Poll::Ready(Ok(bytes));
                    }
                    self.timers.probed();
                }
                self.timers.send_blocked(now);
                Poll::Pending
            }
            Poll::Ready(Ok(bytes)) => {
                self.timers.sent(bytes, Instant::now());
                Poll::Ready(Ok(bytes))
            }
            other => other,
        }
    }
}

fn send_now(tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    use rustix::net::{SendFlags, send};
    Ok(send(tcp, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buf))?;
        if let Some(left) = &mut self.handshake_left {
            let read = buf.filled().len().saturating_sub(before);
            match left.checked_sub(u64::try_from(read).unwrap_or(u64::MAX)) {
                Some(rest) => *left = rest,
                None => return Poll::Ready(Err(io::Error::other("the handshake is too long"))),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.tcp).poll_write(cx, buf);
        self.note(buf, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A small answer is one record, and writing a single buffer is cheaper.
        if let [only] = bufs {
            return self.poll_write(cx, only);
        }
        let outcome = Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs);
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        self.note(first, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    /// Closes our side, then reads and drops what still comes until the peer closes its own.
    ///
    /// A socket closed with unread input makes the kernel send a reset, which can destroy an
    /// answer the peer has not read yet (RFC 9112, section 9.6).
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closed {
            ready!(Pin::new(&mut self.tcp).poll_shutdown(cx))?;
            self.closed = true;
            self.timers.lingering(Instant::now());
        }
        let mut scratch = [0_u8; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {}
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}
