//! The trait of repairs: what takes the place of what was lost.

use super::{CatalogueError, IndexRecord};
use crate::debian::SuiteName;
use crate::digest::Digest;
use crate::domain::StoredChunk;

/// An index file of some generation, by its row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FiledIndex {
    /// The row; later files have higher ones.
    pub id: u64,
    /// Whose file it is.
    pub suite: SuiteName,
    /// The first generation that had it.
    pub generation: u64,
    /// Below the suite's directory.
    pub path: String,
}

/// Checks and repairs of what is stored.
pub trait Repairs: Send + Sync {
    /// The digests of recorded packages after this one, in order.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_digests(&self, after: Option<Digest>, most: u32)
    -> Result<Vec<Digest>, CatalogueError>;

    /// The index files of all suites and generations with rows after this one, in order.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_filed(&self, after: u64, most: u32) -> Result<Vec<FiledIndex>, CatalogueError>;

    /// An index file, by its row.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when its chunks are not recorded, or not in its encoding.
    fn read_filed(&self, id: u64) -> Result<Option<IndexRecord>, CatalogueError>;

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

    /// Records where the bytes of a chunk lie, in place of what is recorded of that key.
    ///
    /// # Errors
    /// [`CatalogueError`]; then it is recorded as before.
    fn replace_chunk(&self, chunk: &StoredChunk) -> Result<(), CatalogueError>;

    /// Forgets an index file, and every one that is made of the same chunks in the same order, in
    /// whatever encoding and generation.
    ///
    /// # Errors
    /// [`CatalogueError`]; nothing was forgotten then.
    fn forget_file(&self, id: u64) -> Result<(), CatalogueError>;

    /// Records the stanza of a package again.
    ///
    /// # Errors
    /// [`CatalogueError::Missing`] when there is no such package; [`CatalogueError::Stanza`] when
    /// the stanza has not the recorded digest.
    fn repair_stanza(&self, package: &Digest, stanza: &str) -> Result<(), CatalogueError>;
}
