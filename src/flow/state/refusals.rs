//! Refusals: requests that were refused, counted in memory until the audit log has an entry for
//! them.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::domain::{Actor, Event};
use crate::flow::threads::lock;
use crate::time::Moment;

/// How long refusals of one kind are counted before the next entry is written. Unit: seconds.
const WINDOW_SECONDS: u64 = 60;
/// Most kinds that are counted separately; refusals of further kinds are counted without the actor.
const MOST_KINDS: usize = 4_096;
/// Refusals that are counted together. A client cannot choose arbitrarily many values for any part.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Kind {
    actor: Actor,
    verb: String,
    outcome: String,
}

#[derive(Clone, Debug)]
struct Tally {
    /// The first refusal that is not in the log yet.
    event: Event,
    /// How many are not in the log yet.
    times: u64,
    written_at: Option<Moment>,
}

impl Tally {
    fn is_due(&self, now: Moment) -> bool {
        let over = |at: Moment| now.since(at).unsigned_abs() >= WINDOW_SECONDS;
        self.times > 0 && self.written_at.is_none_or(over)
    }
}

/// Refusals that are not yet in the log.
#[derive(Default)]
pub struct Refusals {
    kinds: Mutex<HashMap<Kind, Tally>>,
    /// Held from taking what is due until it is durable, so that the next holder finds it written.
    pub(crate) writing: Mutex<()>,
    /// Tasks that wait for an entry wait here, so that they block no thread.
    pub(crate) queue: tokio::sync::Mutex<()>,
}

impl Refusals {
    /// Counts a refusal; gives whether an entry is due now.
    pub(crate) fn count(&self, event: Event) -> bool {
        let (actor, verb) = (event.actor.clone(), event.verb.clone());
        let mut kind = Kind { actor, verb, outcome: event.outcome.clone() };
        let mut event = event;
        let mut kinds = lock(&self.kinds);
        if kinds.len() >= MOST_KINDS && !kinds.contains_key(&kind) {
            kind.actor = Actor::default();
            event = Event { actor: Actor::default(), ..event };
        }
        let (times, now) = (event.times, event.at);
        let new = || Tally { event: event.clone(), times: 0, written_at: None };
        let tally = kinds.entry(kind).or_insert_with(new);
        if tally.times == 0 {
            tally.event = event;
        }
        tally.times = tally.times.saturating_add(times);
        tally.is_due(now)
    }

    /// Takes the refusals that are due; with `all`, every counted one.
    pub(crate) fn take(&self, now: Moment, all: bool) -> Vec<Event> {
        let mut kinds = lock(&self.kinds);
        let mut due = Vec::new();
        for tally in kinds.values_mut() {
            if tally.is_due(now) || all && tally.times > 0 {
                due.push(Event { times: tally.times, at: now, ..tally.event.clone() });
                (tally.times, tally.written_at) = (0, Some(now));
            }
        }
        let over = |at: Moment| now.since(at).unsigned_abs() >= WINDOW_SECONDS;
        kinds.retain(|_, tally| tally.times > 0 || !tally.written_at.is_none_or(over));
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(identity: &str, verb: &str, detail: &str) -> Event {
        let actor = Actor { identity: identity.into(), serial: "1a".into() };
        let event = Event::done(actor, verb, Moment(0)).with(detail);
        Event { outcome: "denied".into(), ..event }
    }

    fn sorted_counts(due: Vec<Event>) -> Vec<(String, String, u64)> {
        let mut counts: Vec<_> =
            due.into_iter().map(|e| (e.actor.identity, e.detail, e.times)).collect();
        counts.sort();
        counts
    }

    #[test]
    fn a_host_that_asks_for_ever_makes_one_line_a_minute() {
        let refusals = Refusals::default();
        let mut lines = 0;
        for second in 0..3_600 {
            for guess in 0..50 {
                let guess = refused("web.example", "read", &format!("/dists/{second}-{guess}"));
                refusals.count(Event { at: Moment(second), ..guess });
            }
            lines += refusals.take(Moment(second), false).len();
        }
        lines += refusals.take(Moment(3_600), true).len();
        assert_eq!(lines, 61);
    }

    #[test]
    fn no_refusal_is_lost_and_the_first_is_written_at_once() {
        let refusals = Refusals::default();
        for detail in ["a", "b", "c"] {
            assert!(
                refusals.count(refused("web.example", "read", detail)),
                "nothing is written yet"
            );
        }
        refusals.count(refused("db.example", "read", "d"));
        let all = [("db.example".into(), "d".into(), 1), ("web.example".into(), "a".into(), 3)];
        assert_eq!(sorted_counts(refusals.take(Moment(100), false)), all);
        refusals.count(refused("web.example", "read", "e"));
        refusals.count(refused("web.example", "pin", "f"));
        refusals.count(refused("web.example", "read", "g"));
        let own = |detail: &str, times| ("web.example".to_owned(), detail.to_owned(), times);
        assert_eq!(sorted_counts(refusals.take(Moment(159), false)), [own("f", 1)]);
        assert_eq!(sorted_counts(refusals.take(Moment(160), false)), [own("e", 2)]);
        assert!(refusals.take(Moment(500), false).is_empty());
        assert!(lock(&refusals.kinds).is_empty(), "what is over is forgotten");
    }

    #[test]
    fn more_kinds_than_are_counted_apart_are_counted_together() {
        let refusals = Refusals::default();
        for number in 0..MOST_KINDS + 10 {
            refusals.count(refused(&format!("h{number}.example"), "read", "x"));
        }
        let due = refusals.take(Moment(1), false);
        assert_eq!(due.len(), MOST_KINDS + 1);
        let nameless = due.iter().find(|event| event.actor.identity.is_empty()).unwrap();
        assert_eq!(nameless.times, 10);
    }
}
