//! Facts about client packages: what the server built for the hosts of a suite, and which host has
//! fetched which.

use super::CatalogueError;
use crate::debian::SuiteName;
use crate::digest::Digest;
use crate::domain::Identity;
use crate::time::Moment;

/// A client package that was built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientPackage {
    /// For the hosts of which suite.
    pub suite: SuiteName,
    /// Its version; the next one is higher.
    pub version: u64,
    /// The digest of the `.deb`.
    pub digest: Digest,
    /// What it was made of; another value means that a new one is due.
    pub made_of: Digest,
    /// The fingerprints of the keys that it brings.
    pub keys: Vec<String>,
    /// When it was built.
    pub built_at: Moment,
}

/// The newest client package of a suite that a host has fetched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientSighting {
    /// Which host.
    pub identity: Identity,
    /// Of which suite.
    pub suite: SuiteName,
    /// Which version.
    pub version: u64,
    /// When.
    pub at: Moment,
}

/// The key ring of a suite that a host has read last with its own settings, as it does when it is enrolled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyringSighting {
    /// Which host.
    pub identity: Identity,
    /// Of which suite.
    pub suite: SuiteName,
    /// The fingerprints of the keys in it.
    pub keys: Vec<String>,
    /// When.
    pub at: Moment,
}

/// Facts about client packages, and about the key rings that come without one.
pub trait Clients: Send + Sync {
    /// Records a package before it is published. The same again changes nothing.
    ///
    /// # Errors
    /// [`CatalogueError::Missing`] when there is no such suite.
    fn record_client_package(&self, package: &ClientPackage) -> Result<(), CatalogueError>;

    /// Every package, the newest of a suite last.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_client_packages(&self) -> Result<Vec<ClientPackage>, CatalogueError>;

    /// Records that hosts have fetched these files; what is no client package is passed over, and so is
    /// an older one than the host has fetched before.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_client_sightings(
        &self,
        fetched: &[(Identity, Digest, Moment)],
    ) -> Result<(), CatalogueError>;

    /// The newest one that each host has fetched, of each suite.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_client_sightings(&self) -> Result<Vec<ClientSighting>, CatalogueError>;

    /// Records which key rings hosts have read; of a suite that is not there any more, nothing.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_keyring_sightings(&self, read: &[KeyringSighting]) -> Result<(), CatalogueError>;

    /// The last one that each host has read, of each suite.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_keyring_sightings(&self) -> Result<Vec<KeyringSighting>, CatalogueError>;
}
