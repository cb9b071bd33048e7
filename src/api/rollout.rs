//! Rings and rollouts, as they are sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::debian::{PackageName, SuiteName, Version};

/// A ring: hosts that changes reach together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ring {
    /// Its name.
    pub name: String,
    /// Who is in it: host names, patterns of them, `@GROUP`, a share of all hosts (`10%`) or of a group
    /// (`10%@GROUP`). Empty where the reader does not operate the suite.
    pub hosts: Vec<String>,
}

/// Which rollout of a suite is meant: by its number, by a source that it brings, or the only one that is open.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichRollout {
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<u64>,
    /// A source package that it brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageName>,
}

/// The query of `GET /suites/{suite}/rollouts`. The answer is newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RolloutsQuery {
    /// At most so many; when left out, 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A change on its way through the rings of a suite.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RolloutView {
    /// In which suite.
    pub suite: SuiteName,
    /// Its number in the suite.
    pub rollout: u64,
    /// What becomes of it: `running`, `paused`, `superseded`, `done`, `aborted`.
    pub state: String,
    /// Why; empty while it runs.
    #[serde(default)]
    pub why: String,
    /// The sources that it brings.
    pub brings: Vec<Brought>,
    /// Every ring of the suite, in order; the last is everyone else.
    pub rings: Vec<RingReached>,
    /// Who made the change.
    pub author: String,
    /// Why; empty when they did not say.
    #[serde(default)]
    pub message: String,
    /// When.
    pub at: i64,
}

/// A source that a rollout brings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Brought {
    /// The source package.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
}

/// A ring, and when a rollout reached it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RingReached {
    /// Its name.
    pub name: String,
    /// When it was reached; `None` while it is not.
    #[serde(default)]
    pub at: Option<i64>,
    /// With which generation.
    #[serde(default)]
    pub generation: Option<u64>,
}
