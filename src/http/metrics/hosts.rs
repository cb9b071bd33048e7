//! Hosts that are refused: how many there are at present.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

/// A host that was refused and did not come back counts for so long: apt's own timer asks twice a day.
const REMEMBERED: Duration = Duration::from_secs(25 * 3600);
/// Most hosts that are remembered.
const MOST: usize = 20_000;

/// Hosts whose last request of a file was refused. Each has proven its name.
#[derive(Debug, Default)]
pub struct RefusedHosts {
    at: Mutex<HashMap<String, Instant>>,
    count: AtomicUsize,
}

impl RefusedHosts {
    /// Notes how a request of a file was answered; `who` is asked only where it matters.
    pub fn note(&self, status: StatusCode, who: impl FnOnce() -> Option<String>) {
        let served = status.is_success() || status == StatusCode::NOT_MODIFIED;
        // Nearly always nobody is refused, and nothing is locked.
        if status != StatusCode::FORBIDDEN && !(served && self.count.load(Ordering::Relaxed) > 0) {
            return;
        }
        let Some(who) = who() else { return };
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        match served {
            true => drop(at.remove(&who)),
            false if at.len() < MOST || at.contains_key(&who) => {
                at.insert(who, Instant::now());
            }
            false => {}
        }
        self.count.store(at.len(), Ordering::Relaxed);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.retain(|_, refused| refused.elapsed() < REMEMBERED);
        self.count.store(at.len(), Ordering::Relaxed);
        at.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_counts_from_its_refusal_until_it_is_served() {
        let hosts = RefusedHosts::default();
        let who = |name: &str| Some(name.to_owned());
        hosts.note(StatusCode::OK, || panic!("nobody is refused"));
        hosts.note(StatusCode::NOT_FOUND, || panic!("that is no refusal"));
        hosts.note(StatusCode::FORBIDDEN, || None);
        assert_eq!(hosts.count(), 0);
        for name in ["a", "b", "a"] {
            hosts.note(StatusCode::FORBIDDEN, || who(name));
        }
        assert_eq!(hosts.count(), 2);
        hosts.note(StatusCode::NOT_MODIFIED, || who("a"));
        hosts.note(StatusCode::OK, || who("c"));
        assert_eq!(hosts.count(), 1);
        for number in 0..MOST + 5 {
            hosts.note(StatusCode::FORBIDDEN, || who(&number.to_string()));
        }
        assert_eq!(hosts.count(), MOST);
    }
}
