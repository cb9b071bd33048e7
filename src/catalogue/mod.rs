//! FACTS: packages, suites, generations, heads, pins, rights, certificates, tokens, sightings. One method
//! is one event is one transaction. Synchronous: callers bring their own threads.
//!
//! May name: domain, debian, digest, time, cause

use crate::cause::Cause;
use crate::debian::{Component, Namespace, PackageName, SuiteName};
use crate::digest::Digest;
use crate::domain::{Event, Grant, Head, Identity, Package, Publication, Slice, SuiteSpec};
use crate::time::Moment;

mod audit;
mod clients;
mod enrolments;
mod generations;
mod groups;
mod records;
mod snapshots;
mod sql;
pub mod sqlite;

pub use audit::{Audit, AuditedKeyring, Checkpoint, Delivery, KeyringChange};
pub use clients::{ClientPackage, ClientSighting, Clients, KeyringSighting};
pub use enrolments::Enrolments;
pub use generations::Generations;
pub use groups::{AccessRecord, GivenGrant, Groups};
pub use records::{
    CertificateRecord, ChangesSince, Departed, IndexRecord, Mention, NewPackage, PackageRecord,
    PastIndex, Placement, Sighting, SuiteState,
};
pub use snapshots::{Snapshot, Snapshots};
pub use sqlite::SqliteCatalogue;

/// The catalogue could not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The event does not follow the recorded state: somebody else published first.
    #[error("{0} moved on meanwhile; nothing was recorded")]
    Stale(SuiteName),
    /// Something of that name is there already.
    #[error("{0} exists already")]
    Exists(String),
    /// The name is the alias of a suite.
    #[error("{alias} is the alias of suite {suite}")]
    Alias {
        /// Which name.
        alias: SuiteName,
        /// Whose alias it is.
        suite: SuiteName,
    },
    /// Nothing of that name is there.
    #[error("there is no {0}")]
    Missing(String),
    /// What is recorded cannot be read back: damage or a newer program's data.
    #[error("the catalogue holds something unreadable: {0}")]
    Damaged(#[source] Cause),
    /// There is no room for it; nothing was recorded.
    #[error("the server's disk is full ({0}); make room there")]
    Full(#[source] Cause),
    /// The database said no.
    #[error("catalogue: {0}")]
    Database(#[source] Cause),
}

/// Facts about packages.
pub trait Packages: Send + Sync {
    /// Records verified packages whose bytes are durable. The same package again only notes who sent it, and
    /// keeps staged bytes from being forgotten. Many are recorded in slices, between which others are served;
    /// all are durable when this returns.
    ///
    /// # Errors
    /// [`CatalogueError::Database`]; some of many packages may be recorded then.
    fn record_packages(
        &self,
        new: Vec<NewPackage>,
        by: &Identity,
        at: Moment,
    ) -> Result<(), CatalogueError>;

    /// Records one package without privileges and a list of its files, as [`Packages::record_packages`] does.
    ///
    /// # Errors
    /// [`CatalogueError::Database`].
    fn record_package(
        &self,
        package: &Package,
        stanza: &str,
        by: &Identity,
        at: Moment,
    ) -> Result<(), CatalogueError> {
        let new = NewPackage::of(package.clone(), stanza.to_owned(), Vec::new(), None);
        self.record_packages(vec![new], by, at)
    }

    /// The packages of these digests that are known, in no particular order.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_packages(&self, digests: &[Digest]) -> Result<Vec<PackageRecord>, CatalogueError>;

    /// Those of these packages whose bytes this identity has sent, in no particular order.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_sent(&self, digests: &[Digest], by: &Identity) -> Result<Vec<Digest>, CatalogueError>;

    /// Every package of any of these names that some suite of this namespace has taken; without one, of any.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_versions(
        &self,
        namespace: Option<&Namespace>,
        names: &[PackageName],
    ) -> Result<Vec<PackageRecord>, CatalogueError>;

    /// The published stanzas of these packages, in the order asked for.
    ///
    /// # Errors
    /// [`CatalogueError::Missing`] when one is not known.
    fn read_stanzas(&self, digests: &[Digest]) -> Result<Vec<String>, CatalogueError>;

    /// The names of packages of which any version, whoever has it, mentions each of these names; in the order
    /// asked for. What they say now is in their stanzas.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_mentions(
        &self,
        names: &[PackageName],
        kind: Mention,
    ) -> Result<Vec<Vec<PackageName>>, CatalogueError>;

    /// The paths that these packages install, in the order asked for: sorted by their bytes, each with
    /// a line feed behind it. `None` where a package is not known or its list was too long to be kept.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn read_file_lists(&self, digests: &[Digest]) -> Result<Vec<Option<Vec<u8>>>, CatalogueError>;

    /// Whom the bytes may be shown to, in the order asked for: every suite that has taken the package, or
    /// names it in any kept generation. None for staged bytes and for those that are not there; to find
    /// that out takes as many reads. One transaction.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_suites_of(&self, digests: &[Digest]) -> Result<Vec<Vec<SuiteName>>, CatalogueError>;

    /// A package by the parts of its pool path, which are its name and the first 16 hexadecimal digits of
    /// its digest, and the suites that have taken it. One read.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_by_path(
        &self,
        name: &PackageName,
        digest_prefix: &str,
    ) -> Result<Option<(Package, Vec<SuiteName>)>, CatalogueError>;

    /// Removes from the catalogue every package that no suite has taken and that came before `before`,
    /// and gives their digests, so that their bytes can follow.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn forget_staged(&self, before: Moment) -> Result<Vec<Digest>, CatalogueError>;
}

