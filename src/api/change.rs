//! Changes, their results, and pins, as they are sent.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ItemState, WhichRollout};
use crate::debian::{Architecture, Component, PackageName, SuiteName, Version};
use crate::digest::Digest;

/// A change to a suite: the body of `POST /suites/{suite}/changes`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// The reason, which is stored with the generation. It may be in the query instead:
    /// [`MessageQuery`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Only report what it would do.
    #[serde(default)]
    pub dry_run: bool,
    /// Refuse the change unless this generation is the last one. Refuse a rollback of named
    /// packages only if those packages are listed otherwise than in this generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_generation: Option<u64>,
    /// Refuse a rollback of named packages as well unless that generation is the last one: a person
    /// has agreed to what was shown for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub as_shown: bool,
    /// Where hosts could not follow the change, move other packages with it so that they can.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cascade: bool,
    /// Make the change even where hosts could not follow it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Bring it to all rings of the suite at once. It takes an operator.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub urgent: bool,
    /// The change itself.
    pub change: Change,
}

/// The change itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "verb", rename_all = "lowercase", deny_unknown_fields)]
pub enum Change {
    /// Take packages whose bytes the server has, all or none.
    Add {
        /// Which packages, and their components.
        items: Vec<AddItem>,
    },
    /// Take what another suite lists, without its bytes being sent again: all of it, or nothing. What is listed
    /// here already makes no generation.
    Promote(Promote),
    /// Offer exactly this version.
    Pin {
        /// The source package, or the binary package when `binary`.
        package: PackageName,
        /// The version of it.
        version: Version,
        /// Whether `package` names one binary instead of a source.
        #[serde(default)]
        binary: bool,
        /// The pin ends by itself after so many hours.
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
        /// Go back to what this generation listed; when left out, to the previous distinct version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<u64>,
        /// Whether `packages` name binaries instead of sources.
        #[serde(default)]
        binary: bool,
    },
    /// End pins.
    Unpin {
        /// Whose pins.
        #[serde(default)]
        packages: Vec<PackageName>,
        /// Every pin of the suite.
        #[serde(default)]
        all: bool,
        /// Whether `packages` name binaries instead of sources.
        #[serde(default)]
        binary: bool,
    },
    /// Offer nothing from now on that is not listed: what comes is taken and held back. Pins, rollbacks and
    /// removals go on.
    Hold {},
    /// End a hold, and offer what came meanwhile as far as nothing else keeps it out.
    Release {},
    /// Begin a rollout that waits to be started: bring it to the first ring.
    Start {
        /// Which rollout.
        #[serde(default)]
        of: WhichRollout,
        /// To all rings up to this one; `everyone` is the last. When left out, to the first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// The name of the freeze that it overrides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        override_freeze: Option<String>,
    },
    /// Bring a rollout to the next ring.
    Advance {
        /// Which rollout.
        #[serde(default)]
        of: WhichRollout,
        /// To all rings up to this one; `everyone` is the last. When left out, to the next.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// The name of the freeze that it overrides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        override_freeze: Option<String>,
    },
    /// Have a rollout stay where it is.
    Pause {
        /// Which rollout.
        #[serde(default)]
        of: WhichRollout,
    },
    /// Have a paused rollout go on.
    Resume {
        /// Which rollout.
        #[serde(default)]
        of: WhichRollout,
    },
    /// Take a rollout back from every ring.
    Abort {
        /// Which rollout.
        #[serde(default)]
        of: WhichRollout,
    },
    /// Stop offering packages.
    Remove {
        /// Which packages.
        packages: Vec<PackageName>,
        /// Whether `packages` name binaries instead of sources.
        #[serde(default)]
        binary: bool,
    },
}

/// What to take from another suite.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Promote {
    /// The suite that lists it; the caller needs the right to read it.
    pub from: SuiteName,
    /// Which packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<PromoteItem>,
    /// All that the suite lists.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// What this generation of that suite listed; when left out, what it lists now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// The component to take them into; when left out, each keeps its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<Component>,
    /// Whether `packages` name binaries instead of sources.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub binary: bool,
    /// Every listed version instead of the highest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_versions: bool,
}

