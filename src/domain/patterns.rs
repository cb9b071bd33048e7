//! Patterns: names and patterns of groups, members, suites and packages, as grants have them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::debian::{PackageName, SuiteName};
use crate::domain::Identity;
use crate::domain::glob::matches;

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
    /// The name of a ring.
    RingName,
    "rings",
    "name of a ring",
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

    /// Whether it is this name and no pattern for several.
    pub fn is(&self, package: &PackageName) -> bool {
        self.as_str() == package.as_str()
    }

    /// Whether there could be a package whose name it matches.
    pub fn matches_some_name(&self) -> bool {
        match self.0.contains('*') {
            true => self.0.starts_with(|first: char| first == '*' || first.is_ascii_alphanumeric()),
            false => PackageName::parse(&self.0).is_ok(),
        }
    }

    /// Whether there could be a name that both it and `other` match, a pattern of the same syntax.
    pub fn overlaps(&self, other: &str) -> bool {
        overlap(self.0.as_bytes(), other.as_bytes())
    }
}

/// Whether some text matches both of two patterns in which `*` stands for any text.
fn overlap(one: &[u8], other: &[u8]) -> bool {
    // What is left of both, once the same beginning of the text is matched.
    let (mut seen, mut left) = (BTreeSet::new(), vec![(one, other)]);
    while let Some((one, other)) = left.pop() {
        if !seen.insert((one.len(), other.len())) {
            continue;
        }
        match (one.split_first(), other.split_first()) {
            (None, None) => return true,
            (Some((b'*', behind)), next) => {
                left.push((behind, other));
                left.extend(next.map(|(_, next)| (one, next)));
            }
            (next, Some((b'*', behind))) => {
                left.push((one, behind));
                left.extend(next.map(|(_, next)| (next, other)));
            }
            (Some((a, one)), Some((b, other))) if a == b => left.push((one, other)),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_patterns_overlap_when_some_text_matches_both() {
        for (one, other, both) in [
            ("uni-moodle*", "uni-*", true),
            ("uni-*", "uni-moodle*", true),
            ("*-dev", "uni-*", true),
            ("uni-*-dev", "*moodle*", true),
            ("u*i", "un*ni", true),
            ("uni", "uni", true),
            ("uni", "uni*", true),
            ("moodle*", "uni-*", false),
            ("uni-moodle", "uni-moodle-*", false),
            ("*-dev", "*-doc", false),
            ("a*b", "a*c", false),
            ("uni-*x", "uni-moodle", false),
        ] {
            let pattern: PackagePattern = one.parse().unwrap();
            assert_eq!(pattern.overlaps(other), both, "{one} {other}");
        }
    }

    #[test]
    fn a_pattern_that_no_name_can_have_is_known() {
        for (pattern, some) in [
            ("uni-*", true),
            ("*-dev", true),
            ("a*", true),
            ("0ad", true),
            ("a", false),
            ("-dev", false),
            ("-dev*", false),
            ("+*", false),
            (".x*", false),
        ] {
            let pattern: PackagePattern = pattern.parse().unwrap();
            assert_eq!(pattern.matches_some_name(), some, "{pattern}");
        }
    }
}
