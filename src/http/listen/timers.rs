//! The timers of a connection: which phase it is in, and when the next limit is reached.
//!
//! hyper 1 has one timer for all reading of headers: it starts when the connection begins to wait
//! for a request, so it cannot distinguish an idle client from a half-sent header, and it knows
//! nothing of bodies. It is switched off; the phases are tracked here instead.
//!
//! ```text
//! Head ──request──▶ Busy ──answer given──▶ Answered ──flushed──▶ Idle ──first byte──▶ Head
//!                     any ──shut down──▶ Leaving ──all sent──▶ Lingering
//! ```

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::gauge::Gauge;
use super::lease::Lease;
use super::limits::Pace;

/// Where the connection is between two requests, or in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A header is expected (at first) or has begun.
    Head(Instant),
    /// A handler has the request, or its answer is being produced.
    Busy,
    /// The answer is complete, but not all of it has been sent.
    Answered,
    /// Everything is sent, and no request has come.
    Idle(Instant),
    /// Closing: the rest of our bytes is being sent.
    Leaving,
    /// Our side is closed; late input is dropped.
    Lingering(Instant),
}

/// What to do when a limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Cut: the header is late.
    Header,
    /// Close properly: no request came.
    Idle,
    /// Cut, unless the socket turns out to have room: the peer does not take our bytes.
    Taking,
    /// Cut: the peer does not give the bytes it promised.
    Giving,
    /// Drop: the time to read the last answer is over.
    Linger,
    /// Cut: the answer may not be given any more.
    Lease,
}

/// The timers of one connection, shared by all its parts; the lock is never contended for long.
#[derive(Debug)]
pub(super) struct ConnectionTimers {
    pace: Pace,
    beat: Mutex<Beat>,
}

#[derive(Debug)]
struct Beat {
    phase: Phase,
    taking: Gauge,
    giving: Gauge,
    probing: bool,
    /// The handler dropped the request's body before its end.
    body_left: bool,
    /// For how long the answer may be given, where that is not for ever.
    lease: Option<Lease>,
}

impl ConnectionTimers {
    /// A connection that was accepted just now.
    pub fn new(pace: Pace, now: Instant) -> Self {
        let beat = Beat {
            phase: Phase::Head(now),
            taking: Gauge::default(),
            giving: Gauge::default(),
            probing: false,
            body_left: false,
            lease: None,
        };
        Self { pace, beat: Mutex::new(beat) }
    }

    fn beat(&self) -> MutexGuard<'_, Beat> {
        self.beat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The TLS handshake is done; the first header is awaited from now on.
    pub fn handshake_done(&self, now: Instant) {
        let mut beat = self.beat();
        beat.phase = Phase::Head(now);
        beat.taking.rest();
    }

    /// Plain bytes arrived.
    pub fn bytes_received(&self, now: Instant) {
        let mut beat = self.beat();
        if let Phase::Idle(_) = beat.phase {
            beat.phase = Phase::Head(now);
        }
    }

    /// A whole header was read and its request goes to a handler.
    pub fn request_read(&self) {
        let mut beat = self.beat();
        beat.phase = Phase::Busy;
        beat.giving.rest();
        beat.body_left = false;
        if !beat.taking.is_waiting() {
            beat.taking.rest();
        }
    }

    /// The answer under way is given for as long as `lease` holds.
    pub fn leased(&self, lease: Option<Lease>) {
        self.beat().lease = lease;
    }

    /// For how long the answer under way may be given.
    pub fn lease(&self) -> Option<Lease> {
        self.beat().lease.clone()
    }

    /// The handler's answer is complete or was aborted.
    pub fn answered(&self) {
        let mut beat = self.beat();
        beat.lease = None;
        if beat.phase == Phase::Busy {
            beat.phase = Phase::Answered;
        }
    }

    /// Everything so far was sent.
    pub fn flushed(&self, now: Instant) {
        let mut beat = self.beat();
        if beat.phase == Phase::Answered {
            beat.phase = Phase::Idle(now);
        }
    }

    /// The connection is being closed by us.
    pub fn leaving(&self) {
        let mut beat = self.beat();
        if !matches!(beat.phase, Phase::Lingering(_)) {
            beat.phase = Phase::Leaving;
        }
    }

    /// Our side of the socket is closed.
    pub fn lingering(&self, now: Instant) {
        let mut beat = self.beat();
        if !matches!(beat.phase, Phase::Lingering(_)) {
            beat.phase = Phase::Lingering(now);
        }
    }

