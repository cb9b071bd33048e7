//! Hosts: what they are given beside the repository itself.

use serde::Deserialize;

/// What hosts are given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hosts {
    /// How their `apt-get update` ends when any source cannot be reached.
    pub update_error_mode: UpdateErrorMode,
}

/// A value of `APT::Update::Error-Mode` of apt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateErrorMode {
    /// With exit code 100.
    #[default]
    Any,
    /// As apt does by itself: with 0 and a warning when the reason may pass.
    PersistentFailure,
}
