//! Ropes: how an index is cut into chunks, so that a change of one package touches few of them.

use std::ops::Range;
use std::sync::Arc;

use crate::debian::{Architecture, Component, PackageKind};
use crate::digest::{Digest, Hasher};
use crate::domain::{Contents, Package};

/// How an index file is compressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Encoding {
    /// As it is. Always listed: without it apt sees no packages and says nothing.
    Plain,
    /// gzip, one member a chunk.
    Gz,
    /// xz, one stream, one block a chunk.
    Xz,
}

impl Encoding {
    /// All that a suite offers, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Gz, Self::Xz];

    /// What is added to the file name.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gz => ".gz",
            Self::Xz => ".xz",
        }
    }
}

/// A chunk that is durable in a pack: its gzip member, then its xz block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredChunk {
    /// SHA-256 over the stanza digests of the chunk's packages in order: its name before it is made.
    pub key: Digest,
    /// The pack's own digest.
    pub pack: Digest,
    /// Where in the pack the gzip member begins; the xz block follows it. Unit: bytes.
    pub offset: u64,
    /// Size of the stanzas. Unit: bytes.
    pub plain_bytes: u32,
    /// Size of the gzip member. Unit: bytes.
    pub gz_bytes: u32,
    /// Size of the xz block with its padding. Unit: bytes.
    pub xz_bytes: u32,
    /// Size of the xz block without its padding, for the xz index. Unit: bytes.
    pub xz_unpadded_bytes: u32,
}

/// One file that a Release file lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexFile {
    /// Below `dists/SUITE/`, with the suffix of its encoding: `main/binary-amd64/Packages.gz`.
    pub path: String,
    /// How it is compressed.
    pub encoding: Encoding,
    /// Unit: bytes.
    pub size_bytes: u64,
    /// SHA-256 of the whole file.
    pub digest: Digest,
    /// The keys of its chunks, in order.
    pub chunks: Arc<[Digest]>,
}

/// No chunk is smaller, but for the last of an index. Unit: bytes of stanzas.
const SMALLEST_BYTES: u64 = 64 * 1024;
/// From here on a cut is more likely, so that sizes gather around it. Unit: bytes of stanzas.
const USUAL_BYTES: u64 = 128 * 1024;
/// No chunk is larger, but for one that holds a single stanza. Unit: bytes of stanzas.
const LARGEST_BYTES: u64 = 256 * 1024;
/// Mean distance to the next cut below the usual size, and from there on. Unit: bytes of stanzas.
const SPARSE_BYTES: u64 = 512 * 1024;
const DENSE_BYTES: u64 = 16 * 1024;

/// Cuts an index into chunks.
///
/// Shape: consecutive ranges of `packages` that cover it. Where a cut falls depends on the stanza
/// before it and on the size since the last cut, so a change of one package moves the cuts next to it
/// and no others.
pub fn cut(packages: &[Arc<Package>]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut size) = (0usize, 0u64);
    for (position, package) in packages.iter().enumerate() {
        let stanza = u64::from(package.stanza_bytes);
        if size > 0 && size.saturating_add(stanza) > LARGEST_BYTES {
            ranges.push(start..position);
            (start, size) = (position, 0);
        }
        size = size.saturating_add(stanza);
        if size >= SMALLEST_BYTES && cuts_after(package, size) {
            let next = position.saturating_add(1);
            ranges.push(start..next);
            (start, size) = (next, 0);
        }
    }
    if start < packages.len() {
        ranges.push(start..packages.len());
    }
    ranges
}

/// Whether the stanza's own digest, read as a fraction, falls below its share of the mean distance.
fn cuts_after(package: &Package, size: u64) -> bool {
    let distance = if size < USUAL_BYTES { SPARSE_BYTES } else { DENSE_BYTES };
    let head = package.stanza_digest.as_bytes().first_chunk::<4>().copied().unwrap_or_default();
    let share = u64::from(package.stanza_bytes).saturating_mul(1 << 32) / distance;
    u64::from(u32::from_be_bytes(head)) < share
}

/// The name of the chunk that holds these packages: known before the chunk is made.
pub fn chunk_key(packages: &[Arc<Package>]) -> Digest {
    let mut hasher = Hasher::new();
    for package in packages {
        hasher.update(package.stanza_digest.as_bytes());
    }
    hasher.finish()
}

/// The packages that an index lists, in its order.
///
/// The index of an architecture lists its own packages and those of `all`. Where both have one of a
/// name, the higher version is listed and the other is not: with two listed, apt takes the higher, and
/// a rollback would not be obeyed.
pub fn listing(
    contents: &Contents,
    component: &Component,
    architecture: &Architecture,
) -> Vec<Arc<Package>> {
    let mut listed: Vec<Arc<Package>> = Vec::new();
    for ((place, _, built_for), package) in &contents.members {
        if place != component || (built_for != architecture && !built_for.is_all()) {
            continue;
        }
        // apt would install what is meant for the installer.
        if package.kind != PackageKind::Deb {
            continue;
        }
        match listed.last_mut() {
            Some(last) if last.name == package.name => {
                if package.version.compare(&last.version).is_gt() {
                    *last = Arc::clone(package);
                }
            }
            _ => listed.push(Arc::clone(package)),
        }
    }
    listed
}

#[cfg(test)]
mod tests;
