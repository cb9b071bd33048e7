//! Strangers: how often an address gets the reason why its certificate is refused.
//!
//! A refused client has cost a handshake, the parsing of a header and perhaps a few signature
//! checks. A host asks a few times an hour; a translated address may have a thousand hosts behind
//! it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::http::listen::{WIDE_BITS, network_of, prefix_of};

/// Refusals in a row that an address gets with their reason.
const BURST: f64 = 600.0;
/// How many of them an address regains. Unit: per second.
const PER_SECOND: f64 = 20.0;
/// Addresses that are remembered at once. Above that, addresses with their whole allowance are
/// forgotten.
const MOST_ADDRESSES: usize = 10_000;

/// How many times the allowance of an address an IPv6 /48 has: who has one has 65,536 networks of 64
/// bits, each of which counts as an address.
const WIDE_TIMES: f64 = 4.0;

/// The allowance that each address has left.
#[derive(Default)]
pub(super) struct Strangers {
    left: Mutex<HashMap<(IpAddr, bool), (f64, Instant)>>,
}

impl Strangers {
    /// Whether `address` may get another refusal with its reason now; counts it.
    pub(super) fn allow(&self, address: IpAddr, now: Instant) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let wide = address.to_canonical().is_ipv6();
        // The wide network first: of one that has no allowance left, no addresses are remembered.
        let of_wide = !wide || spend(&mut left, (prefix_of(address, WIDE_BITS), true), now);
        of_wide && spend(&mut left, (network_of(address), false), now)
    }
}

/// Takes one from an allowance, unless it is used up.
fn spend(
    left: &mut HashMap<(IpAddr, bool), (f64, Instant)>,
    whose: (IpAddr, bool),
    now: Instant,
) -> bool {
    let times = |wide: bool| if wide { WIDE_TIMES } else { 1.0 };
    if left.len() >= MOST_ADDRESSES && !left.contains_key(&whose) {
        left.retain(|(_, wide), (allowance, at)| {
            refilled(*allowance, *at, now, times(*wide)) < BURST * times(*wide)
        });
        if left.len() >= MOST_ADDRESSES {
            return false;
        }
    }
    let (_, wide) = whose;
    let (allowance, at) = left.entry(whose).or_insert((BURST * times(wide), now));
    *allowance = refilled(*allowance, *at, now, times(wide));
    *at = now;
    let may = *allowance >= 1.0;
    if may {
        *allowance -= 1.0;
    }
    may
}

fn refilled(allowance: f64, at: Instant, now: Instant, times: f64) -> f64 {
    let passed = now.saturating_duration_since(at).as_secs_f64();
    passed.mul_add(PER_SECOND * times, allowance).min(BURST * times)
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

    #[test]
    fn who_has_a_whole_ipv6_prefix_hears_four_times_as_much_and_no_more() {
        let strangers = Strangers::default();
        let begun = Instant::now();
        let ask = |n: u32, of: &str| {
            let n = n % 65_536;
            strangers.allow(format!("2001:db8:{of}:{n:x}::1").parse().unwrap(), begun)
        };
        assert_eq!((0..20_000).filter(|n| ask(*n, "1")).count(), 2_400);
        assert!(ask(0, "2"), "a neighbour has its own");
        let of_one = (0..1000).filter(|_| ask(7, "3")).count();
        assert_eq!(of_one, 600);
        // Those that were refused are not remembered one by one.
        assert!(strangers.left.lock().unwrap().len() < 2_500);
    }
}