    /// The socket takes no more for now.
    pub fn send_blocked(&self, now: Instant) {
        self.beat().taking.wait(now);
    }

    /// The socket took bytes.
    pub fn sent(&self, bytes: usize, now: Instant) {
        self.beat().taking.moved(wide(bytes), now, &self.pace.flow);
    }

    /// A handler waits for more of the request's body.
    pub fn body_wanted(&self, now: Instant) {
        self.beat().giving.wait(now);
    }

    /// The handler was given bytes of the body.
    pub fn body_got(&self, bytes: usize, now: Instant) {
        self.beat().giving.moved(wide(bytes), now, &self.pace.flow);
    }

    /// The body was read to its end, or broke.
    pub fn body_done(&self) {
        self.beat().giving.rest();
    }

    /// The handler wants no more of the body, though there is more.
    pub fn body_left(&self) {
        let mut beat = self.beat();
        beat.giving.rest();
        beat.body_left = true;
    }

    /// Whether some of the body was left unread, so that no other request can follow it.
    pub fn is_body_left(&self) -> bool {
        self.beat().body_left
    }

    /// Asks the socket's writer to try the kernel itself once (see [`super::wire::Wire`]).
    pub fn probe(&self) {
        self.beat().probing = true;
    }

    /// Whether such a try was asked for.
    pub fn is_probing(&self) -> bool {
        self.beat().probing
    }

    /// The kernel was asked and had no room (any more).
    pub fn probed(&self) {
        self.beat().probing = false;
    }

    /// When the next limit is reached if nothing happens until then, and what is due at that
    /// moment. `None` while the connection waits only for us.
    pub fn due(&self) -> Option<(Instant, Due)> {
        let beat = self.beat();
        let flow = &self.pace.flow;
        let taking = beat.taking.late_at(flow).map(|at| (at, Due::Taking));
        let giving = beat.giving.late_at(flow).map(|at| (at, Due::Giving));
        let phase = match beat.phase {
            Phase::Head(since) => since.checked_add(self.pace.header).map(|at| (at, Due::Header)),
            Phase::Idle(since) => since.checked_add(self.pace.idle).map(|at| (at, Due::Idle)),
            Phase::Lingering(since) => {
                since.checked_add(self.pace.linger).map(|at| (at, Due::Linger))
            }
            Phase::Busy | Phase::Answered | Phase::Leaving => None,
        };
        [taking, giving, phase].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::limits::EdgeLimits;
    use super::*;

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_request_goes_through_all_phases_and_each_has_its_own_patience() {
        let start = Instant::now();
        let timers = ConnectionTimers::new(EdgeLimits::default().pace(), start);
        timers.handshake_done(start);
        timers.bytes_received(at(start, 10));
        assert_eq!(timers.due(), Some((at(start, 15), Due::Header)), "a byte does not extend");
        timers.request_read();
        assert_eq!(timers.due(), None, "the handler has its own time");
        timers.flushed(at(start, 11));
        assert_eq!(timers.due(), None, "a flush in the middle of an answer is not its end");
        timers.answered();
        timers.bytes_received(at(start, 12));
        timers.flushed(at(start, 20));
        assert_eq!(timers.due(), Some((at(start, 95), Due::Idle)));
        timers.bytes_received(at(start, 90));
        assert_eq!(timers.due(), Some((at(start, 105), Due::Header)));
        timers.leaving();
        assert_eq!(timers.due(), None);
        timers.lingering(at(start, 100));
        timers.lingering(at(start, 102));
        assert_eq!(timers.due(), Some((at(start, 103), Due::Linger)));
    }

    #[test]
    fn a_slow_reader_and_a_silent_uploader_are_told_apart() {
        let start = Instant::now();
        let timers = ConnectionTimers::new(EdgeLimits::default().pace(), start);
        timers.request_read();
        timers.body_wanted(at(start, 1));
        assert_eq!(timers.due(), Some((at(start, 31), Due::Giving)));
        timers.body_got(100_000, at(start, 5));
        assert_eq!(timers.due(), None);
        timers.send_blocked(at(start, 6));
        assert_eq!(timers.due(), Some((at(start, 36), Due::Taking)));
        timers.sent(1, at(start, 7));
        assert_eq!(timers.due(), None);
        timers.body_wanted(at(start, 8));
        timers.body_done();
        assert_eq!(timers.due(), None);
    }
}
