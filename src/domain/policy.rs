//! Policy: when a rollout takes its next step by itself, and when it stops by itself.

use serde::{Deserialize, Serialize};

use crate::time::Lasting;

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

impl Abort {
    /// Every one, with its word.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Never, "never"), (Self::FirstRing, "first-ring"), (Self::Always, "always")];
}

/// By what the rollouts of a suite go on and stop.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RolloutPolicy {
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
}

impl Default for RolloutPolicy {
    fn default() -> Self {
        Self {
            advance: Advance::Manual,
            soak: Lasting::seconds(1_800),
            installed_percent: 90,
            silent_percent: 10,
            failures: 0,
            failures_percent: 0,
            deadline: Lasting::seconds(86_400),
            abort: Abort::FirstRing,
        }
    }
}

/// An edit of a policy: what is `None` stays.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct PolicyEdit {
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
}

impl RolloutPolicy {
    /// Whether it is what a suite has that says nothing.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The same after an edit.
    pub fn edited(&self, edit: &PolicyEdit) -> Self {
        Self {
            advance: edit.advance.unwrap_or(self.advance),
            soak: edit.soak.unwrap_or(self.soak),
            installed_percent: edit.installed_percent.unwrap_or(self.installed_percent),
            silent_percent: edit.silent_percent.unwrap_or(self.silent_percent),
            failures: edit.failures.unwrap_or(self.failures),
            failures_percent: edit.failures_percent.unwrap_or(self.failures_percent),
            deadline: edit.deadline.unwrap_or(self.deadline),
            abort: edit.abort.unwrap_or(self.abort),
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
        Ok(())
    }

    /// How many of so many hosts may fail.
    pub fn tolerated(&self, hosts: usize) -> usize {
        let share = hosts.saturating_mul(usize::from(self.failures_percent)) / 100;
        share.max(usize::try_from(self.failures).unwrap_or(usize::MAX))
    }
}
