//! The state of the server, as it is sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::debian::SuiteName;

/// The answer of `GET /status`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The version of the server.
    pub version: String,
    /// The name that hosts know it by.
    pub name: String,
    /// What its clock says.
    pub now: i64,
    /// Every suite that the asker may read.
    pub suites: Vec<SuiteStatus>,
    /// How long its keys and lists still stand.
    pub trust: TrustStatus,
    /// Room that is left for packages; `None` when the store has no such number. Unit: bytes.
    pub room_bytes: Option<u64>,
    /// What somebody should look at; empty when all is well.
    pub warnings: Vec<Warning>,
}

/// Where one suite stands.
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
    /// How many pins stand.
    pub pins: u64,
}

/// How long the keys and lists of the server still stand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TrustStatus {
    /// When the revocation list ends: after it, everybody is refused.
    pub crl_next_update: Option<i64>,
    /// When the certificate authority ends.
    pub ca_not_after: Option<i64>,
    /// When the certificate of the server ends.
    pub server_certificate_not_after: Option<i64>,
    /// How many client certificates end soon.
    pub certificates_expiring_soon: u64,
}

/// Something that somebody should look at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// A stable name for it.
    pub code: String,
    /// A sentence that says what to do.
    pub text: String,
}
