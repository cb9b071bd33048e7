//! What all hosts have installed, in a form that is short for many hosts that are nearly alike.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::debian::{PackageName, Version};

/// The most packages that [`InstalledQuery`] may name.
pub const MOST_ASKED_PACKAGES: usize = 64;

/// The query of `GET /fleet/installed`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstalledQuery {
    /// Only packages of these sources, and with these names: at most 64, with commas between them. A signed kernel
    /// counts as one of `linux`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<String>,
    /// Whether hosts count that hold no right or no certificate any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

/// A package in a version, with its source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct InstalledLine {
    /// Its name.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Its source package.
    pub source: PackageName,
    /// The version of its source package.
    pub source_version: Version,
}

/// What a host has installed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HostInstalled {
    /// Which host.
    pub host: String,
    /// When its report came.
    pub reported_at: i64,
    /// `ID` of os-release; empty when not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub os: String,
    /// `VERSION_ID` of os-release; empty when not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub os_version: String,
    /// `VERSION_CODENAME` of os-release; empty when not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub os_codename: String,
    /// Which of `lines` it has, counted from 0: the first and the last of each run, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub has: Vec<[u32; 2]>,
}

/// What hosts have installed: the answer of `GET /fleet/installed`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FleetInstalled {
    /// The packages that any of them has.
    pub lines: Vec<InstalledLine>,
    /// The hosts that have reported, by name.
    pub hosts: Vec<HostInstalled>,
    /// The hosts that have never reported: nobody knows what they have.
    pub unreported: Vec<String>,
}
