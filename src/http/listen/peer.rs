//! The other end of a connection: address, certificate chain, and a slot for the verdict.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::CertificateDer;

use super::slots::Seat;

/// The other end of a request's connection; an extension of every request.
///
/// Nothing here is trusted yet: the peer only proved that it holds the key of the first
/// certificate. Identity never comes from a header.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it connects from.
    pub addr: SocketAddr,
    /// What it sent, leaf first; empty when it sent no certificate.
    pub chain: Arc<[CertificateDer<'static>]>,
    /// Stored with the connection, for the layer that judges the chain.
    pub slot: Arc<PeerSlot>,
    /// The number of this connection, unique in this process.
    pub connection: u64,
}

/// A cell that lives as long as the connection and holds at most one value of any type.
///
/// The admission layer keeps its verdict on the chain here, with the trust epoch of the verdict. So
/// a chain is verified once per connection and not once per request.
#[derive(Default)]
pub struct PeerSlot {
    held: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
    seat: Option<Seat>,
    vouched: AtomicBool,
}

impl PeerSlot {
    /// An empty cell of a connection that sits there.
    pub(super) fn seated(seat: Seat) -> Self {
        Self { seat: Some(seat), ..Self::default() }
    }

    /// Says that the peer showed a good certificate: then some connections are kept for its network
    /// when the server is full.
    pub fn vouch(&self) {
        if !self.vouched.swap(true, Ordering::Relaxed) {
            self.seat.iter().for_each(Seat::vouch);
        }
    }

    /// The stored value, if there is one and it is a `T`.
    pub fn find<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        held.and_then(|value| value.downcast::<T>().ok())
    }

    /// Stores `value` in place of an earlier one.
    pub fn keep<T: Any + Send + Sync>(&self, value: Arc<T>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    /// Removes the stored value.
    pub fn clear(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl fmt::Debug for PeerSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerSlot(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_gives_back_what_was_kept_and_only_as_its_own_type() {
        let slot = PeerSlot::default();
        assert_eq!(slot.find::<u32>(), None);
        slot.keep(Arc::new(7_u32));
        assert_eq!(slot.find::<u32>().as_deref(), Some(&7));
        assert_eq!(slot.find::<String>(), None);
        slot.keep(Arc::new(String::from("a")));
        assert_eq!(slot.find::<u32>(), None);
        assert_eq!(slot.find::<String>().as_deref().map(String::as_str), Some("a"));
        slot.clear();
        assert_eq!(slot.find::<String>(), None);
    }
}
