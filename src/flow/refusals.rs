//! Refusals: who was told no, counted in mind, and written so that nobody who asks again and again can
//! fill the log. The first of a kind is written at once, those of the next minute as one line.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tracing::error;

use crate::domain::{Actor, Event};
use crate::flow::{FlowError, Repository, blocking, lock};
use crate::time::Moment;

/// How long refusals of one kind are counted before the next line tells how many. Unit: seconds.
const WINDOW_SECONDS: u64 = 60;
/// Most kinds that are counted apart; what goes beyond is counted together, without a name.
const MOST_KINDS: usize = 4_096;
/// What comes in bursts is written together.
const PAUSE: Duration = Duration::from_millis(500);

/// Refusals that are counted as one: nothing in it is of the asker's own choice without end.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Kind {
    actor: Actor,
    verb: String,
    outcome: String,
}

#[derive(Clone, Debug)]
struct Tally {
    /// The first that no line tells of.
    event: Event,
    /// How many no line tells of.
    times: u64,
    written_at: Option<Moment>,
}

/// What was refused and is not yet in the log.
#[derive(Default)]
pub struct Refusals {
    kinds: Mutex<HashMap<Kind, Tally>>,
    noted: Arc<Notify>,
}

impl Refusals {
    fn count(&self, event: Event) {
        let (actor, verb) = (event.actor.clone(), event.verb.clone());
        let mut kind = Kind { actor, verb, outcome: event.outcome.clone() };
        let mut event = event;
        let mut kinds = lock(&self.kinds);
        if kinds.len() >= MOST_KINDS && !kinds.contains_key(&kind) {
            kind.actor = Actor::default();
            event = Event { actor: Actor::default(), ..event };
        }
        let times = event.times;
        let new = || Tally { event: event.clone(), times: 0, written_at: None };
        let tally = kinds.entry(kind).or_insert_with(new);
        if tally.times == 0 {
            tally.event = event;
        }
        tally.times = tally.times.saturating_add(times);
    }

    /// What is due; with `all`, also what would still be counted.
    fn take(&self, now: Moment, all: bool) -> Vec<Event> {
        let mut kinds = lock(&self.kinds);
        let over = |at: Moment| now.since(at).unsigned_abs() >= WINDOW_SECONDS;
        let mut due = Vec::new();
        for tally in kinds.values_mut() {
            if tally.times > 0 && (all || tally.written_at.is_none_or(over)) {
                due.push(Event { times: tally.times, at: now, ..tally.event.clone() });
                (tally.times, tally.written_at) = (0, Some(now));
            }
        }
        kinds.retain(|_, tally| tally.times > 0 || !tally.written_at.is_none_or(over));
        due
    }
}

/// Notes a refusal. Writes nothing itself, and waits for nobody.
pub fn note(repository: &Repository, event: Event) {
    repository.refusals.count(event);
    repository.refusals.noted.notify_one();
}

/// Writes what is due; with `all`, whatever was counted. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue; what was counted is kept for the next try.
pub fn flush(repository: &Repository, all: bool) -> Result<(), FlowError> {
    let due = repository.refusals.take(repository.now(), all);
    if due.is_empty() {
        return Ok(());
    }
    let written = repository.catalogue.record_events(&due);
    if written.is_err() {
        due.into_iter().for_each(|event| repository.refusals.count(event));
    }
    Ok(written?)
}

/// Starts what writes the first refusals of a kind soon after they were noted.
pub(crate) fn start(repository: &Arc<Repository>) {
    let noted = Arc::clone(&repository.refusals.noted);
    tokio::spawn(write(Arc::downgrade(repository), noted));
}

async fn write(repository: Weak<Repository>, noted: Arc<Notify>) {
    loop {
        noted.notified().await;
        tokio::time::sleep(PAUSE).await;
        let Some(shared) = repository.upgrade() else { return };
        if let Err(problem) = blocking(move || flush(&shared, false)).await {
            error!(%problem, "refusals were not written to the audit log; it is tried again");
        }
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

    fn told(due: Vec<Event>) -> Vec<(String, String, u64)> {
        let mut told: Vec<_> =
            due.into_iter().map(|e| (e.actor.identity, e.detail, e.times)).collect();
        told.sort();
        told
    }

    #[test]
    fn a_host_that_asks_for_ever_makes_one_line_a_minute() {
        let refusals = Refusals::default();
        let mut lines = 0;
        for second in 0..3_600 {
            for guess in 0..50 {
                refusals.count(refused("web.example", "read", &format!("/dists/{second}-{guess}")));
            }
            lines += refusals.take(Moment(second), false).len();
        }
        lines += refusals.take(Moment(3_600), true).len();
        assert_eq!(lines, 61);
    }

    #[test]
    fn none_is_lost_and_the_first_is_told_at_once() {
        let refusals = Refusals::default();
        for detail in ["a", "b", "c"] {
            refusals.count(refused("web.example", "read", detail));
        }
        refusals.count(refused("db.example", "read", "d"));
        let all = [("db.example".into(), "d".into(), 1), ("web.example".into(), "a".into(), 3)];
        assert_eq!(told(refusals.take(Moment(100), false)), all);
        refusals.count(refused("web.example", "read", "e"));
        refusals.count(refused("web.example", "pin", "f"));
        refusals.count(refused("web.example", "read", "g"));
        let own = |detail: &str, times| ("web.example".to_owned(), detail.to_owned(), times);
        assert_eq!(told(refusals.take(Moment(159), false)), [own("f", 1)]);
        assert_eq!(told(refusals.take(Moment(160), false)), [own("e", 2)]);
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
