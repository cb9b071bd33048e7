//! Journal: who read which suite, kept in mind and written now and then. No request waits for it.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::catalogue::Sighting;
use crate::debian::SuiteName;
use crate::domain::Identity;
use crate::flow::{FlowError, Repository, lock};
use crate::time::Moment;

/// Sightings that are not yet written.
#[derive(Default)]
pub struct Notes(Mutex<HashMap<(Identity, SuiteName), (Moment, u64)>>);

impl Notes {
    /// Notes that a host asked for a suite while this generation was live.
    pub(crate) fn note(&self, identity: &Identity, suite: &SuiteName, at: Moment, generation: u64) {
        lock(&self.0).insert((identity.clone(), suite.clone()), (at, generation));
    }

    fn take(&self) -> Vec<Sighting> {
        let notes = std::mem::take(&mut *lock(&self.0));
        let sighting =
            |((identity, suite), (at, generation))| Sighting { identity, suite, at, generation };
        notes.into_iter().map(sighting).collect()
    }
}

/// Writes what was noted. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue; the notes are lost then, and hosts will be seen again.
pub fn write(repository: &Repository) -> Result<(), FlowError> {
    let sightings = repository.journal.take();
    if !sightings.is_empty() {
        repository.catalogue.record_sightings(&sightings)?;
    }
    Ok(())
}
