//! Collecting what suites do not keep, as it is sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::KeepRules;
use crate::debian::{Architecture, Component, PackageName, SuiteName, Version};

/// The answer of `GET /gc` and `POST /gc`: what goes by then.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct GcView {
    /// When it was worked out.
    pub at: i64,
    /// How long what goes is still served. Unit: seconds.
    pub grace_seconds: i64,
    /// The suites that do not keep everything, and those in which something goes.
    pub suites: Vec<GcSuite>,
    /// How many packages go for good: no other suite has them.
    pub packages: u64,
    /// How large these are together, which is what is freed in the end. Unit: bytes.
    pub size_bytes: u64,
    /// What the request has freed; absent where it only asked. Unit: bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freed_bytes: Option<u64>,
}

/// What goes of a suite.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct GcSuite {
    /// Which suite.
    pub suite: SuiteName,
    /// What it keeps.
    pub keep: KeepRules,
    /// The generations that are dropped, or by the request were; ascending, at most 1,000.
    pub generations: Vec<u64>,
    /// How many that are.
    pub generation_count: u64,
    /// The packages that go, by name and version; at most 1,000.
    pub packages: Vec<GcPackage>,
    /// How many that are.
    pub package_count: u64,
    /// How many packages the request has removed.
    #[serde(default)]
    pub removed: u64,
}

/// A package that goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct GcPackage {
    /// Its name.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
    /// Its component.
    pub component: Component,
    /// Its size. Unit: bytes.
    pub size_bytes: u64,
    /// How many newer versions of it the suite has.
    pub newer: u32,
    /// When it was last listed; absent when it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<i64>,
    /// When it is removed, if it is marked; absent before it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes_at: Option<i64>,
    /// How many other suites have it, for which its bytes stay.
    #[serde(default)]
    pub elsewhere: u32,
}
