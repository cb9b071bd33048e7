//! Role: what an identity is trusted to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an identity is trusted to do; each role includes the ones before it within its suites.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads suites: a fleet host.
    Host,
    /// Reads and uploads: a build job.
    Uploader,
    /// Reads, uploads, pins, rolls back, issues host certificates: the person on call.
    Operator,
    /// Everything, on every suite.
    Admin,
}

impl Role {
    /// Every role, the least one first.
    pub const ALL: [Self; 4] = [Self::Host, Self::Uploader, Self::Operator, Self::Admin];

    /// The word on the command line and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Uploader => "uploader",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}
