//! The trait of writing: whether anything is written at all.

use super::CatalogueError;

/// Whether the catalogue is written to.
pub trait Writing: Send + Sync {
    /// Why nothing is written now: the error that every method which records gives. `None` while all is
    /// well. After a commit that failed it may end by itself.
    fn stopped(&self) -> Option<CatalogueError>;
}
