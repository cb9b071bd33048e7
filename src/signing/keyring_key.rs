//! A key of the keyring, without its private part.

use std::collections::BTreeSet;

use crate::debian::SuiteName;
use crate::time::Moment;

/// A key of the keyring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyringKey {
    /// 40 upper-case hexadecimal digits.
    pub fingerprint: String,
    /// Its public certificate, armored.
    pub public: String,
    /// The file of its private part, below the directory of keys; `None` where a command signs.
    pub file: Option<String>,
    /// Which suites it signs; `None` for all, also those made later.
    pub suites: Option<BTreeSet<SuiteName>>,
    /// When it was made.
    pub created: Moment,
    /// Since when it signs; `None` for the first one.
    pub added: Option<Moment>,
    /// What kind of key it is, for people: `ed25519`, `rsa4096`.
    pub algorithm: String,
}

impl KeyringKey {
    /// Whether it signs a suite.
    pub fn signs(&self, suite: &SuiteName) -> bool {
        self.suites.as_ref().is_none_or(|suites| suites.contains(suite))
    }
}
