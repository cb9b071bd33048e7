//! The trait of repairs: what takes the place of what was lost.

use super::CatalogueError;
use crate::digest::Digest;
use crate::domain::StoredChunk;

/// Repairs of what was found damaged.
pub trait Repairs: Send + Sync {
    /// The recorded chunks of which anything lies in a pack.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_chunks_in(&self, pack: &Digest) -> Result<Vec<StoredChunk>, CatalogueError>;

    /// Forgets chunks whose bytes are lost, and every index file that is made of them, in all
    /// generations. What is made anew under these names is recorded like any other chunk.
    ///
    /// # Errors
    /// [`CatalogueError`]; nothing was forgotten then.
    fn forget_chunks(&self, keys: &[Digest]) -> Result<(), CatalogueError>;

    /// Records chunks that were made anew. One that is recorded already stays as it is.
    ///
    /// # Errors
    /// [`CatalogueError`]; nothing was recorded then.
    fn record_chunks(&self, chunks: &[StoredChunk]) -> Result<(), CatalogueError>;

    /// Records the stanza of a package again.
    ///
    /// # Errors
    /// [`CatalogueError::Missing`] when there is no such package; [`CatalogueError::Stanza`] when
    /// the stanza has not the recorded digest.
    fn repair_stanza(&self, package: &Digest, stanza: &str) -> Result<(), CatalogueError>;
}
