//! Journal: which host read which suite, in memory until it is written from time to time. No
//! request waits for that.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::catalogue::{KeyringSighting, Sighting};
use crate::debian::SuiteName;
use crate::digest::Digest;
use crate::domain::Identity;
use crate::flow::threads::lock;
use crate::time::Moment;

/// Sightings that are not yet written.
#[derive(Default)]
pub struct Notes {
    seen: Mutex<HashMap<(Identity, SuiteName), (Moment, u64)>>,
    /// Client packages that were fetched.
    clients: Mutex<HashMap<(Identity, Digest), Moment>>,
    /// Keyrings that hosts were given with their settings.
    keyrings: Mutex<HashMap<(Identity, SuiteName), KeyringSeen>>,
}

/// When a keyring was given, and the keys in it.
type KeyringSeen = (Moment, Vec<String>);

impl Notes {
    /// Notes that a host asked for a suite while this generation was live.
    pub(crate) fn note(&self, identity: &Identity, suite: &SuiteName, at: Moment, generation: u64) {
        lock(&self.seen).insert((identity.clone(), suite.clone()), (at, generation));
    }

    /// Notes that a host has fetched a client package.
    pub(crate) fn note_client(&self, identity: &Identity, digest: Digest, at: Moment) {
        lock(&self.clients).insert((identity.clone(), digest), at);
    }

    /// Notes that a host has read its settings, with a keyring of these keys.
    pub(crate) fn note_keyring(
        &self,
        identity: &Identity,
        suite: &SuiteName,
        at: Moment,
        keys: Vec<String>,
    ) {
        lock(&self.keyrings).insert((identity.clone(), suite.clone()), (at, keys));
    }

    pub(crate) fn take_keyrings(&self) -> Vec<KeyringSighting> {
        let notes = std::mem::take(&mut *lock(&self.keyrings));
        let sighting =
            |((identity, suite), (at, keys))| KeyringSighting { identity, suite, keys, at };
        notes.into_iter().map(sighting).collect()
    }

    /// Puts back keyrings that could not be written. Newer ones of the same host and suite are
    /// kept.
    pub(crate) fn put_keyrings_back(&self, sightings: Vec<KeyringSighting>) {
        let mut notes = lock(&self.keyrings);
        for KeyringSighting { identity, suite, keys, at } in sightings {
            notes.entry((identity, suite)).or_insert((at, keys));
        }
    }

    pub(crate) fn take_clients(&self) -> Vec<(Identity, Digest, Moment)> {
        let notes = std::mem::take(&mut *lock(&self.clients));
        notes.into_iter().map(|((identity, digest), at)| (identity, digest, at)).collect()
    }

    pub(crate) fn take(&self) -> Vec<Sighting> {
        let notes = std::mem::take(&mut *lock(&self.seen));
        let sighting =
            |((identity, suite), (at, generation))| Sighting { identity, suite, at, generation };
        notes.into_iter().map(sighting).collect()
    }
}
