//! Yanks, as they are sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PinKind;
use crate::debian::{Namespace, PackageName, SuiteName, Version};

/// A version that no suite of a namespace shall offer, or that may come back: the body of `POST /yanks`. The answer has
/// the outcome of the change in each suite that has taken it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct YankRequest {
    /// The namespace; when left out: `default`.
    #[serde(default, skip_serializing_if = "Namespace::is_default")]
    pub namespace: Namespace,
    /// The source package, or the binary package when `binary`.
    pub package: PackageName,
    /// The version of it.
    pub version: Version,
    /// Whether `package` names one binary instead of a source.
    #[serde(default)]
    pub binary: bool,
    /// Let it come back where a person names it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undo: bool,
    /// The reason. It may be in the query instead.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Only report what it would do.
    #[serde(default)]
    pub dry_run: bool,
    /// Where hosts could not follow, move other packages with it so that they can.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cascade: bool,
    /// Do it even where hosts could not follow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// A yank.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct YankView {
    /// The namespace.
    pub namespace: Namespace,
    /// The package.
    pub package: PackageName,
    /// Whether the package is a source or a binary.
    pub kind: PinKind,
    /// The version.
    pub version: Version,
    /// The suites that have taken it, of those that the reader may read.
    pub suites: Vec<SuiteName>,
    /// Who yanked it.
    pub author: String,
    /// Why; empty when they did not say.
    #[serde(default)]
    pub message: String,
    /// When.
    pub at: i64,
}
