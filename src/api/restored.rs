//! The restoration of an earlier state, as it is sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The answer of `GET /restored`: the last restoration, with what it left open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RestoredView {
    /// When the state was restored, or when that was noticed.
    pub at: i64,
    /// When the state was copied; absent when nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<i64>,
    /// Whether everything that was accepted and revoked after that state is known.
    pub complete: bool,
    /// When it was acknowledged; absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<i64>,
    /// What was accepted after the restored state, and not again since; at most 1,000.
    pub lost: Vec<UploadView>,
    /// Unless all is known: what was accepted since. Hosts may have other bytes of the same version.
    /// At most 1,000.
    pub doubtful: Vec<UploadView>,
}

/// A package that was accepted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UploadView {
    /// The suite; empty when it is not known.
    pub suite: String,
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub architecture: String,
    /// SHA-256 of the `.deb`.
    pub sha256: Digest,
    /// Who sent it; empty when that is not known.
    pub by: String,
    /// When; 0 when that is not known.
    pub at: i64,
}
