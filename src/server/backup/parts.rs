//! Parts: what a data directory consists of.

use std::path::Path;

/// The parts of a data directory that are files of their own, beside the catalogue and the pool.
pub(super) const PARTS: [&str; 6] = ["keys", "ca", "trust", "floor", "tls", "operator"];
/// The directories of the pool that are stored under digests.
pub(super) const POOL: [&str; 3] = ["blobs", "bundles", "packs"];
/// The catalogue within a backup and a data directory.
pub(super) const CATALOGUE: &str = "catalogue.sqlite";
/// The configuration, likewise.
pub(super) const CONFIG: &str = "repod.toml";
/// The error of a step, with the file that it is about.
pub(super) type Problem = Box<dyn std::error::Error + Send + Sync>;

/// Whether two files are there and as long as each other.
pub(super) fn same_size(one: &Path, other: &Path) -> bool {
    let size = |path: &Path| std::fs::metadata(path).ok().map(|found| found.len());
    size(one).is_some() && size(one) == size(other)
}
