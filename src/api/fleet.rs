//! What hosts report of themselves, and what is asked of the fleet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::health::{HealthFacts, HealthView};
use crate::debian::{Architecture, PackageName, SuiteName, Version};
use crate::digest::Digest;

/// The media type of the body of `POST /report`: a [`HostReport`] in JSON, packed by gzip.
pub const REPORT_TYPE: &str = "application/gzip";

/// The longest body of `POST /report`. Unit: bytes.
pub const MOST_REPORT_BYTES: usize = 384 << 10;

/// The most that it may be once it is unpacked. Unit: bytes.
pub const MOST_PLAIN_REPORT_BYTES: usize = 4 << 20;

/// What a host has installed, unpacked: the body of `POST /report`. A host speaks of itself alone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostReport {
    /// Higher than in every earlier report of this host; `repoctl` takes the seconds since 1970. At most 2^40.
    pub number: u64,
    /// The hash of the set that `installed` and `gone` are a difference to; without it, `installed` is the whole set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Digest>,
    /// The hash of the set that results: the sum of the SHA-256 of its lines, as big-endian numbers modulo 2^256.
    pub hash: Digest,
    /// One line for each package: `NAME ARCHITECTURE VERSION MARKS [SOURCE [SOURCE_VERSION]]`. MARKS is `manual`
    /// or `auto`, then `,hold` and `,broken`. The source is left out where it has the package's name and version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub installed: Vec<String>,
    /// Lines of the base that are no longer so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// The rest.
    pub facts: HostFacts,
}

/// What a host says of itself beside its packages. What is left out is not known.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostFacts {
    /// `ID` of os-release.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub os: String,
    /// `VERSION_ID` of os-release.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub os_version: String,
    /// `VERSION_CODENAME` of os-release.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub os_codename: String,
    /// The release of the kernel that runs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kernel: String,
    /// The release of the kernel that would run after a reboot.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kernel_expected: String,
    /// Whether something asked for a reboot.
    #[serde(default)]
    pub reboot: bool,
    /// Units that run files which are not there any more; as needrestart says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// When packages were last altered by apt, or upgraded by `repod-upgrade`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apt_at: Option<i64>,
    /// What went wrong then.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub apt_error: String,
    /// How many packages are left out, because their names or versions break the rules of Debian Policy.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable: u64,
    /// What the checks in `/etc/repod/health.d` said when they were last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthFacts>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What became of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportState {
    /// It is recorded durably; or it was before.
    Taken,
    /// The base is not what the server has: send the whole set.
    Resynchronise,
    /// One with this number or a higher one is recorded, and nothing was altered.
    Outdated,
}

/// The answer of `POST /report`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ReportOutcome {
    /// What became of it.
    pub outcome: ReportState,
    /// The number of the last report that is recorded, where this one is outdated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

/// A package with a version, of a host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct InstalledView {
    /// Its name.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
    /// Whether it is on hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Whether it is not configured, or its installation failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broken: bool,
}

/// The last report of a host, in short: the answer of `GET /hosts/{name}/report`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ReportView {
    /// Which host.
    pub host: String,
    /// When it came.
    pub at: i64,
    /// How many packages it has installed.
    pub packages: u64,
    /// Those that are on hold, or not configured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marked: Vec<InstalledView>,
    /// The rest.
    pub facts: HostFacts,
}

/// How a version compares with a named one, by dpkg's order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VersionRelation {
    /// `<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>`
    Later,
}

/// The query of `GET /fleet/who-has`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhoHasQuery {
    /// The binary package.
    pub package: PackageName,
    /// How versions are compared with `version`; `equal` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<VersionRelation>,
    /// Only hosts with such a version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Whether hosts count that hold no right or no certificate any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

/// What a host was offered, as its last request shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct OfferedView {
    /// In which suite.
    pub suite: SuiteName,
    /// The generation that it was given.
    pub generation: u64,
    /// When it last asked.
    pub at: i64,
    /// The highest version of the package in that generation; `None` when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
}

