//! The stream above TLS, as hyper uses it: it gives hyper only heads that were looked at whole, and reports to the
//! timers when a request begins to arrive and when an answer has been sent.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::head::Fault;
use super::strict::{Passed, Strict};
use super::timers::ConnectionTimers;

/// The method of the request that hyper reads in place of a head that is refused, so that the answer to it comes
/// behind those to the requests before it.
pub(super) const REFUSED_METHOD: &[u8] = b"REFUSED";
const REFUSED_HEAD: &[u8] = b"REFUSED / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";

/// What of a connection is not as HTTP/1.1 has it. Nothing is read behind that.
pub(super) type FaultSlot = Arc<OnceLock<Fault>>;

/// A stream of plain bytes with timers.
///
/// Only plain bytes count as received: TLS records without content (key updates, alerts) keep no
/// connection alive.
pub(super) struct TimedStream<S> {
    inner: S,
    timers: Arc<ConnectionTimers>,
    strict: Strict,
    fault: FaultSlot,
    inbox: Inbox,
    /// How the reading goes on.
    reading: Reading,
}

/// Bytes that have come and were not given on.
#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
    /// How many from the first on may be given.
    ready: usize,
}

/// How the reading of a connection goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// With what comes.
    Open,
    /// A head was refused: no more is read.
    Ended,
    /// A body broke.
    Broken(Fault),
}

impl Inbox {
    fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.ready.min(buf.remaining());
        let given = self.bytes.drain(..count);
        buf.put_slice(given.as_slice());
        drop(given);
        self.ready = self.ready.saturating_sub(count);
        if self.bytes.is_empty() {
            // A head that came in pieces is rare, and connections are many.
            self.bytes = Vec::new();
        }
    }
}

impl<S> TimedStream<S> {
    pub fn new(
        inner: S,
        timers: Arc<ConnectionTimers>,
        header_bytes: usize,
        fault: FaultSlot,
    ) -> Self {
        let (strict, inbox, reading) = (Strict::new(header_bytes), Inbox::default(), Reading::Open);
        Self { inner, timers, strict, fault, inbox, reading }
    }

    /// Looks at all that was not given on, behind `given` bytes of it that may be.
    fn look(&mut self) {
        let rest = self.inbox.bytes.get(self.inbox.ready..).unwrap_or_default();
        let passed = self.strict.pass(rest);
        let up = self.settle(&passed);
        self.inbox.ready = self.inbox.ready.saturating_add(up);
        if self.reading != Reading::Open {
            self.inbox.bytes.truncate(self.inbox.ready);
        }
        if self.reading == Reading::Ended {
            self.inbox.bytes.extend_from_slice(REFUSED_HEAD);
            self.inbox.ready = self.inbox.bytes.len();
        }
    }

    /// Notes a fault; gives how many bytes may go on.
    fn settle(&mut self, passed: &Passed) -> usize {
        let (up, fault) = match *passed {
            Passed::Up(up) => return up,
            Passed::Head(up, fault) => {
                self.reading = Reading::Ended;
                (up, fault)
            }
            Passed::Body(up, fault) => {
                self.reading = Reading::Broken(fault);
                (up, fault)
            }
        };
        self.fault.get_or_init(|| fault);
        up
    }
}

impl<S: AsyncRead + Unpin> TimedStream<S> {
    /// Reads into the reader's own memory, and takes back what may not go on yet.
    fn read_through(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let came = buf.filled().get(before..).unwrap_or_default();
        let count = came.len();
        if count == 0 {
            return Poll::Ready(Ok(0));
        }
        self.timers.bytes_received(Instant::now());
        let passed = self.strict.pass(came);
        if passed != Passed::Up(count) {
            let up = self.settle(&passed);
            match self.reading {
                Reading::Open => {
                    self.inbox.bytes.extend_from_slice(came.get(up..).unwrap_or_default());
                }
                Reading::Ended => {
                    self.inbox.bytes.extend_from_slice(REFUSED_HEAD);
                    self.inbox.ready = self.inbox.bytes.len();
                }
                Reading::Broken(_) => {}
            }
            buf.set_filled(before.saturating_add(up));
        }
        Poll::Ready(Ok(count))
    }

    /// Reads behind what waits for more.
    fn read_behind(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut scratch = [0_u8; 4096];
        let mut more = ReadBuf::new(&mut scratch);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut more))?;
        let count = more.filled().len();
        if count > 0 {
            self.timers.bytes_received(Instant::now());
            self.inbox.bytes.extend_from_slice(more.filled());
            self.look();
        }
        Poll::Ready(Ok(count))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        loop {
            if this.inbox.ready > 0 {
                this.inbox.give(buf);
                return Poll::Ready(Ok(()));
            }
            match this.reading {
                Reading::Open => {}
                // The answer to the refused head is on its way, and then the end. Whatever comes meanwhile is
                // dropped when we close.
                Reading::Ended => return Poll::Pending,
                Reading::Broken(fault) => return Poll::Ready(Err(io::Error::other(fault))),
            }
            let count = match this.inbox.bytes.is_empty() {
                true => ready!(this.read_through(cx, buf))?,
                false => ready!(this.read_behind(cx))?,
            };
            if count == 0 || buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// hyper flushes when it has written everything, so a flush that completes after an answer is
    /// the end of that answer.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.timers.flushed(Instant::now());
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.timers.leaving();
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
