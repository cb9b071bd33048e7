//! FACTS: packages, suites, generations, heads, pins, rights, certificates, tokens, sightings. A
//! method records one event in one transaction, unless it says otherwise. Methods are synchronous:
//! callers bring their own threads.
//!
//! May name: domain, debian, digest, time, cause, amount, reserve, afresh

use crate::debian::{Component, Namespace, PackageName, SuiteName};
use crate::digest::Digest;
use crate::domain::{Event, Grant, Head, Identity, Package, Publication, Slice, SuiteSpec};
use crate::time::Moment;

mod audit;
mod clients;
mod enrolments;
mod error;
mod generations;
mod groups;
mod healths;
mod integrity;
mod journal;
mod records;
mod repairs;
mod reports;
mod restorations;
mod retention;
mod rings;
mod snapshots;
mod sql;
pub mod sqlite;
mod writing;

pub use audit::{Audit, AuditedKeyring, Checkpoint, Delivery, KeyringChange};
pub use clients::{ClientPackage, ClientSighting, Clients, KeyringSighting};
pub use enrolments::Enrolments;
pub use error::CatalogueError;
pub use generations::Generations;
pub use groups::{AccessRecord, GivenGrant, Groups};
pub use healths::{Healths, HostCheck};
pub use integrity::{Integrity, Measured};
pub use journal::Journal;
pub use records::{
    CertificateRecord, ChangesSince, Departed, IndexRecord, Mention, NewPackage, PackageRecord,
    PastIndex, Placement, Sighting, SuiteState,
};
pub use repairs::{FiledIndex, Repairs};
pub use reports::{OwnerRecord, ReportRecord, Reports, Verdict};
pub use restorations::{AcceptedUpload, Restoration, Restorations};
pub use retention::{Collected, Collection, Going, GoneVersion, Looked, Retention};
pub use rings::Rings;
pub use snapshots::{Moved, MovedOf, Snapshot, Snapshots};
pub use sqlite::SqliteCatalogue;
pub use writing::Writing;

/// Facts about packages.
pub trait Packages: Send + Sync {
    /// Records verified packages whose bytes are durable. Of a package that is recorded already, it
    /// notes the sender, stores a missing file list, and renews the time of staged bytes so that
    /// they are not forgotten. Many packages are recorded in several transactions, with those of
    /// others in between; all are durable when this returns.
    ///
    /// # Errors
    /// [`CatalogueError`]; some of many packages may be recorded then.
    fn record_packages(
        &self,
        new: Vec<NewPackage>,
        by: &Identity,
        at: Moment,
    ) -> Result<(), CatalogueError>;

    /// Records one package, without privileges and without a file list, as
    /// [`Packages::record_packages`] does.
    ///
    /// # Errors
    /// [`CatalogueError`].
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

    /// Of these packages, those whose bytes this identity has sent; in no particular order.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_sent(&self, digests: &[Digest], by: &Identity) -> Result<Vec<Digest>, CatalogueError>;

    /// Every package with one of these names that a suite of this namespace has taken; without a
    /// namespace, a suite of any.
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

