//! Facts that hosts report of themselves: what they have installed.

use super::CatalogueError;
use crate::debian::PackageName;
use crate::domain::Identity;
use crate::domain::inventory::{
    Contradiction, Facts, HostReport, Installed, Marks, Receipt, SetHash,
};
use crate::time::Moment;

/// What became of a report.
pub type Verdict = Result<Receipt, Contradiction>;

/// The last report of a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportRecord {
    /// Which host.
    pub host: Identity,
    /// Its number of it.
    pub number: u64,
    /// The hash of its packages.
    pub hash: SetHash,
    /// When it came.
    pub at: Moment,
    /// What it says beside its packages.
    pub facts: Facts,
    /// Its packages: the ids of their lines, ascending, with their marks.
    pub packages: Vec<(u64, Marks)>,
}

/// Which of some lines a host has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnerRecord {
    /// Which host.
    pub host: Identity,
    /// When its last report came.
    pub at: Moment,
    /// Those that it has, with their marks.
    pub packages: Vec<(u64, Marks)>,
}

/// What hosts report of themselves.
pub trait Reports: Send + Sync {
    /// Records reports, one after the other, in one transaction, and gives what became of each. The same
    /// report again changes nothing.
    ///
    /// # Errors
    /// [`CatalogueError`]; nothing was recorded then.
    fn record_reports(&self, reports: Vec<HostReport>) -> Result<Vec<Verdict>, CatalogueError>;

    /// The last report of a host.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_report(&self, host: &Identity) -> Result<Option<ReportRecord>, CatalogueError>;

    /// Gives the last report of every host to `take`, in no order, until that fails. Few are in memory at once.
    ///
    /// # Errors
    /// [`CatalogueError`], also of `take`.
    fn each_report(
        &self,
        take: &mut dyn FnMut(ReportRecord) -> Result<(), CatalogueError>,
    ) -> Result<(), CatalogueError>;

    /// Every host that has reported, in no order: when that was, and those of `lines` that it has. `lines` are
    /// ascending.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_owners(&self, lines: &[u64]) -> Result<Vec<OwnerRecord>, CatalogueError>;

    /// The lines of this name, in every version that a host has or had.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_reported(&self, name: &PackageName) -> Result<Vec<(u64, Installed)>, CatalogueError>;

    /// The lines with these ids.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn read_reported(&self, ids: &[u64]) -> Result<Vec<(u64, Installed)>, CatalogueError>;

    /// Deletes lines that no host has any more, unless a report comes meanwhile. Gives how many.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn forget_unreported(&self) -> Result<u64, CatalogueError>;
}
