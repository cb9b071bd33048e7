//! Connection slots: how many connections are open, in all and per address. Dropping a slot frees
//! it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::network::network_of;

/// Why there is no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoSlot {
    /// The whole server is full.
    Full,
    /// This address has all its slots.
    Address,
}

/// All slots of a listener.
#[derive(Debug)]
pub(super) struct ConnectionSlots {
    most: usize,
    most_per_network: usize,
    taken: Mutex<Taken>,
}

/// The map never has more entries than there are taken slots.
#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// The slot of one open connection.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    of: Arc<ConnectionSlots>,
    /// The address that it is counted for; `None` for a proxy.
    network: Option<IpAddr>,
}

impl ConnectionSlots {
    pub fn new(most: usize, most_per_network: usize) -> Arc<Self> {
        Arc::new(Self { most, most_per_network, taken: Mutex::default() })
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
        Ok(ConnectionSlot { of: Arc::clone(self), network: None })
    }

    #[cfg(test)]
    pub fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl ConnectionSlot {
    /// The same slot, from now on counted for `address`. It is freed when that address has all its
    /// slots.
    pub fn name(mut self, address: IpAddr) -> Result<Self, NoSlot> {
        let network = network_of(address);
        {
            let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
            let here = taken.by_network.get(&network).copied().unwrap_or(0);
            if here < self.of.most_per_network {
                taken.by_network.insert(network, here.saturating_add(1));
                drop(taken);
                self.network = Some(network);
                return Ok(self);
            }
        }
        Err(NoSlot::Address)
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        let Some(network) = self.network else { return };
        if let Some(here) = taken.by_network.get_mut(&network) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                taken.by_network.remove(&network);
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
}
