//! What a suite keeps of what it no longer lists, as it is sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a suite keeps of what it no longer lists. What any of the rules keeps is kept; without a count
/// and without an age everything is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeepRules {
    /// The newest versions of each name and architecture that are kept; 0 for no such rule.
    pub versions: u16,
    /// What was listed or taken within this time is kept, and its generations; 0 for no such rule. Unit:
    /// days.
    pub days: u32,
    /// What hosts have that were seen within this time is kept; 0: hosts keep nothing. Unit: days.
    pub installed_days: u32,
}

impl Default for KeepRules {
    fn default() -> Self {
        Self { versions: 0, days: 0, installed_days: 30 }
    }
}

impl KeepRules {
    /// Whether nothing is said of it.
    pub fn is_unsaid(&self) -> bool {
        *self == Self::default()
    }

    /// The rules after an edit.
    pub fn edited(self, edit: KeepChange) -> Self {
        Self {
            versions: edit.versions.unwrap_or(self.versions),
            days: edit.days.unwrap_or(self.days),
            installed_days: edit.installed_days.unwrap_or(self.installed_days),
        }
    }
}

/// Other rules, as far as they are said.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeepChange {
    /// The newest versions of each name and architecture that are kept; 0 for no such rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<u16>,
    /// What was listed or taken within this time is kept; 0 for no such rule. Unit: days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// What hosts have that were seen within this time is kept; 0: hosts keep nothing. Unit: days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed_days: Option<u32>,
}

impl KeepChange {
    /// Whether nothing is said of it.
    pub fn is_unsaid(&self) -> bool {
        *self == Self::default()
    }
}
