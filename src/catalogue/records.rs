//! Records: what the catalogue gives back that is more than a value of the domain.

use std::sync::Arc;

use crate::debian::{Component, MentionedNames, PackageName, Privilege, SuiteName};
use crate::digest::Digest;
use crate::domain::{
    Head, Identity, IndexFile, Package, PackageSet, Pin, StoredChunk, SuiteSpec, Withdrawn,
};
use crate::time::Moment;

/// A verified package on its way into the catalogue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPackage {
    /// The package.
    pub package: Package,
    /// Its published stanza, which ends with one blank line.
    pub stanza: String,
    /// The paths that it installs, packed ([`crate::debian::file_list`]); `None` when they are too many.
    pub file_list: Option<Vec<u8>>,
    /// What it does to all hosts.
    pub privileges: Vec<Privilege>,
    /// The names that it mentions.
    pub mentions: Vec<(Mention, PackageName)>,
}

impl NewPackage {
    /// A package, with the names that its stanza mentions.
    pub fn of(
        package: Package,
        stanza: String,
        privileges: Vec<Privilege>,
        file_list: Option<Vec<u8>>,
    ) -> Self {
        let MentionedNames { needed, avoided, provided } = MentionedNames::of_stanza(&stanza);
        let needed = needed.into_iter().map(|name| (Mention::Depends, name));
        let provided = provided.into_iter().map(|name| (Mention::Provides, name));
        let avoided = avoided.into_iter().map(|name| (Mention::Avoids, name));
        let mentions = needed.chain(provided).chain(avoided).collect();
        Self { package, stanza, file_list, privileges, mentions }
    }
}

/// How a package speaks of another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mention {
    /// In Pre-Depends or Depends, in one alternative or another.
    Depends,
    /// In Provides.
    Provides,
    /// In Breaks or Conflicts.
    Avoids,
}

/// A package with what was recorded when it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackageRecord {
    /// The package.
    pub package: Package,
    /// Who sent the bytes first.
    pub sent_by: Identity,
    /// When they came.
    pub sent_at: Moment,
    /// What it does to all hosts; nothing, for nearly all.
    pub privileges: Vec<Privilege>,
    /// Whether some suite took it; from then on its name, version and architecture are its own in that suite's
    /// namespace.
    pub accepted: bool,
}

/// All of a suite that its writer keeps in memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SuiteState {
    /// What it is.
    pub spec: SuiteSpec,
    /// The last generation's packages.
    pub contents: PackageSet,
    /// What is served; `None` before the first publication.
    pub head: Option<Head>,
    /// Number of the last generation; 0 before the first.
    pub last_generation: u64,
    /// The pins that stand.
    pub pins: Vec<Pin>,
    /// Versions that were withdrawn.
    pub withdrawn: Vec<Withdrawn>,
}

/// A suite that was removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Departed {
    /// What it was.
    pub spec: SuiteSpec,
    /// Whether it, or one of the same name before it, ever took a package that the server did not make itself.
    pub has_taken: bool,
}

/// An index file and where its chunks lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexRecord {
    /// The file.
    pub file: IndexFile,
    /// Its chunks, in order.
    pub chunks: Vec<Arc<StoredChunk>>,
}

/// What an index file was from some generation on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastIndex {
    /// The first generation that listed it.
    pub generation: u64,
    /// When that was published.
    pub at: Moment,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Unit: bytes.
    pub size_bytes: u64,
}

/// What came and went since a generation, less what did both.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChangesSince {
    /// In the last generation and not in that one.
    pub entered: Vec<(Component, Package)>,
    /// In that generation and not in the last one.
    pub left: Vec<(Component, Package)>,
}

/// A certificate that the embedded CA issued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateRecord {
    /// Serial number, lower-case hexadecimal without leading zeros.
    pub serial: String,
    /// For whom.
    pub identity: Identity,
    /// When it was issued and by whom.
    pub issued_at: Moment,
    /// By whom.
    pub issued_by: Identity,
    /// When it ends.
    pub not_after: Moment,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Moment>,
    /// Why it was revoked.
    pub reason: String,
}

/// When and where a host was last seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sighting {
    /// Which host.
    pub identity: Identity,
    /// Reading which suite.
    pub suite: SuiteName,
    /// When it last asked.
    pub at: Moment,
    /// The generation of the last head it was given.
    pub generation: u64,
}

/// A package in a suite that has taken it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placement {
    /// In which suite.
    pub suite: SuiteName,
    /// In which component.
    pub component: Component,
    /// Which package.
    pub package: Package,
    /// Whether the last generation lists it.
    pub live: bool,
    /// Whether any generation has listed it.
    pub was_live: bool,
    /// Who brought it into the suite, and when.
    pub accepted_by: Identity,
    /// When.
    pub accepted_at: Moment,
}
