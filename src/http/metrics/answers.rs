//! Answers: how many there were, of what kind, and how long each took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;

use super::page::Page;
use crate::flow::Histogram;

/// What was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// What apt reads.
    Files,
    /// The API.
    Api,
}

const KINDS: [(Kind, &str); 2] = [(Kind::Files, "files"), (Kind::Api, "api")];
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// Answers since the start.
#[derive(Debug)]
pub struct Answers {
    of: [(Histogram, [AtomicU64; CLASSES.len()]); KINDS.len()],
}

impl Default for Answers {
    fn default() -> Self {
        let none = || (Histogram::of_answers(), std::array::from_fn(|_| AtomicU64::new(0)));
        Self { of: std::array::from_fn(|_| none()) }
    }
}

impl Answers {
    /// Counts one, whose head took so long.
    pub fn note(&self, kind: Kind, status: StatusCode, took: Duration) {
        let at = KINDS.iter().position(|(one, _)| *one == kind);
        let Some((durations, classes)) = at.and_then(|at| self.of.get(at)) else { return };
        durations.note(took);
        let class = usize::from(status.as_u16() / 100).checked_sub(2);
        if let Some(count) = class.and_then(|class| classes.get(class)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        let name = "repod_responses_total";
        page.head(name, "counter", "answers, by what was asked for and class of status");
        for ((_, kind), (_, classes)) in KINDS.iter().zip(&self.of) {
            for (class, count) in CLASSES.iter().zip(classes) {
                let labels = format!("{{kind=\"{kind}\",class=\"{class}\"}}");
                page.line(name, &labels, count.load(Ordering::Relaxed));
            }
        }
        let name = "repod_response_duration_seconds";
        page.head(name, "histogram", "from the head of a request to the head of its answer");
        for ((_, kind), (durations, _)) in KINDS.iter().zip(&self.of) {
            page.durations(name, &format!("kind=\"{kind}\","), &durations.read());
        }
    }
}
