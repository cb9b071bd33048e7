//! Mishaps: what was to be read again from files that people put there, and could not be. What was read
//! before stays in use meanwhile.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::flow::threads::lock;

/// What could not be read again, by the code of its warning.
#[derive(Default)]
pub struct Mishaps(Mutex<BTreeMap<&'static str, String>>);

impl Mishaps {
    /// Notes how the last attempt ended: with this problem, or with none.
    pub fn note(&self, code: &'static str, problem: Option<String>) {
        let mut kept = lock(&self.0);
        match problem {
            Some(problem) => drop(kept.insert(code, problem)),
            None => drop(kept.remove(code)),
        }
    }

    /// Everything that could not be read at its last attempt.
    pub(crate) fn all(&self) -> Vec<(&'static str, String)> {
        lock(&self.0).iter().map(|(code, problem)| (*code, problem.clone())).collect()
    }
}
