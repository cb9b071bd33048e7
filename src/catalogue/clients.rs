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
    /// The suite whose hosts it is for.
    pub suite: SuiteName,
    /// Its version; the next one is higher.
    pub version: u64,
    /// The digest of the `.deb`.
    pub digest: Digest,
    /// The digest of what it was made of. When that digest changes, a new package is due.
    pub made_of: Digest,
    /// The fingerprints of the keys that it brings.
    pub keys: Vec<String>,
    /// When it was built.
    pub built_at: Moment,
}

/// The newest client package that a host has fetched for a suite.
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

/// The keyring of a suite that a host last read with its own settings, as it does when it is
/// enrolled: without a client package.
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

/// Facts about client packages, and about keyrings that hosts read without one.
pub trait Clients: Send + Sync {
    /// Records a package before it is published. The same again changes nothing.
    ///
    /// # Errors
    /// [`CatalogueError::Missing`] when there is no such suite.
    fn record_client_package(&self, package: &ClientPackage) -> Result<(), CatalogueError>;

    /// Every package, by suite; the newest of a suite last.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_client_packages(&self) -> Result<Vec<ClientPackage>, CatalogueError>;

    /// Records that hosts have fetched these files. A file that is no client package is ignored,
    /// and so is a package that is older than the newest that the host has fetched.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_client_sightings(
        &self,
        fetched: &[(Identity, Digest, Moment)],
    ) -> Result<(), CatalogueError>;

    /// The newest client package that each host has fetched, for each suite.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_client_sightings(&self) -> Result<Vec<ClientSighting>, CatalogueError>;

    /// Records which keyrings hosts have read. A keyring of a suite that no longer exists is
    /// ignored.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_keyring_sightings(&self, read: &[KeyringSighting]) -> Result<(), CatalogueError>;

    /// The keyring that each host has read last, for each suite.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_keyring_sightings(&self) -> Result<Vec<KeyringSighting>, CatalogueError>;
}
