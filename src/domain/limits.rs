//! Limits: the parts of its suites that a grant is for.

use std::collections::BTreeSet;

use crate::debian::Component;
use crate::domain::Role;
use crate::domain::patterns::PackagePattern;

/// What a grant is limited to. Nothing in it limits nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Uploads and pins in these components alone; empty for any.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub components: BTreeSet<Component>,
    /// Uploads and pins of packages of these names alone; empty for any.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub packages: BTreeSet<PackagePattern>,
}

/// A grant is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct GrantError {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it, and what is allowed.
    pub problem: String,
}

impl GrantError {
    /// The fault of a field.
    pub fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

/// The most patterns of one kind in a grant: requests compare them one by one.
pub(super) const MOST_PATTERNS: usize = 64;

impl Limits {
    /// Whether it limits nothing.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty() && self.packages.is_empty()
    }

    /// Checks that a grant of this role may have these limits, and that each of them can match
    /// something.
    ///
    /// # Errors
    /// [`GrantError`] naming the first field that is wrong.
    pub fn verify(&self, role: Role) -> Result<(), GrantError> {
        let counts = [("components", self.components.len()), ("packages", self.packages.len())];
        if let Some((field, _)) = counts.into_iter().find(|(_, count)| *count > MOST_PATTERNS) {
            let problem = "names more than 64; use patterns, or several grants";
            return Err(GrantError::new(field, problem));
        }
        let (field, _) = counts.into_iter().find(|(_, count)| *count > 0).unwrap_or_default();
        match role {
            _ if self.is_empty() => Ok(()),
            Role::Host => Err(GrantError::new(
                field,
                "limits who uploads or operates; apt reads a suite whole, so make a suite for less",
            )),
            Role::Admin => Err(GrantError::new(
                field,
                "limits who uploads or operates; an admin may do everything, so give the role \
                 operator for less",
            )),
            Role::Uploader | Role::Operator => self.packages.iter().try_for_each(can_match),
        }
    }
}

fn can_match(pattern: &PackagePattern) -> Result<(), GrantError> {
    if pattern.matches_some_name() {
        return Ok(());
    }
    let problem = format!(
        "{pattern} matches no package: a name has two characters or more and begins with a letter \
         or digit; write *{pattern} for names that have it behind something"
    );
    Err(GrantError::new("packages", problem))
}
