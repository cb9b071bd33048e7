//! Facts about groups, and about the grants in addition to an identity's own grant.

use super::CatalogueError;
use crate::domain::{AccessEdit, AccessGrant, Event, Grant, Group, Identity};
use crate::time::Moment;

/// A grant, and who gave it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GivenGrant {
    /// The grant.
    pub grant: AccessGrant,
    /// Who gave it.
    pub by: Identity,
    /// When.
    pub at: Moment,
}

/// Everything that says who may do what, at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccessRecord {
    /// Each identity's own grant, by identity.
    pub own: Vec<Grant>,
    /// Groups by name.
    pub groups: Vec<Group>,
    /// The other grants, in their order.
    pub grants: Vec<GivenGrant>,
    /// Identities that are shut out: no grant is valid for them.
    pub shut_out: Vec<Identity>,
}

/// Facts about groups and grants.
pub trait Groups: Send + Sync {
    /// Records all of an edit and its event, or nothing: first what ends, then what begins. An
    /// identity that a new grant names is no longer shut out.
    ///
    /// # Errors
    /// [`CatalogueError::Missing`] when somebody joins a group that does not exist.
    fn record_access(&self, edit: &AccessEdit, event: &Event) -> Result<(), CatalogueError>;

    /// Everything that says who may do what, from one transaction.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn load_access(&self) -> Result<AccessRecord, CatalogueError>;
}
