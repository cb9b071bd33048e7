//! Changes, what came of them, and pins, as they are sent.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::debian::{Architecture, Component, PackageName, SuiteName, Version};
use crate::digest::Digest;

/// What is asked of a suite: the body of `POST /suites/{suite}/changes`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// Why; kept with the generation. Or in the query: [`MessageQuery`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Only say what it would do.
    #[serde(default)]
    pub dry_run: bool,
    /// Refuse unless this generation is the last one; for a rollback of named packages, unless those stand
    /// as they do in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<u64>,
    /// Refuse a rollback of named packages too unless that generation is the last one: somebody was shown what it
    /// would do, and said yes to that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub as_shown: bool,
    /// Where hosts could not follow, move what has to move along.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cascade: bool,
    /// Where hosts could not follow, go on all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// The change itself.
    pub change: Change,
}

/// The change itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "verb", rename_all = "lowercase", deny_unknown_fields)]
pub enum Change {
    /// Take packages whose bytes the server has, all or none.
    Add {
        /// Which, and where to.
        items: Vec<AddItem>,
    },
    /// Offer exactly this version.
    Pin {
        /// The source package, or the binary package when `binary`.
        package: PackageName,
        /// The version of it.
        version: Version,
        /// Whether `package` names one binary instead of a source.
        #[serde(default)]
        binary: bool,
        /// End by itself after so many hours.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hours: Option<u32>,
    },
    /// Go back to the version that was live before.
    Rollback {
        /// Which packages.
        #[serde(default)]
        packages: Vec<PackageName>,
        /// The whole suite.
        #[serde(default)]
        all: bool,
        /// To what this generation held; otherwise to the previous distinct version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<u64>,
        /// Whether `packages` name binaries instead of sources.
        #[serde(default)]
        binary: bool,
    },
    /// End pins.
    Unpin {
        /// Whose.
        #[serde(default)]
        packages: Vec<PackageName>,
        /// Every pin of the suite.
        #[serde(default)]
        all: bool,
        /// Whether `packages` name binaries instead of sources.
        #[serde(default)]
        binary: bool,
    },
    /// Stop offering packages.
    Remove {
        /// Which.
        packages: Vec<PackageName>,
        /// Whether `packages` name binaries instead of sources.
        #[serde(default)]
        binary: bool,
    },
}

/// One package to take into a suite.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddItem {
    /// Where to.
    pub component: Component,
    /// SHA-256 of the `.deb`, sent before with `PUT /blobs/{digest}`.
    pub digest: Digest,
}

/// What every request that alters something may say in its query. Where the body has a field for it as
/// well, that one counts.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageQuery {
    /// Why; kept in the audit log, and with the generation where there is a new one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// What came of a change, or would come of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ChangeOutcome {
    /// Of which suite.
    pub suite: SuiteName,
    /// The generation that is live with it; `None` when hosts see no difference.
    pub generation: Option<u64>,
    /// Whether it was only tried out.
    #[serde(default)]
    pub dry_run: bool,
    /// What became of each package that the request named.
    #[serde(default)]
    pub items: Vec<ItemOutcome>,
    /// What hosts will see move.
    #[serde(default)]
    pub moves: Vec<Move>,
    /// The pins that were set, as they stand after the change.
    #[serde(default)]
    pub pins: Vec<PinView>,
    /// The pins that ended, as they stood before the change.
    #[serde(default)]
    pub ended: Vec<PinView>,
    /// Packages that move, or that a pin holds, though neither they nor their source were named, for a dry
    /// run of a change that names packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beyond: Vec<PackageName>,
    /// What hosts cannot install with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stuck: Vec<Stuck>,
    /// Hosts that read the suite, for a dry run.
    #[serde(default)]
    pub hosts: Vec<HostSeen>,
    /// Sentences for people.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// A package that hosts cannot install, or that keeps hosts which have it from following: its relations are not
/// met by the names that the suite owns.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Stuck {
    /// The binary package.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Built for which architecture, or for all and taken by hosts of this one.
    pub architecture: Architecture,
    /// The first kind of hosts that is concerned: their own architecture, and the others that they take.
    #[serde(default)]
    pub hosts: Vec<Architecture>,
    /// The package that comes onto hosts with it and is what does not fit; absent when it does not fit itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brings: Option<PackageName>,
    /// In which way.
    #[serde(default)]
    pub relation: StuckRelation,
    /// What it does not find, or cannot be beside, as a control file writes it.
    pub needs: String,
    /// What there is of it, by name: the version, or nothing.
    #[serde(default)]
    pub finds: BTreeMap<String, Option<Version>>,
}

/// In which way a package is stuck.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StuckRelation {
    /// It does not find what it depends on.
    #[default]
    Needs,
    /// It does not find what it recommends, and the version before it does.
    Recommends,
    /// It finds what it breaks or conflicts with.
    Avoids,
}

/// What became of one package.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ItemOutcome {
    /// The binary package.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
    /// In which component.
    pub component: Component,
    /// Where it stands now.
    pub state: ItemState,
    /// Why, when that is not plain; empty otherwise.
    #[serde(default)]
    pub note: String,
}

/// Where a package of a change stands after it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ItemState {
    /// Hosts are offered it since this change.
    Published,
    /// It was there before.
    Already,
    /// Stored; a higher version or a pin stands before it.
    Waiting,
    /// Stored, but it was rolled back from: it needs an explicit pin.
    Withdrawn,
}

impl ItemState {
    /// The word on the wire and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Already => "already",
            Self::Waiting => "waiting",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A package whose offered version moves. Where several versions are listed: first from the highest of before to the
/// highest of after, as hosts go, whether or not either is listed in both; then what else comes and goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Move {
    /// The binary package.
    pub package: PackageName,
    /// Its architecture.
    pub architecture: Architecture,
    /// In which component.
    pub component: Component,
    /// The version before; `None` when it comes in.
    pub from: Option<Version>,
    /// The version after; `None` when it goes out.
    pub to: Option<Version>,
}

/// What the name of a pin means.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PinKind {
    /// A source package with every binary built from it.
    Source,
    /// One binary package.
    Binary,
}

impl PinKind {
    /// The word on the wire and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Binary => "binary",
        }
    }
}

/// One pin.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PinView {
    /// In which suite.
    pub suite: SuiteName,
    /// The pinned package.
    pub package: PackageName,
    /// Whether that is a source or a binary.
    pub kind: PinKind,
    /// The version that is offered; `None` when the package is held out of the suite.
    pub version: Option<Version>,
    /// The identity that pinned it.
    pub author: String,
    /// Why.
    pub message: String,
    /// When.
    pub at: i64,
    /// When it ends by itself, if it does.
    pub until: Option<i64>,
}

/// A host and when it was last seen reading a suite.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HostSeen {
    /// Which host.
    pub identity: String,
    /// When it last asked; `None` when it never did.
    pub last_seen_at: Option<i64>,
    /// The generation it was last given.
    pub generation: Option<u64>,
}
