//! Connection slots: how many connections are open, in all and per address. Dropping a slot frees
//! it.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::network::{WIDE_BITS, network_of, prefix_of};

/// Why there is no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoSlot {
    /// The whole server is full.
    Full,
    /// This address has all its slots.
    Address,
}

/// The wider networks of an IPv6 address, in bits, and how many times the slots of a /64 each has:
/// who has a /48 has 65,536 networks of 64 bits.
const WIDER: [(u32, usize); 2] = [(56, 2), (WIDE_BITS, 4)];
/// One slot in so many is kept for networks that are known.
const KEPT_OF: usize = 10;
/// A network is known for as long as this, and at most twice as long, after a client in it showed a
/// good certificate.
const KNOWN: Duration = Duration::from_secs(12 * 3_600);
/// Most networks that are known in that time: some 2 MB.
const MOST_KNOWN: usize = 20_000;

/// All slots of a listener.
#[derive(Debug)]
pub(super) struct ConnectionSlots {
    most: usize,
    most_per_network: usize,
    taken: Mutex<Taken>,
    known: Mutex<Known>,
}

/// The map never has more than three entries for each taken slot.
#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_network: HashMap<(IpAddr, u32), usize>,
}

/// The networks in which somebody showed a good certificate: lately, and before that.
#[derive(Debug, Default)]
struct Known {
    now: HashSet<IpAddr>,
    before: HashSet<IpAddr>,
    begun: Option<Instant>,
}

impl Known {
    fn age(&mut self, now: Instant) {
        let begun = *self.begun.get_or_insert(now);
        let passed = now.saturating_duration_since(begun);
        if passed >= KNOWN || self.now.len() >= MOST_KNOWN {
            self.before = std::mem::take(&mut self.now);
            self.begun = Some(now);
        }
        if passed >= KNOWN.saturating_mul(2) {
            self.before.clear();
        }
    }
}

/// The slot of one open connection.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    of: Arc<ConnectionSlots>,
    /// The address that it is counted for; `None` for a proxy.
    address: Option<IpAddr>,
}

impl ConnectionSlots {
    pub fn new(most: usize, most_per_network: usize) -> Arc<Self> {
        Arc::new(Self { most, most_per_network, taken: Mutex::default(), known: Mutex::default() })
    }

    pub fn take(self: &Arc<Self>, address: IpAddr) -> Result<ConnectionSlot, NoSlot> {
        self.take_unnamed()?.name(address)
    }

    /// A slot that is counted for no address: that of a proxy, which has many clients.
    pub fn take_unnamed(self: &Arc<Self>) -> Result<ConnectionSlot, NoSlot> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.most {
            return Err(NoSlot::Full);
        }
        taken.all = taken.all.saturating_add(1);
        Ok(ConnectionSlot { of: Arc::clone(self), address: None })
    }

    /// Notes that a client at this address showed a good certificate.
    pub fn vouch(&self, address: IpAddr, now: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.age(now);
        known.now.insert(network_of(address));
    }

    fn knows(&self, address: IpAddr) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network_of(address);
        known.now.contains(&network) || known.before.contains(&network)
    }

    /// The networks of an address, and how many slots each may have.
    fn bounds(&self, address: IpAddr) -> impl Iterator<Item = ((IpAddr, u32), usize)> {
        let wider = WIDER.into_iter().filter(move |_| address.to_canonical().is_ipv6());
        let most = self.most_per_network;
        [(64, 1)].into_iter().chain(wider).map(move |(bits, times)| {
            ((prefix_of(address, bits), bits), most.saturating_mul(times))
        })
    }

    #[cfg(test)]
    pub fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl ConnectionSlot {
    /// The same slot, from now on counted for `address`. It is freed when that address has all its
    /// slots, and when the address is not known and all but those for known ones are taken.
    pub fn name(mut self, address: IpAddr) -> Result<Self, NoSlot> {
        let is_known = self.of.knows(address);
        let kept = if is_known { 0 } else { self.of.most / KEPT_OF };
        let slots = Arc::clone(&self.of);
        let mut taken = slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // This slot is one of those that are taken.
        if taken.all > slots.most.saturating_sub(kept) {
            drop(taken);
            return Err(NoSlot::Full);
        }
        let here = |network| taken.by_network.get(&network).copied().unwrap_or(0);
        if slots.bounds(address).any(|(network, most)| here(network) >= most) {
            drop(taken);
            return Err(NoSlot::Address);
        }
        for (network, _) in slots.bounds(address) {
            let here = taken.by_network.entry(network).or_default();
            *here = here.saturating_add(1);
        }
        self.address = Some(address);
        Ok(self)
    }

    /// What lets the layer that judges a client say that its certificate is good.
    pub fn seat(&self, address: IpAddr) -> Seat {
        Seat { of: Arc::clone(&self.of), address }
    }
}

/// Where a client sits, for whoever judges it.
#[derive(Debug)]
pub(super) struct Seat {
    of: Arc<ConnectionSlots>,
    address: IpAddr,
}

