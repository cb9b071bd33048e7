//! Records: values of the domain together with what the catalogue stores about them.

use std::sync::Arc;

use crate::debian::{Component, MentionedNames, PackageName, Privilege, SuiteName};
use crate::digest::Digest;
use crate::domain::{
    Draft, Head, HeldBack, Hold, Identity, IndexFile, Package, PackageSet, Pin, Rollouts,
    StoredChunk, SuiteSpec, Withdrawn, Yanks,
};
use crate::time::Moment;

/// A verified package that is about to be recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPackage {
    /// The package.
    pub package: Package,
    /// Its published stanza, which ends with one blank line.
    pub stanza: String,
    /// The paths that it installs, packed ([`crate::debian::file_list`]); `None` when they are too many.
    pub file_list: Option<Vec<u8>>,
    /// The privileges that it uses, which have an effect on all hosts.
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

/// The kind of field in which a package mentions another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mention {
    /// In Pre-Depends or Depends, as any of the alternatives.
    Depends,
    /// In Provides.
    Provides,
    /// In Breaks or Conflicts.
    Avoids,
}

/// A package, and what was recorded when it was uploaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackageRecord {
    /// The package.
    pub package: Package,
    /// Who sent the bytes first.
    pub sent_by: Identity,
    /// When they came; while it is staged, when they were last sent.
    pub sent_at: Moment,
    /// The privileges that it uses, which have an effect on all hosts; nearly always none.
    pub privileges: Vec<Privilege>,
    /// Whether some suite has taken it. From then on its name, version and architecture belong to
    /// it in the namespace of that suite.
    pub accepted: bool,
    /// Whether a suite is about to remove it: who has it should send it again.
    pub going: bool,
}

/// What the writer of a suite keeps in memory.
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
    /// The pins that are in force.
    pub pins: Vec<Pin>,
    /// Versions that were withdrawn.
    pub withdrawn: Vec<Withdrawn>,
    /// The hold that is in force.
    pub hold: Option<Hold>,
    /// What came while it is.
    pub held_back: Arc<HeldBack>,
    /// The rollouts that are open.
    pub rollouts: Arc<Rollouts>,
    /// The versions that are yanked in its namespace.
    pub yanks: Arc<Yanks>,
}

impl SuiteState {
    /// A draft that changes nothing yet.
    pub fn draft(&self) -> Draft<'_> {
        let draft = Draft::new(&self.spec, &self.contents, &self.pins, &self.withdrawn);
        draft.held(self.hold.as_ref(), &self.held_back).rolling(&self.rollouts).yanked(&self.yanks)
    }
}

/// A suite that was removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Departed {
    /// What it was.
    pub spec: SuiteSpec,
    /// Whether it, or an earlier suite of the same name, ever took a package that the server did
    /// not make itself.
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

/// A state of an index file, and the generation that listed it first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastIndex {
    /// The first generation that listed it.
    pub generation: u64,
    /// When that generation was published.
    pub at: Moment,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Unit: bytes.
    pub size_bytes: u64,
}

/// How the last generation differs from an earlier one. A package that came and went in between is
/// in neither list; one that went and came back is in both.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChangesSince {
    /// Packages in the last generation that came after the earlier one.
    pub entered: Vec<(Component, Package)>,
    /// Packages in the earlier generation that went after it.
    pub left: Vec<(Component, Package)>,
}

/// A certificate that the embedded CA issued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateRecord {
    /// Serial number, lower-case hexadecimal without leading zeros.
    pub serial: String,
    /// For whom.
    pub identity: Identity,
    /// When it was issued.
    pub issued_at: Moment,
    /// Who issued it.
    pub issued_by: Identity,
    /// When it expires.
    pub not_after: Moment,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Moment>,
    /// Why it was revoked.
    pub reason: String,
}

/// When a host last read a suite, and what it was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sighting {
    /// Which host.
    pub identity: Identity,
    /// Reading which suite.
    pub suite: SuiteName,
    /// When it last asked.
    pub at: Moment,
    /// The generation of the last head that it was given.
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
    /// Who brought it into the suite.
    pub accepted_by: Identity,
    /// When it was brought into the suite.
    pub accepted_at: Moment,
}
