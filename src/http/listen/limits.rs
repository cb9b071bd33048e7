//! Limits on what unknown peers can use: connections, seconds, bytes, rates.

use std::time::Duration;

/// Bounds of the listener; one set for all its sockets.
///
/// Every peer reaches the HTTP parser (a certificate is judged after the handshake), so the limits
/// hold for unknown peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeLimits {
    /// Open connections in all, handshakes included. Beyond: the accepted socket is closed at
    /// once. One in ten is kept for networks in which a good certificate was shown lately. Default 20,000 (about 25 KB of memory each when idle).
    pub max_connections: usize,
    /// Open connections of one IPv4 address, or of one IPv6 /64; an IPv6 /56 has twice as many, and a
    /// /48 four times as many. Default 512: a site behind one translated address updates together.
    pub max_connections_per_address: usize,
    /// From accept to the end of the TLS handshake. Default 10.
    pub handshake_seconds: u64,
    /// Most bytes a client may send in a handshake. Default 32 KiB: a key exchange with ML-KEM and
    /// a long chain take less than half.
    pub handshake_bytes: u64,
    /// From the first byte of a request to the end of its header; also from the end of the
    /// handshake to the end of the first header. Default 15.
    pub header_seconds: u64,
    /// From the end of an answer to the first byte of the next request. Default 75. A header that
    /// began together with the previous request has this time and then `header_seconds`.
    pub idle_seconds: u64,
    /// While a body is read or an answer written: the longest wait for a peer that takes or gives
    /// nothing at all. Default 30. Time spent by our own handlers does not count.
    pub stall_seconds: u64,
    /// The least average rate, both ways, over the time spent waiting for the peer. Default 1024.
    pub min_bytes_per_second: u64,
    /// How many seconds of waiting, in sum, are free of the rate; then each such span is judged.
    /// Default 30.
    pub rate_grace_seconds: u64,
    /// Request line and header fields of one request. Default 32 KiB. Beyond: 431.
    pub header_bytes: usize,
    /// Header fields of one request. Default 100. Beyond: 431.
    pub header_fields: usize,
    /// Age at which a connection is closed after the answer under way. Default 3600.
    pub max_age_seconds: u64,
    /// After we close: how long unread input is still read and dropped, so that the last answer (a
    /// refusal in the middle of an upload) reaches the peer. Default 3.
    pub linger_seconds: u64,
    /// At shutdown: how long answers under way may take before they are cut. Default 10.
    pub drain_seconds: u64,
}

impl Default for EdgeLimits {
    fn default() -> Self {
        Self {
            max_connections: 20_000,
            max_connections_per_address: 512,
            handshake_seconds: 10,
            handshake_bytes: 32 * 1024,
            header_seconds: 15,
            idle_seconds: 75,
            stall_seconds: 30,
            min_bytes_per_second: 1024,
            rate_grace_seconds: 30,
            header_bytes: 32 * 1024,
            header_fields: 100,
            max_age_seconds: 3600,
            linger_seconds: 3,
            drain_seconds: 10,
        }
    }
}

/// The part of the limits that is about time, as the timers of a connection need it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub header: Duration,
    pub idle: Duration,
    pub linger: Duration,
    pub max_age: Duration,
    pub flow: FlowPace,
}

/// What is required of a peer that sends or takes a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlowPace {
    pub stall: Duration,
    pub grace: Duration,
    pub bytes_per_second: u64,
}

impl EdgeLimits {
    pub(super) fn pace(&self) -> Pace {
        Pace {
            header: Duration::from_secs(self.header_seconds),
            idle: Duration::from_secs(self.idle_seconds),
            linger: Duration::from_secs(self.linger_seconds),
            max_age: Duration::from_secs(self.max_age_seconds),
            flow: FlowPace {
                stall: Duration::from_secs(self.stall_seconds),
                grace: Duration::from_secs(self.rate_grace_seconds),
                bytes_per_second: self.min_bytes_per_second,
            },
        }
    }
}
