//! Facts about retention: what nothing needs any more, and what became of it.

use super::CatalogueError;
use crate::amount::count;
use crate::debian::{Architecture, Component, Namespace, PackageName, SuiteName, Version};
use crate::digest::Digest;
use crate::domain::{Event, Package};
use crate::time::Moment;

/// At which moment a suite is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Looked {
    /// The time.
    pub now: Moment,
    /// How long what nothing needs is still served.
    pub grace_seconds: i64,
}

/// What nothing in a suite needs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Collection {
    /// The generations that are dropped, ascending.
    pub generations: Vec<u64>,
    /// The packages that go.
    pub packages: Vec<Going>,
}

/// A package that goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Going {
    /// In which component.
    pub component: Component,
    /// Which one.
    pub package: Package,
    /// How many newer versions of its name and architecture the suite has.
    pub newer: u32,
    /// When it was last listed; `None` when it never was.
    pub left: Option<Moment>,
    /// Since when it is marked; `None` until then.
    pub since: Option<Moment>,
    /// How many other suites have it, for which its bytes stay.
    pub elsewhere: u32,
}

/// What was done in a suite.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Collected {
    /// The generations that were dropped.
    pub generations: Vec<u64>,
    /// The packages that were marked.
    pub marked: Vec<Package>,
    /// How many marked packages are needed again.
    pub revived: u64,
    /// The packages that were removed from the suite.
    pub removed: Vec<Package>,
    /// How many index files of dropped generations were removed.
    pub files: u64,
    /// Whether more is due: a transaction removes only so many.
    pub more: bool,
}

impl Collected {
    /// Whether nothing was done.
    pub fn is_nothing(&self) -> bool {
        let Self { generations, marked, revived, removed, files, .. } = self;
        generations.is_empty()
            && marked.is_empty()
            && *revived == 0
            && removed.is_empty()
            && *files == 0
    }

    /// The same for people, in a line.
    pub fn told(&self) -> String {
        const NAMED: usize = 8;
        let named = |verb: &str, packages: &[Package]| {
            let names = packages.iter().take(NAMED);
            let names: Vec<_> = names.map(|one| format!("{}={}", one.name, one.version)).collect();
            let rest = packages.len().saturating_sub(NAMED);
            let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            (!names.is_empty()).then(|| format!("{verb} {}{rest}", names.join(" ")))
        };
        let some = |number: u64, noun: &str| (number > 0).then(|| count(number, noun));
        let parts = [
            some(self.generations.len() as u64, "generation").map(|many| format!("drops {many}")),
            named("marks", &self.marked),
            some(self.revived, "package").map(|many| format!("keeps {many} again")),
            named("removes", &self.removed),
            some(self.files, "index file").map(|many| format!("removes {many}")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// A version whose bytes were removed. It belongs to them all the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GoneVersion {
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
    /// SHA-256 of the bytes.
    pub digest: Digest,
}

/// Facts about retention.
pub trait Retention: Send + Sync {
    /// What nothing in a suite needs at this moment; `None` when there is no such suite.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn plan_collection(
        &self,
        suite: &SuiteName,
        at: Looked,
    ) -> Result<Option<Collection>, CatalogueError>;

    /// Drops the generations that nothing needs; marks the packages that nothing needs, and takes the marks
    /// of those away that something needs again; removes what was marked for the grace, and the files of
    /// generations that were dropped as long ago. All of it is decided and done in one transaction, which
    /// records `event`, with what was done as its detail, when anything was.
    ///
    /// # Errors
    /// [`CatalogueError::Missing`] when there is no such suite.
    fn collect(
        &self,
        suite: &SuiteName,
        at: Looked,
        event: &Event,
    ) -> Result<Collected, CatalogueError>;

    /// Forgets the chunks that no index file is made of, but for those with these keys; gives how many.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn forget_unused_chunks(&self, needed: Vec<Digest>) -> Result<u64, CatalogueError>;

    /// The versions of these names that belong to bytes which were removed, in a namespace.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_gone(
        &self,
        namespace: &Namespace,
        names: &[PackageName],
    ) -> Result<Vec<GoneVersion>, CatalogueError>;

    /// The generations of a suite that are kept, ascending.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_kept(&self, suite: &SuiteName) -> Result<Vec<u64>, CatalogueError>;

    /// Notes that somebody asked for a snapshot.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn note_snapshot(
        &self,
        suite: &SuiteName,
        generation: u64,
        at: Moment,
    ) -> Result<(), CatalogueError>;
}