    /// For each of these names, in the order asked for: the names of packages of which any version
    /// mentions it, whether listed, taken or staged. What a package mentions now is in its stanza.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_mentions(
        &self,
        names: &[PackageName],
        kind: Mention,
    ) -> Result<Vec<Vec<PackageName>>, CatalogueError>;

    /// The paths that each of these packages installs, in the order asked for. The paths are sorted
    /// by their bytes, and each ends with a line feed. `None` where a package is not known or its
    /// list was too long to be stored.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn read_file_lists(&self, digests: &[Digest]) -> Result<Vec<Option<Vec<u8>>>, CatalogueError>;

    /// The suites whose readers may see the bytes, for each of these packages in the order asked
    /// for: every suite that has taken the package, or lists it in any kept generation. There are
    /// none for staged bytes and for bytes that are not there, and finding that out takes as many
    /// reads. One transaction.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_suites_of(&self, digests: &[Digest]) -> Result<Vec<Vec<SuiteName>>, CatalogueError>;

    /// A package and the suites that have taken it. It is found by the parts of its pool path: its
    /// name, and the first 16 hexadecimal digits of its digest. One transaction.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_by_path(
        &self,
        name: &PackageName,
        digest_prefix: &str,
    ) -> Result<Option<(Package, Vec<SuiteName>)>, CatalogueError>;

    /// Deletes every package that no suite has taken and that came before `before`, and gives their
    /// digests, so that the bytes can be deleted next.
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
    /// [`CatalogueError::Exists`] when its name or its alias is the name of a suite;
    /// [`CatalogueError::Alias`] when either is the alias of a suite.
    fn create_suite(&self, spec: &SuiteSpec, event: &Event) -> Result<(), CatalogueError>;

    /// Every suite, by name.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_suites(&self) -> Result<Vec<SuiteSpec>, CatalogueError>;

    /// The last removed suite of this name; `None` when no suite of this name was removed, or when
    /// an earlier version of this program removed it.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_departed(&self, suite: &SuiteName) -> Result<Option<Departed>, CatalogueError>;

    /// The Date of the last Release at `dists/NAME/`: of a removed suite of this name, or of a
    /// suite that has or had this alias. The next Release there must have a later Date.
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
    /// than the last head's. The publication makes the rows recorded in slices visible. For a
    /// publication without slices, rows that are left from earlier slices are undone first. When it
    /// gives the suite the alias of another suite, it must name that suite, which then has no
    /// alias.
    ///
    /// # Errors
    /// [`CatalogueError::Stale`] when it does not follow the recorded state, or when the slices
    /// have another number of rows than it says; [`CatalogueError::Exists`] when the alias is the
    /// name of a suite; [`CatalogueError::Taken`] when other bytes have a package's name, version
    /// and architecture in the namespace; [`CatalogueError::Alias`] when the alias is another suite's alias;
    /// [`CatalogueError::Missing`] for a suite or package that is not recorded;
    /// [`CatalogueError::Chunk`] for a chunk;
    /// [`CatalogueError::Database`].
    fn publish(&self, publication: &Publication) -> Result<(), CatalogueError>;

    /// Records a part of the next generation of a suite ahead of its publication, and gives how
    /// many rows that took. The rows become durable with the publication, and no other method shows
    /// them until then. Names, versions and architectures belong to the packages from here on.
    ///
    /// # Errors
    /// As for [`Suites::publish`]; nothing of the slice is recorded then.
    fn record_slice(&self, slice: Slice) -> Result<u64, CatalogueError>;

    /// Undoes at most `most` rows of slices whose generation was not published. Gives whether there
    /// may be more.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn take_back(&self, suite: &SuiteName, most: u32) -> Result<bool, CatalogueError>;

    /// Replaces the head by a newer signature of the same generation.
    ///
    /// # Errors
    /// [`CatalogueError::Stale`] when another generation is live, or when the recorded head is not
    /// older.
    fn record_head(&self, suite: &SuiteName, head: &Head) -> Result<(), CatalogueError>;

    /// Replaces the head, where there is one, by a signature of the same generation with an earlier Date,
    /// and forgets later Dates of the names that the suite is read by.
    ///
    /// # Errors
    /// [`CatalogueError::Stale`] when another generation is live than that of `head`.
    fn restart_dates(
        &self,
        suite: &SuiteName,
        head: Option<&Head>,
        event: &Event,
    ) -> Result<(), CatalogueError>;

    /// Packages that the suite has taken, listed or not, of this source (or of any).
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

    /// Every package that any suite has taken and whose binary name matches `pattern`, which may
    /// contain `*`; at most `limit`. For `search` and `show`.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn search_placements(
        &self,
        pattern: &str,
        limit: u32,
    ) -> Result<Vec<Placement>, CatalogueError>;

    /// The same within one suite: by name, the last taken of a name first.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn search_suite(
        &self,
        suite: &SuiteName,
        pattern: &str,
        limit: u32,
    ) -> Result<Vec<Placement>, CatalogueError>;

    /// Removes a suite that lists no packages, and records the event.
    ///
    /// # Errors
    /// [`CatalogueError::Missing`] when there is no such suite; [`CatalogueError::Exists`] when it
    /// still lists packages.
    fn remove_suite(&self, suite: &SuiteName, event: &Event) -> Result<(), CatalogueError>;
}

/// Facts about who may do what.
pub trait Access: Send + Sync {
    /// Records a grant as the identity's own, in place of the one before, and the event. The
    /// identity is no longer shut out.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_grant(&self, grant: &Grant, event: &Event) -> Result<(), CatalogueError>;

    /// Removes an identity's own grant and records the event; success if it had none.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn remove_grant(&self, identity: &Identity, event: &Event) -> Result<(), CatalogueError>;

    /// Every identity's own grant, by identity.
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

    /// Marks certificates as revoked at the event's time; those that are revoked already stay as
    /// they are. Removes the own grant of `and_grant`, revokes its pending tokens, shuts it out,
    /// and records the event.
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

/// Every kind of fact in one trait.
pub trait Catalogue:
    Packages
    + Suites
    + Generations
    + Repairs
    + Integrity
    + Restorations
    + Snapshots
    + Access
    + Groups
    + Enrolments
    + Journal
    + Audit
    + Clients
    + Reports
    + Healths
    + Rings
    + Retention
    + Writing
{
}

impl<T> Catalogue for T where
    T: Packages
        + Suites
        + Generations
        + Repairs
        + Integrity
        + Rings
        + Retention
        + Restorations
        + Snapshots
        + Access
        + Groups
        + Enrolments
        + Journal
        + Audit
        + Clients
        + Reports
        + Healths
        + Writing
{
}
