//! Sparing: lines of the log that anybody can cause. The first of a network is written at once; those
//! that follow within a minute are counted, and told in one line.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::network::{WIDE_BITS, prefix_of};

/// How long the events of a network are counted before the next one is written.
const INTERVAL: Duration = Duration::from_secs(60);
/// Most networks that are told apart within that time. Events of others are counted together.
const MOST_NETWORKS: usize = 256;

/// Events of one kind, by the network that caused them.
#[derive(Debug)]
pub struct Sparing {
    what: &'static str,
    tallies: Mutex<Tallies>,
}

#[derive(Debug, Default)]
struct Tallies {
    of: HashMap<Option<IpAddr>, Tally>,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Tally {
    begun: Instant,
    untold: u64,
}

/// What is to be written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Due {
    /// Whether the event itself is written.
    now: bool,
    /// How many events of which network were not; `None` for all networks that were not told apart.
    untold: Vec<(Option<IpAddr>, u64)>,
}

impl Sparing {
    /// For events of this kind, in the plural: `handshakes that failed`.
    pub fn of(what: &'static str) -> Self {
        Self { what, tallies: Mutex::default() }
    }

    /// Counts an event that `address` caused at `now`; `write` writes its line, if it is due.
    pub fn note(&self, address: IpAddr, now: Instant, write: impl FnOnce()) {
        let due = self.count(address, now);
        if due.now {
            write();
        }
        self.tell(due.untold);
    }

    /// Tells what was counted and not told yet.
    pub fn flush(&self) {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let all = std::mem::take(&mut tallies.of).into_iter();
        drop(tallies);
        let untold = all.map(|(network, tally)| (network, tally.untold));
        self.tell(untold.filter(|(_, untold)| *untold > 0).collect());
    }

    fn tell(&self, all: Vec<(Option<IpAddr>, u64)>) {
        for (network, times) in all {
            let what = self.what;
            match network {
                Some(network) => tracing::info!(%network, times, "more {what}"),
                None => tracing::info!(times, "more {what}, of other networks"),
            }
        }
    }

    fn count(&self, address: IpAddr, now: Instant) -> Due {
        let mut due = Due::default();
        let is_over = |begun: Instant| now.saturating_duration_since(begun) >= INTERVAL;
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        if tallies.swept.is_none_or(is_over) {
            tallies.swept = Some(now);
            tallies.of.retain(|network, tally| {
                let over = is_over(tally.begun);
                due.untold.extend((over && tally.untold > 0).then_some((*network, tally.untold)));
                !over
            });
        }
        let network = Some(prefix_of(address, WIDE_BITS));
        let told_apart = tallies.of.len() < MOST_NETWORKS || tallies.of.contains_key(&network);
        let network = network.filter(|_| told_apart);
        match tallies.of.get_mut(&network) {
            Some(tally) if !is_over(tally.begun) => tally.untold = tally.untold.saturating_add(1),
            Some(tally) => {
                due.untold.extend((tally.untold > 0).then_some((network, tally.untold)));
                *tally = Tally { begun: now, untold: 0 };
                due.now = true;
            }
            None => {
                tallies.of.insert(network, Tally { begun: now, untold: 0 });
                due.now = true;
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_of_a_network_is_written_and_the_others_are_counted() {
        let sparing = Sparing::of("tests");
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let one = ip("192.0.2.1");
        assert_eq!(sparing.count(one, begun), Due { now: true, untold: vec![] });
        for second in 0..50 {
            assert_eq!(sparing.count(one, at(second)), Due::default());
        }
        assert!(sparing.count(ip("192.0.2.2"), at(50)).now, "another network has its own");
        let later = sparing.count(one, at(60));
        assert_eq!(later, Due { now: true, untold: vec![(Some(one), 50)] });
        // What a network did that is silent now is told with the next event of any.
        sparing.count(one, at(61));
        let told = sparing.count(ip("192.0.2.3"), at(200));
        assert_eq!(told, Due { now: true, untold: vec![(Some(one), 1)] });
        assert_eq!(sparing.tallies.lock().unwrap().of.len(), 1, "what is over is forgotten");
    }

    #[test]
    fn an_attacker_with_a_whole_prefix_is_one_network_and_many_are_counted_together() {
        let sparing = Sparing::of("tests");
        let begun = Instant::now();
        let lines = (0..10_000_u32).filter(|n| {
            let n = n.to_be_bytes();
            let text = format!("2001:db8:1:{:x}::{:x}", u16::from_be_bytes([n[2], n[3]]), n[3]);
            sparing.count(ip(&text), begun).now
        });
        assert_eq!(lines.count(), 1);
        let lines =
            (0..100_000_u32).filter(|n| sparing.count(IpAddr::from(n.to_be_bytes()), begun).now);
        assert_eq!(lines.count(), MOST_NETWORKS, "one of them for all that are not told apart");
        let tallies = sparing.tallies.lock().unwrap();
        let untold: u64 = tallies.of.values().map(|tally| tally.untold).sum();
        assert_eq!(untold, 110_000 - 1 - MOST_NETWORKS as u64, "none is lost");
        assert!(tallies.of.len() <= MOST_NETWORKS + 1);
    }
}
