//! Names: which of them may not be on the disk, although a file has them: its directory was not
//! synced since, or that sync failed.
//!
//! Nobody relies on such a file. Whoever brings the same bytes writes another file under the name:
//! that changes the directory again, so that its next sync has something to write. A second sync
//! alone would succeed, and say nothing.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::digest::Digest;
use crate::pool::{Kind, PoolError};

/// Names that are in doubt.
#[derive(Default)]
pub(super) struct Names(Mutex<HashSet<(Kind, Digest)>>);

impl Names {
    /// Must be called before a file is renamed to its name.
    pub(super) fn doubt(&self, kind: Kind, digest: Digest) {
        self.lock().insert((kind, digest));
    }

    /// Whether nobody may rely on this name. Must be asked after the file was seen.
    pub(super) fn is_doubtful(&self, kind: Kind, digest: &Digest) -> bool {
        self.lock().contains(&(kind, *digest))
    }

    /// What came of the sync of the directories that have these names.
    pub(super) fn settle(
        &self,
        kind: Kind,
        digests: &[Digest],
        synced: Result<(), PoolError>,
    ) -> Result<(), PoolError> {
        let mut names = self.lock();
        for digest in digests {
            match &synced {
                Ok(()) => names.remove(&(kind, *digest)),
                // Also one that was there: a process before this one may have ended between its rename
                // and its sync.
                Err(_) => names.insert((kind, *digest)),
            };
        }
        synced
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<(Kind, Digest)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
