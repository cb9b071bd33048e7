//! The trait of rings: rollouts, and the files that a ring is offered in place of everybody's.

use crate::catalogue::{CatalogueError, IndexRecord};
use crate::debian::SuiteName;
use crate::domain::{RingFiles, RingId, Rollout};

/// Facts about rings.
pub trait Rings: Send + Sync {
    /// The newest rollouts of a suite, open or not, the newest first; at most `limit`.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_rollouts(&self, suite: &SuiteName, limit: u32) -> Result<Vec<Rollout>, CatalogueError>;

    /// The index file at `path` that a ring was offered in a generation in place of everybody's; `None` when it was
    /// offered everybody's.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_ring_index(
        &self,
        suite: &SuiteName,
        ring: RingId,
        generation: u64,
        path: &str,
    ) -> Result<Option<IndexRecord>, CatalogueError>;

    /// Every file that rings were offered in a generation in place of everybody's.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_ring_indices(
        &self,
        suite: &SuiteName,
        generation: u64,
    ) -> Result<Vec<RingFiles>, CatalogueError>;
}
