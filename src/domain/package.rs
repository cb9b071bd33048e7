//! Packages: what is known of a `.deb`.

use crate::debian::{Architecture, PackageKind, PackageName, Version};
use crate::digest::Digest;

/// What is known of one `.deb`, less the text of its stanza.
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
    /// Whether hosts or the installer are offered it.
    pub kind: PackageKind,
}
