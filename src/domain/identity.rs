//! Identity: the one name a certificate proves.

use std::fmt;
use std::sync::Arc;

/// Who is asking: exactly one SAN dNSName in canonical form.
///
/// Shape: lower-case labels of `a-z`, `0-9` and inner `-`, joined by dots, at most 253 bytes, not a
/// wildcard, not an address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(Arc<str>);

/// A name is not in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "identity {given:?} is not a host name in canonical form: lower-case letters, digits and '-', in labels joined by dots"
)]
pub struct IdentityError {
    /// What was given, cut to 80 characters.
    pub given: String,
}

impl Identity {
    /// Reads a name, byte-exact.
    ///
    /// # Errors
    /// [`IdentityError`] for anything but a canonical host name (sender's fault).
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let labels = || text.split('.');
        let numeric = labels().next_back().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
        if text.len() <= 253 && labels().all(valid_label) && !numeric {
            return Ok(Self(text.into()));
        }
        Err(IdentityError { given: text.chars().take(80).collect() })
    }

    /// The server itself, for what it does by itself.
    pub fn server() -> Self {
        Self("repod".into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn valid_label(label: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl std::str::FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        Self::parse(text)
    }
}

impl serde::Serialize for Identity {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Identity {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_host_names_are_identities() {
        for good in ["web-01.example.org", "ci", "a.b.c", "1a.example"] {
            assert!(Identity::parse(good).is_ok(), "{good}");
        }
        let bad = [
            "",
            "Web.example.org",
            "*.example.org",
            "a..b",
            ".a",
            "a.",
            "10.0.0.1",
            "a_b",
            "-a",
            "a-",
            "a\0b",
            "a b",
            "a@b",
            "é",
        ];
        for text in bad {
            assert!(Identity::parse(text).is_err(), "{text:?}");
        }
    }
}