/// Facts about suites and what they serve.
pub trait Suites: Send + Sync {
    /// Records a new suite, without any generation, and the event.
    ///
    /// # Errors
    /// [`CatalogueError::Exists`] when there is a suite of its name or of its alias; [`CatalogueError::Alias`] when
    /// either is the alias of a suite.
    fn create_suite(&self, spec: &SuiteSpec, event: &Event) -> Result<(), CatalogueError>;

    /// Every suite, by name.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_suites(&self) -> Result<Vec<SuiteSpec>, CatalogueError>;

    /// What the last suite of this name was that was removed; `None` when there was none, or one that an
    /// earlier version of this program removed.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_departed(&self, suite: &SuiteName) -> Result<Option<Departed>, CatalogueError>;

    /// The Date of what was last found at `dists/NAME/`, by a suite of this name that was removed or by one whose
    /// alias it is or was: what is found there next is dated later.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_floor(&self, name: &SuiteName) -> Result<Option<Moment>, CatalogueError>;

    /// All that the suite's writer keeps in memory; `None` when there is no such suite.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn load_suite(&self, suite: &SuiteName) -> Result<Option<SuiteState>, CatalogueError>;

    /// Records everything of one publish batch of a suite, or nothing.
    ///
    /// When it holds a generation, its number must be the last one plus one and its head's date later
    /// than the last head's. What was recorded in slices becomes visible with it; of a publication that
    /// counts on no slices, what is left of earlier ones is taken back first. When it gives the suite the alias of
    /// another one, which it has to name, that one has none from then on.
    ///
    /// # Errors
    /// [`CatalogueError::Stale`] when it does not follow, or when there are other rows in slices than it
    /// says; [`CatalogueError::Exists`] and [`CatalogueError::Alias`] when the alias is another suite's name or
    /// alias; [`CatalogueError::Database`].
    fn publish(&self, publication: &Publication) -> Result<(), CatalogueError>;

    /// Records a part of the next generation of a suite ahead of its publication, and gives how many rows
    /// that took. It is durable with the publication; no other method shows anything of it until then. Names, versions and architectures belong
    /// to the packages from here on.
    ///
    /// # Errors
    /// As for [`Suites::publish`]; nothing of the slice is recorded then.
    fn record_slice(&self, slice: Slice) -> Result<u64, CatalogueError>;

