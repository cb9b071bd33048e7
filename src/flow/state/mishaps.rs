//! Mishaps: what was to be read again from files that people put there, and could not be. What was read
//! before stays in use meanwhile.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::flow::threads::lock;

/// What could not be read again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mishap {
    /// The configuration.
    Configuration,
    /// The certificates of CAs, apart from revocation lists.
    Trust,
    /// The certificate of the server.
    ServerCertificate,
}

impl Mishap {
    /// Each with its word in metrics.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::Configuration, "configuration"),
        (Self::Trust, "trust"),
        (Self::ServerCertificate, "server_certificate"),
    ];
}

/// What could not be read again, and why.
#[derive(Default)]
pub struct Mishaps(Mutex<BTreeMap<Mishap, String>>);

impl Mishaps {
    /// Notes how the last attempt ended: with this problem, or with none.
    pub fn note(&self, mishap: Mishap, problem: Option<String>) {
        let mut kept = lock(&self.0);
        match problem {
            Some(problem) => drop(kept.insert(mishap, problem)),
            None => drop(kept.remove(&mishap)),
        }
    }

    /// Everything that could not be read at its last attempt.
    pub(crate) fn all(&self) -> Vec<(Mishap, String)> {
        lock(&self.0).iter().map(|(mishap, problem)| (*mishap, problem.clone())).collect()
    }
}
