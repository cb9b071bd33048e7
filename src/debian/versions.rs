//! Versions: how many versions of a package an index lists.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

/// How many versions of a name and architecture an index lists at most.
///
/// Shape: written as a number from 1 on, or as `all`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Versions {
    /// At most this many, the newest ones.
    Newest(NonZeroU16),
    /// All versions.
    All,
}

/// Neither a number from 1 to 65535 nor `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is a number from 1 to 65535, or 'all'")]
pub struct VersionsError;

impl Versions {
    /// Only the highest version.
    pub const ONE: Self = Self::Newest(NonZeroU16::MIN);

    /// Whether it is only the highest version.
    pub fn is_one(&self) -> bool {
        *self == Self::ONE
    }

    /// How many versions that is at most.
    pub fn limit(self) -> usize {
        match self {
            Self::Newest(count) => usize::from(count.get()),
            Self::All => usize::MAX,
        }
    }
}

impl Default for Versions {
    fn default() -> Self {
        Self::ONE
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest(count) => count.fmt(f),
            Self::All => f.pad("all"),
        }
    }
}

impl FromStr for Versions {
    type Err = VersionsError;

    fn from_str(text: &str) -> Result<Self, VersionsError> {
        if text == "all" {
            return Ok(Self::All);
        }
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let count = text.parse().ok().filter(|_| digits);
        count.map(Self::Newest).ok_or(VersionsError)
    }
}

impl serde::Serialize for Versions {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Newest(count) => to.serialize_u16(count.get()),
            Self::All => to.serialize_str("all"),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Versions {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl serde::de::Visitor<'_> for Reader {
    type Value = Versions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 1 to 65535, or \"all\"")
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Versions, E> {
        let count = u16::try_from(number).ok().and_then(NonZeroU16::new);
        count.map(Versions::Newest).ok_or_else(|| E::custom(VersionsError))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Versions, E> {
        self.visit_u64(u64::try_from(number).map_err(|_| E::custom(VersionsError))?)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Versions, E> {
        match text {
            "all" => Ok(Versions::All),
            _ => Err(E::custom(VersionsError)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_all_reads_back_and_nothing_else_does() {
        let three = Versions::Newest(NonZeroU16::new(3).unwrap());
        for (text, json, versions) in
            [("1", "1", Versions::ONE), ("3", "3", three), ("all", r#""all""#, Versions::All)]
        {
            assert_eq!((text.parse(), versions.to_string()), (Ok(versions), text.to_owned()));
            assert_eq!(serde_json::from_str::<Versions>(json).unwrap(), versions);
            assert_eq!(serde_json::to_string(&versions).unwrap(), json);
        }
        for wrong in ["", "0", "-1", "+3", "65536", "ALL", "3.0", " 3"] {
            assert_eq!(wrong.parse::<Versions>(), Err(VersionsError), "{wrong:?}");
        }
        for wrong in ["0", "-1", "65536", "1.5", r#""3""#, "null", "true"] {
            assert!(serde_json::from_str::<Versions>(wrong).is_err(), "{wrong}");
        }
        assert!(Versions::default().is_one() && !three.is_one() && !Versions::All.is_one());
        assert_eq!((three.limit(), Versions::All.limit()), (3, usize::MAX));
    }
}