    /// Takes back at most so many rows of slices whose generation was not published; whether there may be
    /// more.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn take_back(&self, suite: &SuiteName, most: u32) -> Result<bool, CatalogueError>;

    /// Replaces the head by a newer signature of the same generation.
    ///
    /// # Errors
    /// [`CatalogueError::Stale`] when the generation or a later date stands already.
    fn record_head(&self, suite: &SuiteName, head: &Head) -> Result<(), CatalogueError>;

    /// Packages that the suite has taken, live or waiting, of this source (or of any).
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_placements(
        &self,
        suite: &SuiteName,
        source: Option<&PackageName>,
    ) -> Result<Vec<Placement>, CatalogueError>;

    /// The component in which the suite has taken each of these packages, in the order asked for; `None`
    /// for one that it has not taken.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_taken(
        &self,
        suite: &SuiteName,
        digests: &[Digest],
    ) -> Result<Vec<Option<Component>>, CatalogueError>;

    /// Every acceptance of this binary package name, in any suite: for `search` and `show`.
    /// `pattern` may hold `*`.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn search_placements(
        &self,
        pattern: &str,
        limit: u32,
    ) -> Result<Vec<Placement>, CatalogueError>;

    /// The same within one suite: by name, the newest of a name first.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn search_suite(
        &self,
        suite: &SuiteName,
        pattern: &str,
        limit: u32,
    ) -> Result<Vec<Placement>, CatalogueError>;

    /// Removes a suite that has never had a generation with packages, or whose contents are empty, and
    /// records the event.
    ///
    /// # Errors
    /// [`CatalogueError::Missing`]; [`CatalogueError::Exists`] when it still holds packages.
    fn remove_suite(&self, suite: &SuiteName, event: &Event) -> Result<(), CatalogueError>;
}

/// Facts about who may do what.
pub trait Access: Send + Sync {
    /// Gives a right, replacing what the identity had as its own, and records the event; it is not shut out any
    /// more.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_grant(&self, grant: &Grant, event: &Event) -> Result<(), CatalogueError>;

    /// Takes an identity's rights away and records the event; success if it had none.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn remove_grant(&self, identity: &Identity, event: &Event) -> Result<(), CatalogueError>;

    /// Every grant, by identity.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_grants(&self) -> Result<Vec<Grant>, CatalogueError>;

    /// Records a certificate of the embedded CA together with the grant that it was issued for, and the
    /// event.
    ///
    /// # Errors
    /// [`CatalogueError::Exists`] when the serial is taken.
    fn record_certificate(
        &self,
        certificate: &CertificateRecord,
        grant: Option<&Grant>,
        event: &Event,
    ) -> Result<(), CatalogueError>;

    /// Every certificate issued, or those of one identity; newest first.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_certificates(
        &self,
        of: Option<&Identity>,
    ) -> Result<Vec<CertificateRecord>, CatalogueError>;

    /// Marks certificates revoked at the event's time (those that are already stay as they are), takes the own
    /// grant and the pending tokens of `and_grant` away and shuts it out, and records the event.
    ///
    /// # Errors
    /// [`CatalogueError::Missing`] when a serial is not known.
    fn record_revocation(
        &self,
        serials: &[String],
        reason: &str,
        and_grant: Option<&Identity>,
        event: &Event,
    ) -> Result<(), CatalogueError>;
}

/// Facts about who was here.
pub trait Journal: Send + Sync {
    /// Records the newest sightings; later ones replace earlier ones of the same host and suite.
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

/// Every kind of fact in one place.
pub trait Catalogue:
    Packages
    + Suites
    + Generations
    + Snapshots
    + Access
    + Groups
    + Enrolments
    + Journal
    + Audit
    + Clients
{
}

impl<T> Catalogue for T where
    T: Packages
        + Suites
        + Generations
        + Snapshots
        + Access
        + Groups
        + Enrolments
        + Journal
        + Audit
        + Clients
{
}
