//! Strangers: how often an address gets the reason why its certificate is refused.
//!
//! A refused client has cost a handshake, the parsing of a header and perhaps a few signature
//! checks. A host asks a few times an hour; a translated address may have a thousand hosts behind
//! it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::http::listen::network_of;

/// Refusals in a row that an address gets with their reason.
const BURST: f64 = 600.0;
/// How many of them an address regains. Unit: per second.
const PER_SECOND: f64 = 20.0;
/// Addresses that are remembered at once. Above that, addresses with their whole allowance are
/// forgotten.
const MOST_ADDRESSES: usize = 10_000;

/// The allowance that each address has left.
#[derive(Default)]
pub(super) struct Strangers {
    left: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

impl Strangers {
    /// Whether `address` may get another refusal with its reason now; counts it.
    pub(super) fn allow(&self, address: IpAddr, now: Instant) -> bool {
        let block = network_of(address);
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() >= MOST_ADDRESSES && !left.contains_key(&block) {
            left.retain(|_, (allowance, at)| refilled(*allowance, *at, now) < BURST);
            if left.len() >= MOST_ADDRESSES {
                return false;
            }
        }
        let (allowance, at) = left.entry(block).or_insert((BURST, now));
        *allowance = refilled(*allowance, *at, now);
        *at = now;
        let may = *allowance >= 1.0;
        if may {
            *allowance -= 1.0;
        }
        may
    }
}

fn refilled(allowance: f64, at: Instant, now: Instant) -> f64 {
    let passed = now.saturating_duration_since(at).as_secs_f64();
    passed.mul_add(PER_SECOND, allowance).min(BURST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_address_hears_so_much_and_then_waits_and_others_do_not() {
        let strangers = Strangers::default();
        let begun = Instant::now();
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let heard = (0..1000).filter(|_| strangers.allow(one, begun)).count();
        assert_eq!(heard, 600);
        assert!(!strangers.allow("::ffff:192.0.2.1".parse().unwrap(), begun));
        assert!(strangers.allow("192.0.2.2".parse().unwrap(), begun));
        let later = begun + Duration::from_secs(2);
        assert_eq!((0..1000).filter(|_| strangers.allow(one, later)).count(), 40);
        let much_later = begun + Duration::from_secs(3600);
        assert_eq!((0..1000).filter(|_| strangers.allow(one, much_later)).count(), 600);
    }

    #[test]
    fn no_more_addresses_are_remembered_than_there_is_room_for() {
        let strangers = Strangers::default();
        let begun = Instant::now();
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        let most = u32::try_from(MOST_ADDRESSES).unwrap();
        for n in 0..most + 100 {
            assert_eq!(strangers.allow(address(n), begun), n < most);
        }
        let later = begun + Duration::from_secs(60);
        assert!(strangers.allow(address(most + 1), later), "the quiet ones were forgotten");
        assert_eq!(strangers.left.lock().unwrap().len(), 1);
    }
}
