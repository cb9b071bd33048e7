//! Facts about groups, and about grants beside an identity's own.

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
    /// What identities have of their own, by identity.
    pub own: Vec<Grant>,
    /// Groups by name.
    pub groups: Vec<Group>,
    /// What was given beside, in order.
    pub grants: Vec<GivenGrant>,
    /// Whom nothing counts for.
    pub shut_out: Vec<Identity>,
}

/// Facts about groups and grants.
pub trait Groups: Send + Sync {
    /// Records all of an edit, or nothing: what ends first, then what begins. An identity that is given
    /// something by its name is not shut out any more. Records the event with it.
    ///
    /// # Errors
    /// [`CatalogueError::Missing`] when somebody joins a group that is not there.
    fn record_access(&self, edit: &AccessEdit, event: &Event) -> Result<(), CatalogueError>;

    /// Everything that says who may do what. One read.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn load_access(&self) -> Result<AccessRecord, CatalogueError>;
}
