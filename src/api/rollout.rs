//! Rings and rollouts, as they are sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::debian::{PackageName, SuiteName, Version};
use crate::time::{Lasting, Window};

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

/// By what the rollouts of a suite go on and stop by themselves. In a request, what is left out stays as it is, or as
/// usual in a new suite.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RolloutPolicy {
    /// What a rollout begins with: `change` for the change that it is of, `manual` for a person or a job that starts
    /// it. Usual: `change`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// What the next step waits for: `manual` for a person or a job, `time` for the soak, `reports` for what the hosts
    /// of the ring report. Usual: `manual`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advance: Option<String>,
    /// How long after the last step the next one is, by time; by reports, how long after enough hosts had it: `30m`,
    /// `12h`, `1d`. Usual: `30m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub soak: Option<Lasting>,
    /// How many of the hosts of a ring must have it, of those that can be reached. Unit: percent. Usual: 90.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<u8>,
    /// How many of the hosts of a ring may be silent. Unit: percent. Usual: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent: Option<u8>,
    /// How many hosts may fail. Usual: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<u32>,
    /// How many hosts may fail, if that is more. Unit: percent of those that were reached. Usual: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures_percent: Option<u8>,
    /// How long after a step enough hosts must have it; after that it is paused. Usual: `1d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub deadline: Option<Lasting>,
    /// Where a rollout that fails is taken back by itself: `never`, `first-ring` while it has reached that one alone,
    /// or `always`. Elsewhere it is paused. Usual: `first-ring`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<String>,
    /// When no step is taken but by somebody who overrides it. In a request, in place of all before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freezes: Option<Vec<Freeze>>,
}

/// A window of time in which no rollout of a suite takes a step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// Its name.
    pub name: String,
    /// When it is, every week or once, in a zone of the IANA database: `Fri 16:00..Mon 08:00 Europe/Berlin` or
    /// `2026-12-19 00:00..2027-01-04 08:00 Europe/Berlin`.
    #[schemars(with = "String")]
    pub when: Window,
}

impl RolloutPolicy {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What it says of each setting but the freezes, by name.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let text = |number: Option<u32>| number.map(|number| number.to_string());
        let all = [
            ("start", self.start.clone()),
            ("advance", self.advance.clone()),
            ("soak", self.soak.map(|soak| soak.to_string())),
            ("installed", text(self.installed.map(u32::from))),
            ("silent", text(self.silent.map(u32::from))),
            ("failures", text(self.failures)),
            ("failures_percent", text(self.failures_percent.map(u32::from))),
            ("deadline", self.deadline.map(|deadline| deadline.to_string())),
            ("abort", self.abort.clone()),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
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
    /// How far its last ring follows, and what it waits for; for operators of the suite, empty for others.
    #[serde(default)]
    pub waits: String,
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

/// A rollout that reached a ring with a generation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RolledView {
    /// The number of the rollout.
    pub rollout: u64,
    /// The ring.
    pub ring: String,
    /// The sources that it brings.
    pub brings: Vec<Brought>,
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
