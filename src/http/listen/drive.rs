//! Drives one HTTP connection to its end, or ends it when a time limit is reached.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1::{Builder, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::answer::Answerer;
use super::application::Application;
use super::counts::EdgeCounts;
use super::limits::EdgeLimits;
use super::timed::TimedStream;
use super::timers::{ConnectionTimers, Due};

/// Most that hyper buffers of one direction. Unit: bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// Header fields that hyper accepts by default. Source: `Builder::max_headers`.
const HYPER_FIELDS: usize = 100;

/// How often it is looked at whether an answer may still be given.
const LEASE_LOOK: Duration = Duration::from_secs(2);

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// Both sides are done, or the peer went away.
    Closed(Result<(), hyper::Error>),
    /// We cut it.
    Cut(Due),
}

/// One connection with everything that can end it. One timer serves all limits. It is reset only
/// when the next limit is due earlier, so a busy connection does not touch it.
pub(super) struct Drive<S: AsyncRead + AsyncWrite + Unpin, A: Application> {
    http: Connection<TokioIo<TimedStream<S>>, Answerer<A>>,
    timers: Arc<ConnectionTimers>,
    counts: Arc<EdgeCounts>,
    alarm: Pin<Box<Sleep>>,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The last moment at which another request may begin.
    old_at: Instant,
    /// It closes after the present answer; this is never undone.
    retired: bool,
    /// Since when the kernel, asked for room, had none.
    probed_at: Option<Instant>,
    /// When the lease of an answer was last looked at.
    leased_at: Instant,
    /// How often to check the timers when only another task can have begun to wait for the peer.
    look: Duration,
}

/// What to do when the next limit is reached.
#[derive(Clone, Copy)]
enum Next {
    Due(Due),
    Old,
    Lease,
    Look,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static, A: Application> Drive<S, A> {
    pub fn new(
        stream: S,
        answerer: Answerer<A>,
        limits: &EdgeLimits,
        stop: CancellationToken,
    ) -> Self {
        let pace = limits.pace();
        let timers = Arc::clone(&answerer.timers);
        let counts = Arc::clone(&answerer.counts);
        let now = Instant::now();
        let old_at = now.checked_add(pace.max_age).unwrap_or(now);
        let fault = Arc::clone(&answerer.fault);
        let stream = TimedStream::new(stream, Arc::clone(&timers), limits.header_bytes, fault);
        let io = TokioIo::new(stream);
        let mut builder = Builder::new();
        builder
            .header_read_timeout(None)
            .max_header_size(limits.header_bytes)
            .max_buf_size(BUFFER_BYTES.max(limits.header_bytes));
        if limits.header_fields != HYPER_FIELDS {
            // Setting even the default makes hyper clear room for that many with each request.
            builder.max_headers(limits.header_fields);
        }
        let http = builder.serve_connection(io, answerer);
        Self {
            http,
            timers,
            counts,
            alarm: Box::pin(sleep_until(old_at)),
            stop: Box::pin(stop.cancelled_owned()),
            old_at,
            retired: false,
            probed_at: None,
            leased_at: now,
            look: (pace.flow.stall / 2).max(Duration::from_millis(100)),
        }
    }

    fn retire(&mut self) {
        self.retired = true;
        Pin::new(&mut self.http).graceful_shutdown();
    }

    fn next(&self, now: Instant) -> (Instant, Next) {
        let look = now.checked_add(self.look).unwrap_or(now);
        let mut due =
            self.timers.due().map_or((look, Next::Look), |(at, due)| (at, Next::Due(due)));
        let lease_at = self.leased_at.checked_add(LEASE_LOOK).unwrap_or(now);
        if lease_at < due.0 && self.timers.lease().is_some() {
            due = (lease_at, Next::Lease);
        }
        if !self.retired && self.old_at < due.0 { (self.old_at, Next::Old) } else { due }
    }

    /// Does what is due; `Some` when that is the end, `None` to poll on.
    fn act(&mut self, next: Next, now: Instant) -> Option<End> {
        match next {
            Next::Old => self.retire(),
            Next::Due(Due::Idle) if !self.retired => {
                self.counts.closed_idle.rise();
                self.retire();
            }
            Next::Due(Due::Taking) if self.probed_at.is_none() => {
                self.probed_at = Some(now);
                self.timers.probe();
            }
            Next::Due(due) => return Some(End::Cut(due)),
            Next::Lease => {
                self.leased_at = now;
                let ended = self.timers.lease().is_some_and(|lease| !lease.holds());
                return ended.then_some(End::Cut(Due::Lease));
            }
            Next::Look => {}
        }
        None
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static, A: Application> Future for Drive<S, A> {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<End> {
        let this = &mut *self;
        loop {
            if let Poll::Ready(outcome) = Pin::new(&mut this.http).poll(cx) {
                return Poll::Ready(End::Closed(outcome));
            }
            if !this.retired && this.stop.as_mut().poll(cx).is_ready() {
                this.retire();
                continue;
            }
            let now = Instant::now();
            let (at, next) = this.next(now);
            if now >= at {
                if let Some(end) = this.act(next, now) {
                    return Poll::Ready(end);
                }
                continue;
            }
            this.probed_at = None;
            if at < this.alarm.deadline() || this.alarm.is_elapsed() {
                this.alarm.as_mut().reset(at);
            }
            if this.alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
