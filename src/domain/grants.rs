//! Grants: what is given to identities and groups in addition to an identity's own grant, as
//! values.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::debian::{Component, PackageName, SuiteName};
use crate::domain::suite::matches;
use crate::domain::{Grant, Identity, Role, SuiteScope};

/// A name or pattern of access is not well formed. Says which one, what was given and what is
/// allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no {what}: {rule}")]
pub struct PatternError {
    /// The field that it is in.
    pub field: &'static str,
    /// What it should be.
    pub what: &'static str,
    /// What was given, cut to 80 characters.
    pub given: String,
    /// What is allowed.
    pub rule: &'static str,
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $field:literal, $what:literal, $rule:literal, $valid:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = PatternError;

            fn from_str(text: &str) -> Result<Self, PatternError> {
                if $valid(text) {
                    return Ok(Self(text.into()));
                }
                let given = text.chars().take(80).collect();
                Err(PatternError { field: $field, what: $what, given, rule: $rule })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_type!(
    /// The name of a group, without the `@` that is put before it where it could be an identity.
    GroupName,
    "group",
    "name of a group",
    "1 to 64 of a-z, 0-9, '.' and '-', the first a letter or digit",
    valid_group
);
text_type!(
    /// A member of a group: an identity, or a pattern of identities in which `*` stands for any text
    /// within one label.
    Member,
    "member",
    "identity or pattern of identities",
    "a host name in lower case; '*' stands for any text within one label, and not in the last one",
    valid_member
);
text_type!(
    /// Suites by name; `*` stands for any text, also of suites made later.
    SuitePattern,
    "suites",
    "pattern of suite names",
    "1 to 64 of a-z, 0-9, '.', '+', '-' and '*'",
    valid_suites
);
text_type!(
    /// Binary packages by name; `*` stands for any text.
    PackagePattern,
    "packages",
    "pattern of package names",
    "1 to 128 of a-z, 0-9, '+', '-', '.' and '*', not '*' alone: leave it out for any name",
    valid_packages
);

fn valid_group(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
    let begins = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    begins && text.len() <= 64 && text.bytes().all(plain)
}

fn valid_member(text: &str) -> bool {
    if !text.contains('*') {
        return Identity::parse(text).is_ok();
    }
    // What it matches must be an identity, and its last label must say which CA's names are meant.
    let named = text.rsplit_once('.').is_some_and(|(_, last)| !last.contains('*'));
    named && !text.contains("**") && Identity::parse(&text.replace('*', "x")).is_ok()
}

fn valid_suites(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".+-*".contains(&b);
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

fn valid_packages(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.*".contains(&b);
    text.len() <= 128 && text.bytes().all(plain) && text.bytes().any(|b| b != b'*')
}

impl Member {
    /// Whether it matches `identity`.
    pub fn matches(&self, identity: &Identity) -> bool {
        let (mut own, mut given) = (self.0.split('.'), identity.as_str().split('.'));
        loop {
            match (own.next(), given.next()) {
                (Some(pattern), Some(label)) if matches(pattern, label) => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }

    /// The identity that it names, when it is no pattern.
    pub fn exact(&self) -> Option<Identity> {
        Identity::parse(&self.0).ok()
    }

    /// How many labels it has, and the text of the labels after the last `*`. Lookups go by these.
    pub fn tail(&self) -> (usize, &str) {
        let labels = self.0.split('.').count();
        let behind = self.0.rsplit_once('*').map_or(&*self.0, |(_, behind)| behind);
        (labels, behind.split_once('.').map_or("", |(_, tail)| tail))
    }
}

impl SuitePattern {
    /// Every suite.
    pub fn any() -> Self {
        Self("*".into())
    }

    /// Whether it matches `suite`.
    pub fn matches(&self, suite: &SuiteName) -> bool {
        matches(&self.0, suite.as_str())
    }

    /// Whether it matches every suite that `other` matches. Never true where it does not; not
    /// always true where it does.
    pub fn encloses(&self, other: &Self) -> bool {
        // A `*` in `other` is matched by a `*` here only: it is none of the letters.
        matches(&self.0, &other.0)
    }
}

impl From<&SuiteName> for SuitePattern {
    fn from(suite: &SuiteName) -> Self {
        Self(suite.as_str().into())
    }
}

impl PackagePattern {
    /// Whether it matches `package`.
    pub fn matches(&self, package: &PackageName) -> bool {
        matches(&self.0, package.as_str())
    }
}

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

/// A grant is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct GrantError {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it, and what is allowed.
    pub problem: &'static str,
}

/// The most patterns of one kind in a grant: requests compare them one by one.
const MOST_PATTERNS: usize = 64;

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
            components: BTreeSet::new(),
            packages: BTreeSet::new(),
        }
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// [`GrantError`] naming the first field that is wrong.
    pub fn verify(&self) -> Result<(), GrantError> {
        let wrong = |field, problem| Err(GrantError { field, problem });
        let limited = !self.components.is_empty() || !self.packages.is_empty();
        if self.suites.is_empty() {
            return wrong("suites", "is empty; name suites or patterns of them, such as \"*\"");
        }
        for (field, count) in [
            ("suites", self.suites.len()),
            ("components", self.components.len()),
            ("packages", self.packages.len()),
        ] {
            if count > MOST_PATTERNS {
                return wrong(field, "names more than 64; use patterns, or several grants");
            }
        }
        match self.role {
            Role::Host if limited => wrong(
                if self.components.is_empty() { "packages" } else { "components" },
                "limits who uploads or operates; apt reads a suite whole, so make a suite for less",
            ),
            Role::Admin if limited || self.suites != [SuitePattern::any()].into() => {
                wrong("role", "an admin may do everything: suites is [\"*\"], without limits")
            }
            _ => Ok(()),
        }
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

    /// Whether it reaches everything in its suites.
    pub fn is_whole(&self) -> bool {
        self.components.is_empty() && self.packages.is_empty()
    }
}
