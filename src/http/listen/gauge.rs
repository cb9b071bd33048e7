//! One direction of a transfer: how long we waited for the peer, and how many bytes came of it.
//!
//! Only waiting is charged to the peer: the time in which it took nothing of what we had to send,
//! or sent nothing of what we wanted. The time of our own handlers is free.

use std::time::Duration;

use tokio::time::Instant;

use super::limits::FlowPace;

/// Bytes moved and time waited since the span began, and since when the present wait lasts.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    waiting_since: Option<Instant>,
    waited: Duration,
    bytes: u64,
}

impl Gauge {
    /// From now on we wait for the peer.
    pub fn wait(&mut self, now: Instant) {
        self.waiting_since.get_or_insert(now);
    }

    /// The peer took or sent `bytes`. A span that lasted as long as the grace ends here, so that
    /// the first burst into a socket buffer does not count for ever.
    pub fn moved(&mut self, bytes: u64, now: Instant, pace: &FlowPace) {
        if let Some(since) = self.waiting_since.take() {
            self.waited = self.waited.saturating_add(now.saturating_duration_since(since));
        }
        self.bytes = self.bytes.saturating_add(bytes);
        if self.waited >= pace.grace && self.waited <= self.worth(pace) {
            self.waited = Duration::ZERO;
            self.bytes = 0;
        }
    }

    /// We no longer wait for the peer.
    pub fn rest(&mut self) {
        *self = Self::default();
    }

    pub fn is_waiting(&self) -> bool {
        self.waiting_since.is_some()
    }

    /// When the peer counts as too slow if nothing moves until then; `None` while we do not wait.
    pub fn late_at(&self, pace: &FlowPace) -> Option<Instant> {
        let since = self.waiting_since?;
        let left = pace.grace.max(self.worth(pace)).saturating_sub(self.waited);
        since.checked_add(left.min(pace.stall))
    }

    /// How long a peer at the least rate would take for the bytes of this span.
    fn worth(&self, pace: &FlowPace) -> Duration {
        let micros = u128::from(self.bytes)
            .saturating_mul(1_000_000)
            .checked_div(u128::from(pace.bytes_per_second))
            .unwrap_or(u128::MAX);
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: FlowPace = FlowPace {
        stall: Duration::from_secs(30),
        grace: Duration::from_secs(60),
        bytes_per_second: 1000,
    };

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_peer_that_is_not_waited_for_is_never_late() {
        let mut gauge = Gauge::default();
        assert_eq!(gauge.late_at(&PACE), None);
        let start = Instant::now();
        gauge.wait(start);
        gauge.moved(1, start, &PACE);
        assert_eq!(gauge.late_at(&PACE), None);
        gauge.wait(start);
        gauge.rest();
        assert_eq!(gauge.late_at(&PACE), None);
    }

    #[test]
    fn silence_is_late_after_the_stall_and_polling_again_does_not_extend_it() {
        let start = Instant::now();
        let mut gauge = Gauge::default();
        gauge.wait(start);
        gauge.wait(start + seconds(20));
        assert_eq!(gauge.late_at(&PACE), Some(start + seconds(30)));
    }

    #[test]
    fn a_dribble_is_late_once_the_grace_is_used_up() {
        let start = Instant::now();
        let mut gauge = Gauge::default();
        for step in 0..5 {
            gauge.wait(start + seconds(step * 10));
            gauge.moved(1, start + seconds((step + 1) * 10), &PACE);
        }
        gauge.wait(start + seconds(50));
        assert_eq!(gauge.late_at(&PACE), Some(start + seconds(60)));
    }

    #[test]
    fn a_fast_burst_is_forgotten_when_its_span_ends() {
        let start = Instant::now();
        let mut gauge = Gauge::default();
        gauge.moved(10_000_000, start, &PACE);
        for step in 0..3 {
            gauge.wait(start + seconds(step * 20));
            gauge.moved(1, start + seconds((step + 1) * 20), &PACE);
        }
        // The first span of 60 s was good; the second begins with no credit.
        for step in 3..6 {
            gauge.wait(start + seconds(step * 20));
            gauge.moved(1, start + seconds((step + 1) * 20), &PACE);
        }
        let now = start + seconds(120);
        gauge.wait(now);
        assert_eq!(gauge.late_at(&PACE), Some(now));
    }

    #[test]
    fn a_peer_at_twice_the_rate_is_never_late_over_an_hour() {
        let start = Instant::now();
        let mut gauge = Gauge::default();
        for step in 0..360 {
            let now = start + seconds(step * 10);
            gauge.wait(now);
            let late = gauge.late_at(&PACE).unwrap();
            assert!(late > now + seconds(10), "step {step}");
            gauge.moved(20_000, now + seconds(10), &PACE);
        }
    }

    #[test]
    fn time_spent_by_the_handler_is_free() {
        let start = Instant::now();
        let mut gauge = Gauge::default();
        for step in 0..100 {
            let now = start + seconds(step * 100);
            gauge.wait(now);
            gauge.moved(10, now, &PACE);
        }
        let now = start + seconds(10_000);
        gauge.wait(now);
        assert_eq!(gauge.late_at(&PACE), Some(now + seconds(30)));
    }
}
