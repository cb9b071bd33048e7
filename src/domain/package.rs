//! Packages and contents: what is known of a `.deb`, and which of them a generation holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::debian::{Architecture, Component, PackageKind, PackageName, Version};
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

/// Where in a suite a package stands: one version for each.
pub type Place = (Component, PackageName, Architecture);

/// Which packages a generation holds.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The package at each place.
    pub members: BTreeMap<Place, Arc<Package>>,
}
