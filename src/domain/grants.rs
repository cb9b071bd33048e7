//! Grants: what is given to identities and groups in addition to an identity's own grant, as
//! values.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::debian::{Component, PackageName, SuiteName};
use crate::domain::limits::{GrantError, Limits, MOST_PATTERNS};
use crate::domain::patterns::{GroupName, Member, PackagePattern, PatternError, SuitePattern};
use crate::domain::{Grant, Identity, Role, SuiteScope};

/// Who something is given to. As text, a group has an `@` before its name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Subject {
    /// One identity.
    Identity(Identity),
    /// Every member of a group.
    Group(GroupName),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(identity) => f.pad(identity.as_str()),
            Self::Group(name) => write!(f, "@{name}"),
        }
    }
}

impl FromStr for Subject {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        match text.strip_prefix('@') {
            Some(name) => Ok(Self::Group(name.parse()?)),
            None => Identity::parse(text).map(Self::Identity).map_err(|_| PatternError {
                field: "to",
                what: "identity or group",
                given: text.chars().take(80).collect(),
                rule: "a host name in lower case, or '@' and the name of a group",
            }),
        }
    }
}

impl serde::Serialize for Subject {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Subject {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A named set of identities.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// Its members.
    pub members: BTreeSet<Member>,
}

/// A role over suites, and for uploaders and operators over parts of them. Two grants with the same
/// content are one.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct AccessGrant {
    /// To whom.
    pub to: Subject,
    /// As what.
    pub role: Role,
    /// For which suites; one of these patterns is enough.
    pub suites: BTreeSet<SuitePattern>,
    /// Limits uploads and pins to these components; empty for any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub components: BTreeSet<Component>,
    /// Limits uploads and pins to packages of these names; empty for any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub packages: BTreeSet<PackagePattern>,
}

impl AccessGrant {
    /// An identity's own grant, in this form.
    pub fn of(own: &Grant) -> Self {
        let suites = match &own.suites {
            SuiteScope::All => [SuitePattern::any()].into(),
            SuiteScope::Named(names) => names.iter().map(SuitePattern::from).collect(),
        };
        Self {
            to: Subject::Identity(own.identity.clone()),
            role: own.role,
            suites,
            components: own.limits.components.clone(),
            packages: own.limits.packages.clone(),
        }
    }

    /// What it is limited to.
    pub fn limits(&self) -> Limits {
        Limits { components: self.components.clone(), packages: self.packages.clone() }
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// [`GrantError`] naming the first field that is wrong.
    pub fn verify(&self) -> Result<(), GrantError> {
        if self.suites.is_empty() {
            let problem = "is empty; name suites or patterns of them, such as \"*\"";
            return Err(GrantError::new("suites", problem));
        }
        if self.suites.len() > MOST_PATTERNS {
            let problem = "names more than 64; use patterns, or several grants";
            return Err(GrantError::new("suites", problem));
        }
        if self.role == Role::Admin
            && (!self.is_whole() || self.suites != [SuitePattern::any()].into())
        {
            let problem = "an admin may do everything: suites is [\"*\"], without limits";
            return Err(GrantError::new("role", problem));
        }
        self.limits().verify(self.role)
    }

    /// Whether it covers this suite.
    pub fn covers(&self, suite: &SuiteName) -> bool {
        self.role == Role::Admin || self.suites.iter().any(|pattern| pattern.matches(suite))
    }

    /// Whether it reaches this component.
    pub fn reaches_component(&self, component: &Component) -> bool {
        self.components.is_empty() || self.components.contains(component)
    }

    /// Whether it reaches packages of this name.
    pub fn reaches_name(&self, package: &PackageName) -> bool {
        self.packages.is_empty() || self.packages.iter().any(|pattern| pattern.matches(package))
    }

    /// Whether it is for uploads of a package of this name, which suites take without owning it: it operates, or it
    /// names the package. A pattern with `*` names nothing.
    pub fn brings_reserved(&self, package: &PackageName) -> bool {
        let operates = self.role >= Role::Operator && self.packages.is_empty();
        let named = || self.packages.iter().any(|pattern| pattern.is(package));
        operates || self.role >= Role::Uploader && named()
    }

    /// Whether it reaches everything in its suites.
    pub fn is_whole(&self) -> bool {
        self.components.is_empty() && self.packages.is_empty()
    }
}
