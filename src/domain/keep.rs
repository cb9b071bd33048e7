//! Keep: what a suite keeps of what it no longer lists.

/// A hundred years: beyond it dates cannot be told apart from "for ever". Unit: days.
const LONGEST_DAYS: u32 = 36_500;
/// For how long a host that is not seen any more keeps something, unless the suite says otherwise.
/// Unit: days.
const INSTALLED_DAYS: u32 = 30;
/// The longest a host may be away and still keep something. Unit: days.
const LONGEST_INSTALLED_DAYS: u32 = 3_650;

/// How many older versions a suite keeps, and for how long. What any of the rules keeps is kept.
///
/// Without a count and without an age everything is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// The newest versions of each name and architecture that are kept; 0 for no such rule.
    pub versions: u16,
    /// What was listed or taken within this time is kept, and its generations; 0 for no such rule.
    /// Unit: days.
    pub days: u32,
    /// What hosts have that were seen within this time is kept. Unit: days. 0: hosts keep nothing.
    pub installed_days: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { versions: 0, days: 0, installed_days: INSTALLED_DAYS }
    }
}

impl Keep {
    /// Whether nothing is said of it.
    pub fn is_unsaid(&self) -> bool {
        *self == Self::default()
    }

    /// Whether everything is kept.
    pub fn is_everything(&self) -> bool {
        self.versions == 0 && self.days == 0
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// The field, and what is allowed.
    pub fn verify(&self) -> Result<(), (&'static str, String)> {
        for (field, days, most) in [
            ("keep_days", self.days, LONGEST_DAYS),
            ("keep_installed_days", self.installed_days, LONGEST_INSTALLED_DAYS),
        ] {
            if days > most {
                let problem = format!("is at most {most} days; 0 is for no such rule");
                return Err((field, problem));
            }
        }
        Ok(())
    }
}

/// Another [`Keep`], as far as it is said.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct KeepEdit {
    /// See [`Keep::versions`].
    pub versions: Option<u16>,
    /// See [`Keep::days`].
    pub days: Option<u32>,
    /// See [`Keep::installed_days`].
    pub installed_days: Option<u32>,
}

impl KeepEdit {
    /// The rules after the edit.
    pub fn apply(self, before: Keep) -> Keep {
        Keep {
            versions: self.versions.unwrap_or(before.versions),
            days: self.days.unwrap_or(before.days),
            installed_days: self.installed_days.unwrap_or(before.installed_days),
        }
    }
}
