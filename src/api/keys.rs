//! Signing keys, as they are sent. Private keys are never sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SuiteChoice;
use crate::debian::{PackageName, SuiteName};

/// Which kind of key the server is to make.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyChoice {
    /// The default.
    #[default]
    Ed25519,
    /// For verifiers that do not know Ed25519.
    Rsa4096,
}

/// The body of `POST /keys`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// The kind of key to make; ignored when `public` is given.
    #[serde(default)]
    pub kind: KeyChoice,
    /// The public certificate, armored, of a key that `signing.command` signs with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<String>,
    /// Which suites it signs.
    #[serde(default = "every")]
    pub suites: SuiteChoice,
}

fn every() -> SuiteChoice {
    SuiteChoice::All
}

/// The body of `POST /keys/{fingerprint}/retire`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRetirement {
    /// Retire it even when hosts are not known to have another key.
    #[serde(default)]
    pub force: bool,
}

/// One key: an element of the answer of `GET /keys`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct KeyView {
    /// 40 upper-case hexadecimal digits.
    pub fingerprint: String,
    /// `ed25519`, `rsa4096`.
    pub algorithm: String,
    /// When it was made.
    pub created: i64,
    /// Since when it signs here; `None` for the first key.
    pub added: Option<i64>,
    /// Which suites it is for.
    pub suites: SuiteChoice,
    /// Whether its private part is elsewhere, so that `signing.command` signs with it.
    pub external: bool,
    /// Hosts that are known to have it.
    pub hosts_ready: u64,
    /// Hosts that are not known to have it, each with a suite that they read and the key signs.
    pub hosts_behind: Vec<HostBehind>,
    /// The public certificate, armored.
    pub public: String,
}

/// A host that is not known to have a key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HostBehind {
    /// Which host.
    pub host: String,
    /// A suite that it reads and the key signs.
    pub suite: SuiteName,
}

/// A client package with the present keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ClientPackageView {
    /// The suite whose hosts it is for.
    pub suite: SuiteName,
    /// Its name.
    pub package: PackageName,
    /// Its version.
    pub version: u64,
    /// The generation that lists it; `None` when it was listed before.
    pub generation: Option<u64>,
}

/// What a change of keys did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct KeyOutcome {
    /// The key that was added or retired.
    pub fingerprint: String,
    /// The client packages with the present keys, published now or before.
    pub packages: Vec<ClientPackageView>,
    /// Sentences for people.
    pub notes: Vec<String>,
}
