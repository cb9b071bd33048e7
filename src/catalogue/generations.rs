//! What is asked of generations, and of the indices that they list.

use crate::catalogue::{CatalogueError, ChangesSince, IndexRecord, PastIndex};
use crate::debian::{PackageName, SuiteName};
use crate::digest::Digest;
use crate::domain::{
    Completion, GenerationRecord, IndexFile, PackageSet, StoredBlock, StoredChunk, StoredRun,
    Tenure,
};
use crate::time::Moment;

/// Facts about generations.
pub trait Generations: Send + Sync {
    /// The newest generations before `before` (or of all), newest first, at most `limit`.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_generations(
        &self,
        suite: &SuiteName,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<GenerationRecord>, CatalogueError>;

    /// The packages of a generation; `None` when there is none of that number. How many versions of a name an index
    /// lists is that of now.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn contents_at(
        &self,
        suite: &SuiteName,
        generation: u64,
    ) -> Result<Option<PackageSet>, CatalogueError>;

    /// How the last generation differs from an earlier one; `None` when there is none of that number.
    /// Costs what differs, not what the suite holds.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn changes_since(
        &self,
        suite: &SuiteName,
        generation: u64,
    ) -> Result<Option<ChangesSince>, CatalogueError>;

    /// How long each binary of this source was in the suite, oldest first.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_tenures(
        &self,
        suite: &SuiteName,
        source: &PackageName,
    ) -> Result<Vec<Tenure>, CatalogueError>;

    /// The binary names that were listed, then not at all for a generation or more: each with the time since when,
    /// the last time that it was so.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_emptied(&self, suite: &SuiteName)
    -> Result<Vec<(PackageName, Moment)>, CatalogueError>;

    /// Those of these chunks that are recorded.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_chunks(&self, keys: &[Digest]) -> Result<Vec<StoredChunk>, CatalogueError>;

    /// The index file at `path` in a generation.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_index(
        &self,
        suite: &SuiteName,
        generation: u64,
        path: &str,
    ) -> Result<Option<IndexRecord>, CatalogueError>;

    /// What the file at `path` was in the generations before `before`, newest first, at most `limit`. What
    /// stayed as it was for many generations stands here once.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_past(
        &self,
        suite: &SuiteName,
        path: &str,
        before: u64,
        limit: u32,
    ) -> Result<Vec<PastIndex>, CatalogueError>;

    /// An index file of any kept generation of the suite, by its digest, in the directory `directory`
    /// (`main/binary-amd64`).
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_by_hash(
        &self,
        suite: &SuiteName,
        directory: &str,
        digest: &Digest,
    ) -> Result<Option<IndexRecord>, CatalogueError>;

    /// Notes where the xz blocks of recorded chunks lie. A block that is noted already stays.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_blocks(&self, blocks: &[(Digest, StoredBlock)]) -> Result<(), CatalogueError>;

    /// Notes where the runs of deflate blocks of recorded chunks lie. A run that is noted already stays.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_runs(&self, runs: &[(Digest, StoredRun)]) -> Result<(), CatalogueError>;

    /// Records what a live generation lists beside what it did, with the head that says so.
    ///
    /// # Errors
    /// [`CatalogueError::Stale`] when another generation or a later date stands already.
    fn complete(&self, completion: &Completion) -> Result<(), CatalogueError>;

    /// A file that no Release lists, by its path in any generation.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_patch(
        &self,
        suite: &SuiteName,
        path: &str,
    ) -> Result<Option<IndexRecord>, CatalogueError>;

    /// Every pack that a recorded chunk, its run or its xz block lies in.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_packs(&self) -> Result<Vec<Digest>, CatalogueError>;

    /// Every file that a generation's Release lists.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_indices(
        &self,
        suite: &SuiteName,
        generation: u64,
    ) -> Result<Vec<IndexFile>, CatalogueError>;
}
