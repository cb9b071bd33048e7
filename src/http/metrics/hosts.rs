//! Hosts that are refused: how many there were of late.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

/// For how long a host counts after it was refused. That it is served something else meanwhile says
/// nothing: it may have sources of several suites.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
/// Most hosts that are remembered.
const MOST: usize = 20_000;

/// Hosts that were refused a file of late. Each has proven its name.
#[derive(Debug, Default)]
pub struct RefusedHosts {
    at: Mutex<HashMap<String, Instant>>,
}

impl RefusedHosts {
    /// Notes how a request of a file was answered; `who` is asked only where it was refused.
    pub fn note(&self, status: StatusCode, who: impl FnOnce() -> Option<String>) {
        if status == StatusCode::FORBIDDEN
            && let Some(who) = who()
        {
            self.note_at(who, Instant::now());
        }
    }

    fn note_at(&self, who: String, now: Instant) {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if at.len() >= MOST {
            at.retain(|_, refused| now.saturating_duration_since(*refused) < REMEMBERED);
        }
        if at.len() < MOST || at.contains_key(&who) {
            at.insert(who, now);
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count_at(Instant::now())
    }

    fn count_at(&self, now: Instant) -> usize {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.retain(|_, refused| now.saturating_duration_since(*refused) < REMEMBERED);
        at.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_counts_for_a_while_after_its_last_refusal_and_nothing_else_matters() {
        let hosts = RefusedHosts::default();
        hosts.note(StatusCode::FORBIDDEN, || None);
        for served in [StatusCode::OK, StatusCode::NOT_MODIFIED, StatusCode::NOT_FOUND] {
            hosts.note(served, || panic!("nobody is asked for: {served}"));
        }
        assert_eq!(hosts.count(), 0);
        // Of two suites, one is its own: `apt-get update` is refused and served by turns.
        for status in [StatusCode::FORBIDDEN, StatusCode::OK, StatusCode::OK] {
            hosts.note(status, || Some("a".to_owned()));
        }
        assert_eq!(hosts.count(), 1);
    }

    #[test]
    fn a_host_ages_out_from_its_last_refusal_on() {
        let (hosts, begun) = (RefusedHosts::default(), Instant::now());
        let after = |minutes: u64| begun + Duration::from_secs(minutes * 60);
        for (name, minutes) in [("a", 0), ("b", 0), ("a", 10)] {
            hosts.note_at(name.to_owned(), after(minutes));
        }
        let counts = [10, 14, 15, 24, 25].map(|minutes| hosts.count_at(after(minutes)));
        assert_eq!(counts, [2, 2, 1, 1, 0]);
    }

    #[test]
    fn those_that_are_remembered_are_bounded_and_give_way_with_time() {
        let (hosts, begun) = (RefusedHosts::default(), Instant::now());
        (0..MOST + 5).for_each(|number| hosts.note_at(number.to_string(), begun));
        assert_eq!(hosts.count_at(begun), MOST);
        // Nobody reads the page meanwhile.
        hosts.note_at("late".to_owned(), begun + REMEMBERED);
        assert_eq!(hosts.count_at(begun + REMEMBERED), 1);
    }
}
