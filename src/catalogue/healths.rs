//! Facts about the health of hosts, beside what they report of themselves.

use super::CatalogueError;
use crate::debian::SuiteName;
use crate::domain::health::CheckResult;
use crate::domain::{Event, Identity};
use crate::time::Moment;

/// What somebody else said of a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostCheck {
    /// Of which host.
    pub host: Identity,
    /// For which suite.
    pub suite: SuiteName,
    /// Who said it.
    pub reporter: Identity,
    /// What.
    pub result: CheckResult,
    /// When.
    pub at: Moment,
}

/// Facts about the health of hosts.
pub trait Healths: Send + Sync {
    /// Records what somebody said of a host, in the place of what they said before, and forgets what was said of any
    /// host before `forget_before`.
    ///
    /// # Errors
    /// [`CatalogueError`]; nothing was recorded then.
    fn record_check(&self, check: &HostCheck, forget_before: Moment) -> Result<(), CatalogueError>;

    /// What was said of a host, or of every host.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_checks(&self, host: Option<&Identity>) -> Result<Vec<HostCheck>, CatalogueError>;

    /// Records until when the failures of a host do not count, or with `None` that they count again; and whether that
    /// changed anything.
    ///
    /// # Errors
    /// [`CatalogueError`]; nothing was recorded then.
    fn record_ignored(
        &self,
        host: &Identity,
        until: Option<Moment>,
        event: &Event,
    ) -> Result<bool, CatalogueError>;

    /// The hosts whose failures do not count, and until when; also those of which that has ended.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_ignored(&self) -> Result<Vec<(Identity, Moment)>, CatalogueError>;
}