impl Seat {
    /// Notes that the client showed a good certificate.
    pub fn vouch(&self) {
        self.of.vouch(self.address, Instant::now());
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        let Some(address) = self.address else { return };
        for (network, _) in self.of.bounds(address) {
            if let Some(here) = taken.by_network.get_mut(&network) {
                *here = here.saturating_sub(1);
                if *here == 0 {
                    taken.by_network.remove(&network);
                }
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
    fn both_caps_hold_and_a_dropped_slot_is_free_again() {
        let slots = ConnectionSlots::new(3, 2);
        let a = slots.take(ip("192.0.2.1")).unwrap();
        let _b = slots.take(ip("192.0.2.1")).unwrap();
        assert_eq!(slots.take(ip("192.0.2.1")).unwrap_err(), NoSlot::Address);
        assert_eq!(slots.take(ip("::ffff:192.0.2.1")).unwrap_err(), NoSlot::Address);
        let _c = slots.take(ip("192.0.2.2")).unwrap();
        assert_eq!(slots.take(ip("192.0.2.3")).unwrap_err(), NoSlot::Full);
        drop(a);
        assert_eq!(slots.taken(), 2);
        let _d = slots.take(ip("192.0.2.1")).unwrap();
    }

    #[test]
    fn a_proxys_slot_counts_for_who_is_behind_it_once_that_is_known() {
        let slots = ConnectionSlots::new(4, 1);
        let proxied: Vec<_> = (0..3).map(|_| slots.take_unnamed().unwrap()).collect();
        let mut proxied = proxied.into_iter();
        let mut name = |address| proxied.next().unwrap().name(ip(address));
        let a = name("192.0.2.1").unwrap();
        assert_eq!(name("192.0.2.1").unwrap_err(), NoSlot::Address);
        assert_eq!(slots.taken(), 2, "the refused one was given back");
        let _b = name("192.0.2.2").unwrap();
        drop(a);
        let _c = slots.take(ip("192.0.2.1")).unwrap();
        let _more: Vec<_> = (0..2).map(|_| slots.take_unnamed().unwrap()).collect();
        assert_eq!(slots.take_unnamed().unwrap_err(), NoSlot::Full);
    }

    #[test]
    fn ipv6_counts_by_prefix_of_64_bits_and_forgets_empty_networks() {
        let slots = ConnectionSlots::new(10, 1);
        let a = slots.take(ip("2001:db8:0:1::1")).unwrap();
        assert_eq!(slots.take(ip("2001:db8:0:1:ffff::9")).unwrap_err(), NoSlot::Address);
        let b = slots.take(ip("2001:db8:0:2::1")).unwrap();
        drop((a, b));
        assert!(slots.taken.lock().unwrap().by_network.is_empty());
    }

    #[test]
    fn who_has_a_whole_ipv6_prefix_has_some_slots_and_not_all() {
        let slots = ConnectionSlots::new(1_000, 8);
        let take = |text: String| slots.take(ip(&text));
        let mut held = Vec::new();
        // A /56 has twice as many as a /64, and a /48 four times as many.
        for n in 0..256 {
            held.extend(take(format!("2001:db8:0:{n:x}::1")));
        }
        assert_eq!(held.len(), 16);
        for n in 0..65_536 {
            held.extend(take(format!("2001:db8:0:{n:x}::1")));
        }
        assert_eq!(held.len(), 32);
        assert_eq!(take("2001:db8:0:ffff::1".into()).unwrap_err(), NoSlot::Address);
        // Its neighbours have theirs.
        let _b = take("2001:db8:1::1".into()).unwrap();
        drop(held);
        let _a = take("2001:db8:0:ffff::1".into()).unwrap();
        assert_eq!(slots.taken.lock().unwrap().by_network.len(), 6);
    }

    #[test]
    fn some_slots_are_kept_for_networks_with_good_certificates() {
        let slots = ConnectionSlots::new(100, 200);
        let (known, begun) = (ip("2001:db8::1"), Instant::now());
        slots.vouch(known, begun);
        let strangers: Vec<_> =
            (0..200_u32).filter_map(|n| slots.take(IpAddr::from(n.to_be_bytes())).ok()).collect();
        assert_eq!(strangers.len(), 90);
        assert_eq!(slots.take(ip("192.0.2.1")).unwrap_err(), NoSlot::Full);
        let held: Vec<_> = (0..20).filter_map(|_| slots.take(ip("2001:db8::2")).ok()).collect();
        assert_eq!(held.len(), 10);
        assert_eq!(slots.take(known).unwrap_err(), NoSlot::Full);
        drop((strangers, held));
        // A proxy's slot is looked at once it is known for whom it is.
        let proxied: Vec<_> = (0..100).map(|_| slots.take_unnamed().unwrap()).collect();
        let mut proxied = proxied.into_iter();
        assert_eq!(proxied.next().unwrap().name(ip("192.0.2.1")).unwrap_err(), NoSlot::Full);
        let _in = proxied.next().unwrap().name(known).unwrap();
    }

    #[test]
    fn a_network_is_known_for_some_time_and_no_more_are_than_there_is_room_for() {
        let slots = ConnectionSlots::new(100, 200);
        let begun = Instant::now();
        let (one, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
        slots.vouch(one, begun);
        slots.vouch(other, begun + KNOWN);
        assert!(slots.knows(one) && slots.knows(other));
        slots.vouch(other, begun + KNOWN * 2);
        assert!(!slots.knows(one) && slots.knows(other));
        slots.vouch(one, begun + KNOWN * 9);
        assert!(slots.knows(one) && !slots.knows(other));
        for n in 0..100_000_u32 {
            slots.vouch(IpAddr::from(n.to_be_bytes()), begun + KNOWN * 9);
        }
        let known = slots.known.lock().unwrap();
        assert!(known.now.len() + known.before.len() <= 2 * MOST_KNOWN);
    }
}
