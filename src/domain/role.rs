//! Role: what an identity is trusted to do, and in which suites.

use std::collections::BTreeSet;

use crate::debian::SuiteName;

/// What an identity is trusted to do; each role includes the ones before it within its suites.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads suites: a fleet host.
    Host,
    /// Reads and uploads: a build job.
    Uploader,
    /// Reads, uploads, pins, rolls back, issues host certificates: the person on call.
    Operator,
    /// Everything, on every suite: creates suites, issues any certificate.
    Admin,
}

impl Role {
    /// The word used on the command line and on the wire.
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
        [Self::Host, Self::Uploader, Self::Operator, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
    }
}

/// Which suites a grant covers.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SuiteScope {
    /// Every suite, also those made later.
    All,
    /// These and no others.
    Named(BTreeSet<SuiteName>),
}

impl SuiteScope {
    /// Whether `suite` is covered.
    pub fn covers(&self, suite: &SuiteName) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(suite),
        }
    }
}
