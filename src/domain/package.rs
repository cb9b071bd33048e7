//! Packages: what is known of a `.deb`.

use std::fmt;
use std::str::FromStr;

use crate::debian::{Architecture, PackageKind, PackageName, Version, translation};
use crate::digest::Digest;

/// What is known of one `.deb`, without the text of its stanza.
///
/// The digest of the `.deb` is its key everywhere. The stanza is a function of the control fields,
/// the digest and the size, so it is the same in every suite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Package {
    /// SHA-256 of the `.deb`.
    pub digest: Digest,
    /// The binary package's name.
    pub name: PackageName,
    /// The binary package's version.
    pub version: Version,
    /// The architecture it was built for, or `all`.
    pub architecture: Architecture,
    /// The source package it was built from.
    pub source: PackageName,
    /// The version of that source.
    pub source_version: Version,
    /// Size of the `.deb`. Unit: bytes.
    pub size_bytes: u64,
    /// Size of the published stanza with its closing blank line. Unit: bytes.
    pub stanza_bytes: u32,
    /// SHA-256 of the published stanza.
    pub stanza_digest: Digest,
    /// Whether it is for hosts or for the installer.
    pub kind: PackageKind,
    /// Its description, apart from the stanza; `None` for packages of the installer, which have
    /// none there.
    pub text: Option<Text>,
}

/// What a `Translation-en` says of a package. It is the same for all versions and architectures
/// with the same description.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Text {
    /// Which stanza of a `Translation-en`.
    pub mark: TextMark,
    /// Size of that stanza with its closing blank line, rounded up to a multiple of 16. Unit:
    /// bytes. Earlier builds recorded it so; the same text must have the same size, or it would be
    /// listed twice.
    pub bytes: u32,
}

impl Text {
    /// The part of a published stanza that a `Translation-en` has; `None` when there is none.
    pub fn of(kind: PackageKind, published: &str) -> Option<Self> {
        match kind {
            PackageKind::Deb => Self::of_stanza(&translation::split(published)?.translation),
            PackageKind::Udeb => None,
        }
    }

    /// The same, given the stanza of the `Translation-en`.
    pub fn of_stanza(translation: &str) -> Option<Self> {
        if translation.is_empty() {
            return None;
        }
        let bytes = translation.len().checked_next_multiple_of(16).unwrap_or(usize::MAX);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        Some(Self { mark: TextMark::of(&Digest::of(translation.as_bytes())), bytes })
    }
}

/// The first half of a SHA-256, by which texts are distinguished. It is only a half, because one is
/// kept in memory for every package. (The MD5 in the indices would not do: an uploader can find two
/// texts that share one.)
///
/// Shape: 16 bytes, written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextMark([u8; 16]);

impl TextMark {
    fn of(digest: &Digest) -> Self {
        Self(digest.as_bytes().first_chunk().copied().unwrap_or_default())
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for TextMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TextMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextMark({self})")
    }
}

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the mark of a text is 32 lower-case hexadecimal digits")]
pub struct TextMarkError;

impl FromStr for TextMark {
    type Err = TextMarkError;

    fn from_str(text: &str) -> Result<Self, TextMarkError> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(digit) {
            return Err(TextMarkError);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| TextMarkError)?;
        Ok(Self(number.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_read_back_and_nothing_else_does() {
        let text = Text::of_stanza("Package: x\n\n").unwrap();
        assert_eq!((text.bytes, Text::of_stanza(&"x".repeat(33)).unwrap().bytes), (16, 48));
        let written = text.mark.to_string();
        assert_eq!(written, Digest::of(b"Package: x\n\n").to_string()[..32]);
        assert_eq!(written.parse(), Ok(text.mark));
        for wrong in [&written[1..], &written.to_uppercase(), &format!("+{}", &written[1..])] {
            assert_eq!(wrong.parse::<TextMark>(), Err(TextMarkError), "{wrong}");
        }
        assert_eq!(Text::of_stanza(""), None);
    }

    /// Names and versions of up to 23 bytes are stored inside it. A server has sixty thousand in
    /// memory.
    #[test]
    fn what_is_kept_in_memory_of_a_package_is_small() {
        assert!(size_of::<Package>() <= 224, "{} bytes", size_of::<Package>());
    }

    #[test]
    fn versions_with_one_description_share_a_text() {
        let published = |version: &str| {
            format!("Package: acme\nVersion: {version}\nDescription: one\n two\n\n")
        };
        let text = |version, kind| Text::of(kind, &published(version));
        assert!(text("1", PackageKind::Deb).is_some());
        assert_eq!(text("1", PackageKind::Deb), text("2", PackageKind::Deb));
        assert_eq!(text("1", PackageKind::Udeb), None);
    }
}
