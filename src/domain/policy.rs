//! Policy: when a rollout takes its next step by itself, and when it stops by itself.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::patterns::RingName;
use crate::time::{Lasting, Moment, Window};

/// Most windows in which rollouts stand still.
const MOST_FREEZES: usize = 32;

/// What a rollout waits for before its next step.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Advance {
    /// For a person or a job.
    #[default]
    Manual,
    /// For a time since the last step.
    Time,
    /// For what the hosts of the ring report.
    Reports,
}

/// What a rollout begins with.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// With its change: the first ring is offered it at once.
    #[default]
    Change,
    /// With a person or a job that starts it.
    Manual,
}

/// A window of time in which no rollout takes a step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// Its name, by which a person overrides it.
    pub name: RingName,
    /// When it is.
    pub when: Window,
}

impl Freeze {
    /// What of it is told while it lasts until `end`: `frozen by weekend until Mon 2026-11-30 08:00`.
    pub fn told(&self, end: Moment) -> String {
        format!("frozen by {} until {}", self.name, self.when.local(end))
    }
}

/// Where a rollout that fails is taken back by itself. Elsewhere it is paused.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Abort {
    /// Nowhere.
    Never,
    /// Where it has reached the first ring alone.
    #[default]
    FirstRing,
    /// Wherever it is.
    Always,
}

impl Advance {
    /// Every one, with its word.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Manual, "manual"), (Self::Time, "time"), (Self::Reports, "reports")];
}

impl Start {
    /// Every one, with its word.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Change, "change"), (Self::Manual, "manual")];
}

impl Abort {
    /// Every one, with its word.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Never, "never"), (Self::FirstRing, "first-ring"), (Self::Always, "always")];
}

/// By what the rollouts of a suite go on and stop.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RolloutPolicy {
    /// What a rollout begins with.
    pub start: Start,
    /// What the next step waits for.
    pub advance: Advance,
    /// How long after the last step it is, by time; by reports, how long after enough hosts had it.
    pub soak: Lasting,
    /// How many hosts of a ring must have it, of those that can be reached. Unit: percent, 1 to 100.
    pub installed_percent: u8,
    /// How many hosts of a ring may be silent. Unit: percent.
    pub silent_percent: u8,
    /// How many hosts may fail.
    pub failures: u32,
    /// How many hosts may fail, if that is more. Unit: percent of those that were reached.
    pub failures_percent: u8,
    /// How long after a step enough hosts must have it; then it is paused.
    pub deadline: Lasting,
    /// Where it is taken back when too many fail.
    pub abort: Abort,
    /// When no step is taken but by a person who overrides it.
    pub freezes: Vec<Freeze>,
}

impl Default for RolloutPolicy {
    fn default() -> Self {
        Self {
            start: Start::Change,
            advance: Advance::Manual,
            soak: Lasting::seconds(1_800),
            installed_percent: 90,
            silent_percent: 10,
            failures: 0,
            failures_percent: 0,
            deadline: Lasting::seconds(86_400),
            abort: Abort::FirstRing,
            freezes: Vec::new(),
        }
    }
}

/// An edit of a policy: what is `None` stays.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct PolicyEdit {
    /// See [`RolloutPolicy::start`].
    pub start: Option<Start>,
    /// See [`RolloutPolicy::advance`].
    pub advance: Option<Advance>,
    /// See [`RolloutPolicy::soak`].
    pub soak: Option<Lasting>,
    /// See [`RolloutPolicy::installed_percent`].
    pub installed_percent: Option<u8>,
    /// See [`RolloutPolicy::silent_percent`].
    pub silent_percent: Option<u8>,
    /// See [`RolloutPolicy::failures`].
    pub failures: Option<u32>,
    /// See [`RolloutPolicy::failures_percent`].
    pub failures_percent: Option<u8>,
    /// See [`RolloutPolicy::deadline`].
    pub deadline: Option<Lasting>,
    /// See [`RolloutPolicy::abort`].
    pub abort: Option<Abort>,
    /// In place of all before; see [`RolloutPolicy::freezes`].
    pub freezes: Option<Vec<Freeze>>,
}

impl RolloutPolicy {
    /// Whether it is what a suite has that says nothing.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The same after an edit.
    pub fn edited(&self, edit: &PolicyEdit) -> Self {
        Self {
            start: edit.start.unwrap_or(self.start),
            advance: edit.advance.unwrap_or(self.advance),
            soak: edit.soak.unwrap_or(self.soak),
            installed_percent: edit.installed_percent.unwrap_or(self.installed_percent),
            silent_percent: edit.silent_percent.unwrap_or(self.silent_percent),
            failures: edit.failures.unwrap_or(self.failures),
            failures_percent: edit.failures_percent.unwrap_or(self.failures_percent),
            deadline: edit.deadline.unwrap_or(self.deadline),
            abort: edit.abort.unwrap_or(self.abort),
            freezes: edit.freezes.clone().unwrap_or_else(|| self.freezes.clone()),
        }
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// What is wrong, naming the setting.
    pub fn verify(&self) -> Result<(), String> {
        let wrong = Err::<(), String>;
        if !(1..=100).contains(&self.installed_percent) {
            return wrong(
                "installed is 1 to 100 percent of the hosts that can be reached".to_owned(),
            );
        }
        for (name, percent) in
            [("silent", self.silent_percent), ("failures_percent", self.failures_percent)]
        {
            if percent > 100 {
                return wrong(format!("{name} is 0 to 100 percent"));
            }
        }
        if self.deadline.as_seconds() == 0 {
            return wrong("deadline is the time in which hosts follow; it cannot be 0s".to_owned());
        }
        if self.advance == Advance::Time && self.soak.as_seconds() == 0 {
            return wrong(
                "soak is the time between two steps where advance is time; it cannot be 0s"
                    .to_owned(),
            );
        }
        if self.freezes.len() > MOST_FREEZES {
            return wrong(format!("a suite has at most {MOST_FREEZES} freezes"));
        }
        let names: BTreeSet<_> = self.freezes.iter().map(|freeze| &freeze.name).collect();
        if names.len() < self.freezes.len() {
            return wrong("two freezes have the same name".to_owned());
        }
        Ok(())
    }

    /// The freeze that lasts at a moment, and when it is over: of several the one that lasts longest.
    pub fn frozen_at(&self, at: Moment) -> Option<(&Freeze, Moment)> {
        let frozen = self.freezes.iter().filter_map(|freeze| Some((freeze, freeze.when.end(at)?)));
        frozen.max_by_key(|(_, end)| *end)
    }

    /// Why a rollout of now does not begin; `None` where it does.
    pub fn keeps_back(&self, at: Moment) -> Option<String> {
        match (self.frozen_at(at), self.start) {
            (Some((freeze, end)), _) => Some(freeze.told(end)),
            (None, Start::Manual) => Some("rollouts of this suite are started by hand".to_owned()),
            (None, Start::Change) => None,
        }
    }

    /// How many of so many hosts may fail.
    pub fn tolerated(&self, hosts: usize) -> usize {
        let share = hosts.saturating_mul(usize::from(self.failures_percent)) / 100;
        share.max(usize::try_from(self.failures).unwrap_or(usize::MAX))
    }
}
