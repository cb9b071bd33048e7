//! Facts about which hosts read which suites.

use super::{CatalogueError, Sighting};

/// Facts about which hosts read which suites.
pub trait Journal: Send + Sync {
    /// Records the newest sightings; a later one replaces an earlier one of the same host and
    /// suite.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_sightings(&self, sightings: &[Sighting]) -> Result<(), CatalogueError>;

    /// The last sighting of every host in every suite.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_sightings(&self) -> Result<Vec<Sighting>, CatalogueError>;
}
