//! Signing keys, as they are sent. Private keys never are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SuiteChoice;
use crate::debian::{PackageName, SuiteName};

/// Which kind of key the server is to make.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyChoice {
    /// The usual one.
    #[default]
    Ed25519,
    /// For verifiers that are older than Ed25519.
    Rsa4096,
}

/// The body of `POST /keys`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// What to make; not looked at with `public`.
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
    /// Retire it although hosts are not known to have another.
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
    /// Whether its private part is elsewhere, and `signing.command` signs.
    pub external: bool,
    /// Hosts that are known to have it.
    pub hosts_ready: u64,
    /// Hosts that are not, each with a suite that they read and the key signs.
    pub hosts_behind: Vec<HostBehind>,
    /// The public certificate, armored.
    pub public: String,
}

/// A host that is not known to have a key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HostBehind {
    /// Which host.
    pub host: String,
    /// Of which suite.
    pub suite: SuiteName,
}

/// A client package that brings the keys of today.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ClientPackageView {
    /// For the hosts of which suite.
    pub suite: SuiteName,
    /// What it is called.
    pub package: PackageName,
    /// Its version.
    pub version: u64,
    /// The generation that lists it; `None` when it was listed before.
    pub generation: Option<u64>,
}

/// What a change of keys did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct KeyOutcome {
    /// The key that came or went.
    pub fingerprint: String,
    /// The client packages that were published or stand.
    pub packages: Vec<ClientPackageView>,
    /// Sentences for people.
    pub notes: Vec<String>,
}