/// One package to promote.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoteItem {
    /// The source package, or the binary package where those are named.
    pub package: PackageName,
    /// This version of it; when left out, the highest that is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
}

/// One package to take into a suite.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddItem {
    /// The component to take it into.
    pub component: Component,
    /// SHA-256 of the `.deb`, sent before with `PUT /blobs/{digest}`.
    pub digest: Digest,
}

/// The query that every request for an alteration may have. Where the body has the same field, the
/// body counts.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageQuery {
    /// The reason, which is stored in the audit log, and with the generation where there is a new
    /// one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// The result of a change, or what it would be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ChangeOutcome {
    /// Of which suite.
    pub suite: SuiteName,
    /// The generation that went live with it; `None` when hosts see no difference.
    pub generation: Option<u64>,
    /// Whether it was only tried out.
    #[serde(default)]
    pub dry_run: bool,
    /// The outcome for each package that the request named.
    #[serde(default)]
    pub items: Vec<ItemOutcome>,
    /// The packages whose version changes for hosts.
    #[serde(default)]
    pub moves: Vec<Move>,
    /// Whether rings of the suite are offered something else with it than before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rolled: bool,
    /// The pins that were set, as they are after the change.
    #[serde(default)]
    pub pins: Vec<PinView>,
    /// The pins that ended, as they were before the change.
    #[serde(default)]
    pub ended: Vec<PinView>,
    /// For a dry run of a change that names packages: the packages that move, or that a pin holds,
    /// although neither they nor their source were named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beyond: Vec<PackageName>,
    /// Packages that hosts could not install after the change, or that keep hosts from following
    /// it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stuck: Vec<Stuck>,
    /// For a dry run: the hosts that read the suite.
    #[serde(default)]
    pub hosts: Vec<HostSeen>,
    /// Sentences for people.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl ChangeOutcome {
    /// The packages that were taken and that hosts are not offered.
    pub fn not_live(&self) -> impl Iterator<Item = &ItemOutcome> {
        self.items.iter().filter(|item| !item.state.is_live())
    }
}

/// A package that hosts cannot install, or that keeps hosts which have it from following the suite:
/// a relation to names that the suite owns is not met.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Stuck {
    /// The binary package.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// The architecture whose index lists it; a package for `all` is listed for each.
    pub architecture: Architecture,
    /// The first kind of hosts concerned: their own architecture, then the foreign ones that they
    /// take.
    #[serde(default)]
    pub hosts: Vec<Architecture>,
    /// The package that it brings along and that hosts cannot install; absent when they cannot
    /// install the package itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brings: Option<PackageName>,
    /// The kind of relation that is not met.
    #[serde(default)]
    pub relation: StuckRelation,
    /// What it does not find, or what it finds and cannot be beside, as a control file writes it.
    pub needs: String,
    /// What the suite lists of each of these names: the version, or nothing.
    #[serde(default)]
    pub finds: BTreeMap<String, Option<Version>>,
}

/// The kind of relation that is not met.
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

/// The outcome for one package.
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
    /// Its state after the change.
    pub state: ItemState,
    /// The reason for that state, when it is not obvious; empty otherwise.
    #[serde(default)]
    pub note: String,
    /// For a package that hosts are not offered: the command that would have them offered it, when there
    /// is one; empty otherwise. It takes an operator.
    #[serde(default)]
    pub cure: String,
    /// Whether no such command was looked for, so that an empty `cure` does not mean that there is none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cure_unknown: bool,
}

/// A package whose offered version changes. Where several versions are listed, the first move goes
/// from the highest version before to the highest after, as hosts do, even if both are listed
/// before and after. The other moves are the other versions that come and go.
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
    /// Whether the package is a source or a binary.
    pub kind: PinKind,
    /// The version that is offered; `None` when the package is held out of the suite.
    pub version: Option<Version>,
    /// The identity that pinned it.
    pub author: String,
    /// The reason.
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
    /// The generation that it was last given.
    pub generation: Option<u64>,
}
