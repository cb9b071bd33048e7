//! The trait of generations, and of the index files that they list.

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
    /// The newest generations with numbers below `before` (or of all), the newest first; at most
    /// `limit`.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_generations(
        &self,
        suite: &SuiteName,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<GenerationRecord>, CatalogueError>;

    /// The packages of a generation; `None` when there is no generation of that number. How many
    /// versions of a name an index lists follows the suite's present setting.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn contents_at(
        &self,
        suite: &SuiteName,
        generation: u64,
    ) -> Result<Option<PackageSet>, CatalogueError>;

    /// How the last generation differs from an earlier one; `None` when there is no generation of
    /// that number. The cost grows with the difference, not with the size of the suite.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn changes_since(
        &self,
        suite: &SuiteName,
        generation: u64,
    ) -> Result<Option<ChangesSince>, CatalogueError>;

    /// From which generation until which each binary package of this source was in the suite, the
    /// oldest first.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_tenures(
        &self,
        suite: &SuiteName,
        source: &PackageName,
    ) -> Result<Vec<Tenure>, CatalogueError>;

    /// The binary package names that were listed and then, for a generation or more, were not. Each
    /// comes with the time at which the last such gap began.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_emptied(&self, suite: &SuiteName)
    -> Result<Vec<(PackageName, Moment)>, CatalogueError>;

    /// The chunks with these keys that are recorded.
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

    /// The states of the file at `path` in the generations before `before`, the newest first; at
    /// most `limit`. A state that lasted for many generations is in the list once.
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

    /// Records where the xz blocks of recorded chunks lie. A chunk that has a block keeps it.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_blocks(&self, blocks: &[(Digest, StoredBlock)]) -> Result<(), CatalogueError>;

    /// Records where the runs of deflate blocks of recorded chunks lie. A chunk that has a run
    /// keeps it.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_runs(&self, runs: &[(Digest, StoredRun)]) -> Result<(), CatalogueError>;

    /// Records the files that a live generation lists from now on, together with the new head that
    /// lists them.
    ///
    /// # Errors
    /// [`CatalogueError::Stale`] when another generation is live, or when the recorded head is not
    /// older.
    fn complete(&self, completion: &Completion) -> Result<(), CatalogueError>;

    /// A file that no Release lists (a patch), by its path, from any generation.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_patch(
        &self,
        suite: &SuiteName,
        path: &str,
    ) -> Result<Option<IndexRecord>, CatalogueError>;

    /// Every pack that holds a recorded chunk, its run or its xz block.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_packs(&self) -> Result<Vec<Digest>, CatalogueError>;

    /// Every file of a generation: those that its Release lists, and the patches.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_indices(
        &self,
        suite: &SuiteName,
        generation: u64,
    ) -> Result<Vec<IndexFile>, CatalogueError>;
}
