//! Seats: how many connections are open, in all and per address; a seat is given back by dropping.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// What one cap counts together: an IPv4 address, or the 64-bit prefix of an IPv6 address (a
/// single IPv6 customer has at least that many).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Block {
    V4(Ipv4Addr),
    V6([u8; 8]),
}

impl Block {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, h, ..] = v6.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// Why there is no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoSeat {
    /// The whole server is full.
    Full,
    /// This address has all it may have.
    Address,
}

/// All seats of a listener.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    most_per_block: usize,
    taken: Mutex<Taken>,
}

/// The map never holds more entries than there are taken seats.
#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_block: HashMap<Block, usize>,
}

/// One open connection's place.
#[derive(Debug)]
pub(super) struct Seat {
    of: Arc<Seats>,
    block: Block,
}

impl Seats {
    pub fn new(most: usize, most_per_block: usize) -> Arc<Self> {
        Arc::new(Self { most, most_per_block, taken: Mutex::default() })
    }

    pub fn take(self: &Arc<Self>, address: IpAddr) -> Result<Seat, NoSeat> {
        let block = Block::of(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.most {
            return Err(NoSeat::Full);
        }
        let here = taken.by_block.get(&block).copied().unwrap_or(0);
        if here >= self.most_per_block {
            return Err(NoSeat::Address);
        }
        taken.by_block.insert(block, here.saturating_add(1));
        taken.all = taken.all.saturating_add(1);
        Ok(Seat { of: Arc::clone(self), block })
    }

    #[cfg(test)]
    pub fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(here) = taken.by_block.get_mut(&self.block) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                taken.by_block.remove(&self.block);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn both_caps_hold_and_a_dropped_seat_is_free_again() {
        let seats = Seats::new(3, 2);
        let a = seats.take(ip("192.0.2.1")).unwrap();
        let _b = seats.take(ip("192.0.2.1")).unwrap();
        assert_eq!(seats.take(ip("192.0.2.1")).unwrap_err(), NoSeat::Address);
        assert_eq!(seats.take(ip("::ffff:192.0.2.1")).unwrap_err(), NoSeat::Address);
        let _c = seats.take(ip("192.0.2.2")).unwrap();
        assert_eq!(seats.take(ip("192.0.2.3")).unwrap_err(), NoSeat::Full);
        drop(a);
        assert_eq!(seats.taken(), 2);
        let _d = seats.take(ip("192.0.2.1")).unwrap();
    }

    #[test]
    fn ipv6_counts_by_prefix_of_64_bits_and_forgets_empty_blocks() {
        let seats = Seats::new(10, 1);
        let a = seats.take(ip("2001:db8:0:1::1")).unwrap();
        assert_eq!(seats.take(ip("2001:db8:0:1:ffff::9")).unwrap_err(), NoSeat::Address);
        let b = seats.take(ip("2001:db8:0:2::1")).unwrap();
        drop((a, b));
        assert!(seats.taken.lock().unwrap().by_block.is_empty());
    }
}