/// A host in the answer of `GET /fleet/who-has`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HostHas {
    /// Which host.
    pub host: String,
    /// What it has installed of the package; empty where it has sent no report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub installed: Vec<InstalledView>,
    /// When its report came; `None` when it has sent none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<i64>,
    /// What it was offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offered: Vec<OfferedView>,
}

/// Who has a package installed: the answer of `GET /fleet/who-has`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WhoHas {
    /// Which package.
    pub package: PackageName,
    /// The hosts that have reported it installed, by name.
    pub installed: Vec<HostHas>,
    /// How many hosts have reported, and have it not, or in no such version.
    pub without: u64,
    /// The hosts that have never reported: of them it is known what they were offered, and not what they have.
    pub unreported: Vec<HostHas>,
}

/// The query of `GET /fleet`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FleetQuery {
    /// Only this suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<SuiteName>,
    /// Only the hosts of this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether hosts count that hold no right or no certificate any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

/// How a host stands to a suite. The first that applies.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum FleetState {
    /// It has asked for nothing for two days, or never.
    Silent,
    /// It was not offered the live generation yet.
    Behind,
    /// It was offered the live generation, and holds packages back.
    Held,
    /// It was offered the live generation, and has reported no hold.
    Live,
}

/// A host in the answer of `GET /fleet`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FleetHost {
    /// Which host.
    pub host: String,
    /// In which ring of the suite it is; `None` where the suite has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring: Option<String>,
    /// How it stands to the suite.
    pub state: FleetState,
    /// The generation that it was last offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// When it last asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<i64>,
    /// When it last reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<i64>,
    /// The packages that it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<InstalledView>,
    /// Whether it says that it needs a reboot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reboot: bool,
    /// What its checks say; of them only those that fail.
    #[serde(default)]
    pub health: HealthView,
}

/// The hosts of a suite: an element of the answer of `GET /fleet`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FleetSuite {
    /// Which suite.
    pub suite: SuiteName,
    /// The generation that is served; `None` before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<u64>,
    /// The hosts that read it, by name.
    pub hosts: Vec<FleetHost>,
}

/// The query of `GET /fleet/diff`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FleetDiffQuery {
    /// The group.
    pub group: String,
    /// Whether hosts count that hold no right or no certificate any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

/// A host that differs from most.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct OddHost {
    /// Which host.
    pub host: String,
    /// What it has; `None` when it does not have the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
}

/// A package of which not every host has the same version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PackageDifference {
    /// Which package.
    pub package: PackageName,
    /// For which architecture.
    pub architecture: Architecture,
    /// What most hosts have; `None` when most do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub majority: Option<Version>,
    /// How many hosts have that.
    pub agree: u64,
    /// The others.
    pub odd: Vec<OddHost>,
}

/// Something beside packages that hosts do not all say alike.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FactDifference {
    /// What: `release`, of the system, or `kernel`, the one that runs.
    pub fact: String,
    /// What most hosts say; empty when most do not know it.
    pub majority: String,
    /// How many hosts say that.
    pub agree: u64,
    /// The others.
    pub odd: Vec<OddFact>,
}

/// A host that says something else than most.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct OddFact {
    /// Which host.
    pub host: String,
    /// What it says; empty when it does not know.
    pub says: String,
}

/// A host that holds packages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HostHolds {
    /// Which host.
    pub host: String,
    /// What it holds.
    pub held: Vec<InstalledView>,
}

/// What differs among the hosts of a group: the answer of `GET /fleet/diff`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FleetDiff {
    /// Which group.
    pub group: String,
    /// How many hosts were compared: those that have reported.
    pub compared: u64,
    /// The hosts of the group that have never reported.
    pub unreported: Vec<String>,
    /// What differs in what is installed, by name.
    pub differences: Vec<PackageDifference>,
    /// What differs beside packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<FactDifference>,
    /// The hosts that hold packages back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HostHolds>,
}
