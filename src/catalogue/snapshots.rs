//! Facts about snapshots: earlier generations that were signed again because somebody asked for
//! them.

use std::ops::RangeInclusive;

use super::CatalogueError;
use crate::debian::{Component, PackageName, SuiteName};
use crate::domain::{GenerationRecord, Package};
use crate::time::Moment;

/// The signed Release of an earlier generation. It has the Date of that generation and no
/// Valid-Until.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Of which generation.
    pub generation: u64,
    /// The time of its signatures, which is also its Last-Modified.
    pub signed_at: Moment,
    /// When somebody last asked for it, by the day.
    pub asked_at: Moment,
    /// The fingerprints of the keys that signed it, with blanks between them, followed by the alias
    /// of the suite when it has one.
    pub keys: String,
    /// `Release`.
    pub release: String,
    /// `Release.gpg`: an armored detached signature of `release`.
    pub release_gpg: String,
    /// `InRelease`: `release`, signed in clear.
    pub in_release: String,
}

/// A package that a generation brought in or took out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    /// Which generation.
    pub generation: u64,
    /// In which component.
    pub component: Component,
    /// The package.
    pub package: Package,
    /// Whether it came in.
    pub came: bool,
}

/// Of what the moves are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MovedOf {
    /// Of these generations, without those that moved more packages than `most`.
    Generations {
        /// Which.
        these: RangeInclusive<u64>,
        /// How many one may have moved.
        most: u64,
    },
    /// Of the binary packages of this name, and of those that are built from the source of this name,
    /// in every generation.
    Named(PackageName),
}

/// Facts about snapshots, and about the generations that they are of.
pub trait Snapshots: Send + Sync {
    /// The stored snapshot of a generation; `None` when there is none.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_snapshot(
        &self,
        suite: &SuiteName,
        generation: u64,
    ) -> Result<Option<Snapshot>, CatalogueError>;

    /// Stores a snapshot, unless one with the same `keys` is stored already. Gives the one that is
    /// stored from now on.
    ///
    /// # Errors
    /// [`CatalogueError::Missing`] when there is no such generation.
    fn record_snapshot(
        &self,
        suite: &SuiteName,
        snapshot: &Snapshot,
    ) -> Result<Snapshot, CatalogueError>;

    /// The generation of this number; `None` when there is none.
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

    /// What came and went, ordered by generation; of one generation, in no particular order. The cost grows
    /// with what has moved since the first of them.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_moved(&self, suite: &SuiteName, of: &MovedOf) -> Result<Vec<Moved>, CatalogueError>;
}
