//! The health of hosts: what their own checks say, and what others say of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::debian::SuiteName;

/// What the checks of a host said when it last ran them, in its report.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthFacts {
    /// When, in seconds since 1970, by the clock of the host.
    pub at: i64,
    /// When packages were last altered before that, by the same clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<i64>,
    /// One line for each check, at most 32: `NAME RESULT SINCE [TEXT]`. RESULT is `pass`, `fail` or `timeout`; SINCE is
    /// when the check began to fail without having passed since; TEXT has at most 120 bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
}

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// Well.
    Pass,
    /// Not well.
    Fail,
    /// Not in the time that it has.
    Timeout,
}

/// The body of `POST /suites/{suite}/hosts/{name}/health`: what somebody else says of a host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthResult {
    /// The name of the check: at most 64 letters, digits, `_` and `-`. Each sender has checks of its own.
    pub check: String,
    /// How it ended.
    pub result: CheckState,
    /// A line of at most 120 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// The body of `POST /hosts/{name}/health/ignore`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthIgnore {
    /// For how long the failures of the host do not count: 1 to 8736 hours. `None`: they count again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
}

/// The answer of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HealthIgnored {
    /// Which host.
    pub host: String,
    /// Until when its failures do not count; `None` when they count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// A check of a host, and what it last said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CheckView {
    /// Its name.
    pub check: String,
    /// Who says so; `None` for the host itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<String>,
    /// How it ended.
    pub result: CheckState,
    /// Since when it fails without having passed in between.
    pub since: i64,
    /// When it was last told.
    pub at: i64,
    /// Whether it failed before the last change already, so that it does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed_before: bool,
    /// What it printed first.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// How a host is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HealthState {
    /// No check has said anything.
    #[default]
    Unknown,
    /// No failure counts.
    Healthy,
    /// A check fails that did not fail before the last change.
    Unhealthy,
    /// So it is, and the host is left out of the count.
    Ignored,
}

/// The health of a host: the answer of `GET /hosts/{name}/health`, and in that of `GET /fleet`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct HealthView {
    /// How it is.
    pub state: HealthState,
    /// Until when its failures do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored_until: Option<i64>,
    /// Its checks by name; in `GET /fleet` only those that fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckView>,
}

/// The query of `GET /hosts/{name}/health`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthQuery {
    /// Of what others say, only what is about this suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<SuiteName>,
}
