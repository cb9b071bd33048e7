//! Packages and blobs, as they are sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::debian::{Architecture, Component, PackageName, SuiteName, Version};
use crate::digest::Digest;

/// The answer of `PUT /blobs/{digest}`: the bytes are durable and are a sound package.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct BlobReceipt {
    /// SHA-256 of the `.deb`.
    pub digest: Digest,
    /// The binary package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
    /// Size of the `.deb`. Unit: bytes.
    pub size_bytes: u64,
}

/// The body of `POST /blobs/missing`. Limits: [`super::MOST_DIGESTS`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Digests {
    /// The blobs that the sender is about to need.
    pub digests: Vec<Digest>,
}

/// The answer of `POST /blobs/missing`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MissingBlobs {
    /// The blobs that this identity has to send.
    pub missing: Vec<Digest>,
}

/// The state of a package in a suite.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PlacementState {
    /// Hosts are offered it.
    Live,
    /// Some rings are offered it.
    #[serde(rename = "rolling-out")]
    RollingOut,
    /// Stored but not listed, because of a higher version or a pin; it was never offered.
    Waiting,
    /// It was offered once, and another version is offered now.
    Superseded,
    /// It was rolled back from.
    Withdrawn,
}

impl PlacementState {
    /// The word on the wire and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::RollingOut => "rolling out",
            Self::Waiting => "waiting",
            Self::Superseded => "superseded",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A package in a suite.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PlacementView {
    /// The binary package.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
    /// In which component.
    pub component: Component,
    /// The source it was built from.
    pub source: PackageName,
    /// The version of that source.
    pub source_version: Version,
    /// Its state.
    pub state: PlacementState,
    /// Size of the `.deb`. Unit: bytes.
    pub size_bytes: u64,
    /// SHA-256 of the `.deb`.
    pub digest: Digest,
    /// The identity that brought it into the suite.
    pub accepted_by: String,
    /// When.
    pub accepted_at: i64,
}

/// A package and the suite it is in: one element of the answer of `GET /packages`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SuitePlacement {
    /// In which suite.
    pub suite: SuiteName,
    /// The package there.
    #[serde(flatten)]
    pub placement: PlacementView,
}

/// The query of `GET /suites/{suite}/packages`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackagesQuery {
    /// Only those built from this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PackageName>,
    /// Only those built from the source of this name, and the binary packages of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageName>,
    /// Also those that are not live.
    #[serde(default)]
    pub all: bool,
}

/// The query of `GET /packages`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchQuery {
    /// A package name, in which `*` stands for anything.
    pub pattern: String,
    /// How many at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}
