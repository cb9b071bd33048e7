//! Counters of the listener, for the metrics page and for tests.

use std::sync::atomic::{AtomicU64, Ordering};

/// What happened at the listener since it was bound. All but `open` only ever rise.
#[derive(Debug, Default)]
pub struct EdgeCounts {
    /// Connections that are open now, handshakes included.
    pub open: Counter,
    /// Connections that got a slot.
    pub accepted: Counter,
    /// Sockets closed at once because the server was full.
    pub refused_full: Counter,
    /// Sockets closed at once because their address had all its slots.
    pub refused_address: Counter,
    /// Connections closed where a proxy is expected: not from a proxy, or without a valid PROXY
    /// header.
    pub refused_proxy: Counter,
    /// Handshakes that failed, took too long or were not TLS.
    pub handshake_failed: Counter,
    /// Connections cut because a header was late.
    pub cut_header: Counter,
    /// Connections cut because a body or an answer stalled or was too slow.
    pub cut_slow: Counter,
    /// Connections closed because no request came.
    pub closed_idle: Counter,
    /// Connections cut at the end of the drain.
    pub cut_drain: Counter,
    /// Requests whose handler panicked.
    pub panics: Counter,
}

/// A number that many tasks may change.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The number now.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn rise(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn fall(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
