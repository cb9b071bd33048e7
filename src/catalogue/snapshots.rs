//! Facts about snapshots: earlier generations that were signed once more because somebody asked.

use super::CatalogueError;
use crate::debian::SuiteName;
use crate::domain::GenerationRecord;
use crate::time::Moment;

/// The signed text of an earlier generation. It bears the Date of then and no Valid-Until.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Of which generation.
    pub generation: u64,
    /// The time that its signatures bear, and Last-Modified.
    pub signed_at: Moment,
    /// The fingerprints of the keys that signed it, with blanks between them; and behind them the alias of the
    /// suite, when it has one.
    pub keys: String,
    /// `Release`.
    pub release: String,
    /// `Release.gpg`: an armored detached signature of `release`.
    pub release_gpg: String,
    /// `InRelease`: `release`, signed in clear.
    pub in_release: String,
}

/// Facts about snapshots.
pub trait Snapshots: Send + Sync {
    /// The snapshot that is kept of a generation.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_snapshot(
        &self,
        suite: &SuiteName,
        generation: u64,
    ) -> Result<Option<Snapshot>, CatalogueError>;

    /// Keeps a snapshot, unless one by the same keys is kept already, and gives the one that is kept
    /// from now on.
    ///
    /// # Errors
    /// [`CatalogueError::Missing`] when there is no such generation.
    fn record_snapshot(
        &self,
        suite: &SuiteName,
        snapshot: &Snapshot,
    ) -> Result<Snapshot, CatalogueError>;

    /// The generation of this number.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_generation(
        &self,
        suite: &SuiteName,
        generation: u64,
    ) -> Result<Option<GenerationRecord>, CatalogueError>;

    /// The generation that was live at a moment; `None` before the first.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_live_at(
        &self,
        suite: &SuiteName,
        at: Moment,
    ) -> Result<Option<GenerationRecord>, CatalogueError>;
}
