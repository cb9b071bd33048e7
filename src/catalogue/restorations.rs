//! Facts about restorations: when the catalogue was set back to an earlier state, and what was
//! accepted after that state.

use super::CatalogueError;
use crate::debian::{Architecture, PackageName, SuiteName, Version};
use crate::digest::Digest;
use crate::domain::Event;
use crate::time::Moment;

/// A restoration of an earlier state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restoration {
    /// When the state was restored, or when that was noticed.
    pub at: Moment,
    /// When the state was copied; `None` when nobody said.
    pub taken_at: Option<Moment>,
    /// Whether everything that was accepted after that state is known.
    pub is_complete: bool,
    /// Whether the audit log has it.
    pub is_told: bool,
    /// When an admin acknowledged it.
    pub acknowledged_at: Option<Moment>,
}

/// A package that was accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AcceptedUpload {
    /// The suite; empty when it is not known.
    pub suite: String,
    /// SHA-256 of the `.deb`.
    pub digest: Digest,
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
    /// Who sent it; empty when that is not known.
    pub author: String,
    /// When it was accepted; 0 when that is not known.
    pub at: Moment,
}

/// Facts about restorations.
pub trait Restorations: Send + Sync {
    /// The last restoration; `None` when there was none.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn last_restoration(&self) -> Result<Option<Restoration>, CatalogueError>;

    /// Records a restoration, and what was accepted after the restored state.
    ///
    /// # Errors
    /// [`CatalogueError`]; nothing was recorded then.
    fn record_restoration(
        &self,
        restoration: &Restoration,
        lost: &[AcceptedUpload],
    ) -> Result<(), CatalogueError>;

    /// Adds to what was accepted after the last restored state. What is known already stays.
    ///
    /// # Errors
    /// [`CatalogueError`]; nothing was recorded then.
    fn record_lost(&self, lost: &[AcceptedUpload]) -> Result<(), CatalogueError>;

    /// Notes that the audit log has every restoration, with this entry.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn tell_restorations(&self, event: &Event) -> Result<(), CatalogueError>;

    /// Acknowledges every restoration; gives how many there were to acknowledge. There is no entry
    /// when there were none.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn acknowledge_restorations(&self, event: &Event) -> Result<u64, CatalogueError>;

    /// What was accepted after the restored states that were not acknowledged, and was not accepted
    /// again since, in the order of names and versions; at most `most`.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_lost(&self, most: u32) -> Result<Vec<AcceptedUpload>, CatalogueError>;

    /// What suites accepted since a moment, the first first; at most `most`.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_accepted(
        &self,
        since: Moment,
        most: u32,
    ) -> Result<Vec<AcceptedUpload>, CatalogueError>;

    /// Leaves out generation numbers of a suite: its next one is `next`, unless it is higher anyway.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn skip_generations(&self, suite: &SuiteName, next: u64) -> Result<(), CatalogueError>;

    /// Binds the name, version and architecture of recorded packages to their bytes in every
    /// namespace where other bytes do not have them.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn bind_everywhere(&self, packages: &[Digest]) -> Result<(), CatalogueError>;
}
