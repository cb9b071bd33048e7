//! Names: packages, architectures, components and suites, each a type that only its parser makes.
//!
//! Source: Policy 5.6.1, 5.6.7 and 5.6.8; the package grammar is the strict one that the Debian
//! archive itself applies.

use std::borrow::Borrow;
use std::fmt;

use smol_str::SmolStr;

use super::architecture;

/// A name was refused: which kind of name, what was given and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {given:?} is not valid: {rule}")]
pub struct NameError {
    /// Which kind of name, for people: `package name`.
    pub kind: &'static str,
    /// What was given, cut to 80 characters.
    pub given: String,
    /// What is allowed.
    pub rule: &'static str,
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:expr, $valid:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        impl $name {
            /// Reads the name.
            ///
            /// # Errors
            /// [`NameError`] when the text breaks the rule for this kind of name (sender's fault).
            pub fn parse(text: &str) -> Result<Self, NameError> {
                if $valid(text) {
                    return Ok(Self(text.into()));
                }
                let given = text.chars().take(80).collect();
                let rule: fn(&str) -> &'static str = $rule;
                Err(NameError { kind: $kind, given, rule: rule(text) })
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
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

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
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
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name_type!(
    /// The name of a binary or a source package. Policy 5.6.1 and 5.6.7.
    PackageName,
    "package name",
    |_| "2 to 128 of a-z, 0-9, '+', '-' and '.', the first a letter or digit",
    valid_package
);
name_type!(
    /// A Debian architecture, such as `amd64` or `all`. Policy 5.6.8.
    Architecture,
    "architecture",
    architecture::rule,
    valid_architecture
);
name_type!(
    /// A component of a suite, such as `main`.
    Component,
    "component",
    |_| "1 to 64 of a-z, 0-9 and '-', the first a letter or digit",
    valid_component
);
name_type!(
    /// The name of a suite: its directory under `dists/`, and its Codename.
    SuiteName,
    "suite",
    |_| "1 to 64 of a-z, 0-9, '.', '+' and '-', the first a letter or digit",
    valid_suite
);

name_type!(
    /// Within which a name, version and architecture mean one package: builds for several releases of a
    /// distribution may give one version different bytes, each in a namespace of its own.
    Namespace,
    "namespace",
    |_| "1 to 64 of a-z, 0-9, '.', '+' and '-', the first a letter or digit",
    valid_suite
);

impl Namespace {
    /// The one of all suites that name none.
    pub const DEFAULT: &str = "default";

    /// Whether it is the one of all suites that name none.
    pub fn is_default(&self) -> bool {
        self.as_str() == Self::DEFAULT
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self(SmolStr::new_static(Self::DEFAULT))
    }
}

impl Architecture {
    /// Whether this is `all`: a package that is listed in the index of every architecture.
    pub fn is_all(&self) -> bool {
        &*self.0 == "all"
    }

    /// Whether dpkg knows it, or it is `all`.
    pub fn is_known(&self) -> bool {
        self.is_all() || architecture::is_in_table(&self.0)
    }

    /// What to write in place of a name that dpkg does not know.
    pub fn advice(&self) -> String {
        architecture::advice(&self.0)
    }

    /// The first in the order of architectures: where a range over them begins.
    pub fn lowest() -> Self {
        Self("a".into())
    }
}

impl PackageName {
    /// Sorts before every name: where a range over them begins.
    pub fn lowest() -> Self {
        Self("".into())
    }
}

impl Component {
    /// Sorts before every component: where a range over them begins.
    pub fn lowest() -> Self {
        Self("".into())
    }
}

fn valid(text: &str, lengths: std::ops::RangeInclusive<usize>, more: &[u8]) -> bool {
    lengths.contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || more.contains(&b))
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

fn valid_package(text: &str) -> bool {
    valid(text, 2..=128, b"+-.")
}

fn valid_architecture(text: &str) -> bool {
    let wildcard = matches!(text, "any" | "source") || text.split('-').any(|part| part == "any");
    valid(text, 1..=64, b"-")
        && !wildcard
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
}

fn valid_component(text: &str) -> bool {
    valid(text, 1..=64, b"-")
}

fn valid_suite(text: &str) -> bool {
    valid(text, 1..=64, b".+-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_names_follow_policy() {
        for good in ["lib", "0ad", "libstdc++6", "a2", "g++", "x.y-z"] {
            assert!(PackageName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "A1", "-a", "../..", "a b", "a\nb", "é1", "a_b", &"a".repeat(129)] {
            assert!(PackageName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn architectures_are_concrete() {
        for good in ["amd64", "all", "kfreebsd-amd64", "i386", "x32"] {
            assert!(Architecture::parse(good).is_ok(), "{good}");
        }
        for bad in ["any", "linux-any", "source", "", "AMD64", "amd64 arm64", "../x"] {
            assert!(Architecture::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn namespaces_are_called_like_suites() {
        for good in ["default", "bookworm", "debian-12", "1.0+x", &"a".repeat(64)] {
            assert_eq!(Namespace::parse(good).map(|one| one.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "Trixie", "-x", ".x", "a b", "a/b", "a_b", "a\n", "é", &"a".repeat(65)] {
            let said = Namespace::parse(bad).expect_err(bad).to_string();
            assert!(said.starts_with("namespace ") && said.contains("1 to 64 of a-z"), "{said}");
        }
        assert!(Namespace::default().is_default());
        assert_eq!(Namespace::parse("default"), Ok(Namespace::default()));
        assert!(!Namespace::parse("trixie").unwrap().is_default());
    }

    #[test]
    fn suites_cannot_leave_their_directory() {
        assert!(SuiteName::parse("bookworm-backports").is_ok());
        for bad in ["..", ".", "a/b", "", "Stable", "a\u{0}"] {
            assert!(SuiteName::parse(bad).is_err(), "{bad}");
        }
    }
}
