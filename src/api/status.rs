//! The state of the server, as it is sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HoldView, RolloutView};
use crate::debian::SuiteName;

/// The answer of `GET /status`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The version of the server.
    pub version: String,
    /// The name that hosts know it by.
    pub name: String,
    /// The time of its clock.
    pub now: i64,
    /// Every suite that the asker may read.
    pub suites: Vec<SuiteStatus>,
    /// How long its certificates and revocation lists are still valid.
    pub trust: TrustStatus,
    /// Free space for packages; `None` when the store does not know it. Unit: bytes.
    pub room_bytes: Option<u64>,
    /// How far the scrub of what is stored is; `None` where there is none.
    pub scrub: Option<ScrubStatus>,
    /// What somebody should look at; empty when all is well.
    pub warnings: Vec<Warning>,
}

/// The state of one suite.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SuiteStatus {
    /// Which suite.
    pub suite: SuiteName,
    /// The generation that is served; 0 before the first.
    pub generation: u64,
    /// The Date of what is served.
    pub date: Option<i64>,
    /// The Valid-Until of what is served: after it, hosts refuse the suite.
    pub valid_until: Option<i64>,
    /// How many packages are listed.
    pub packages: u64,
    /// How many are stored but not listed.
    pub waiting: u64,
    /// How many pins are in force.
    pub pins: u64,
    /// Why it offers nothing new, while it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldView>,
    /// The changes on their way through its rings, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rollouts: Vec<RolloutView>,
}

/// How long the certificates and revocation lists of the server are still valid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TrustStatus {
    /// From when on everybody is refused, unless a new revocation list comes; `None` when everybody
    /// is refused now.
    pub crl_next_update: Option<i64>,
    /// When the certificate authority expires.
    pub ca_not_after: Option<i64>,
    /// When the certificate of the server expires.
    pub server_certificate_not_after: Option<i64>,
    /// How many client certificates expire soon: within 30 days.
    pub certificates_expiring_soon: u64,
    /// Of which identities, the first to expire first; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_to_expire: Vec<CertificateEnd>,
}

/// When the last certificate of an identity expires.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CertificateEnd {
    /// Whose it is.
    pub identity: String,
    /// When it expires.
    pub not_after: i64,
}

/// How far the scrub is: everything that is stored is read again and held against its digest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ScrubStatus {
    /// How long a pass over everything may take. Unit: days.
    pub days: u32,
    /// The pass that is under way; `None` between two.
    pub present: Option<ScrubPass>,
    /// The last whole pass; `None` before the first has ended.
    pub last: Option<ScrubPass>,
}

/// A pass of the scrub.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ScrubPass {
    /// When it began.
    pub began_at: i64,
    /// When it ended; `None` while it is under way.
    pub ended_at: Option<i64>,
    /// How much it has read. Unit: bytes.
    pub read_bytes: u64,
    /// How much there is to read, about; `None` of a pass that has ended. Unit: bytes.
    pub expected_bytes: Option<u64>,
    /// How much it found damaged or lost.
    pub findings: u64,
}

/// Something that somebody should look at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// A stable name for it.
    pub code: String,
    /// A sentence that says what to do.
    pub text: String,
}
