//! Rank: the order of an index.

use crate::debian::{PackageName, Version};
use crate::domain::Package;

/// The place of a package in an index: after everything that was listed before it, and by name
/// among what was listed with it. So a package that is listed later leaves the bytes before it as
/// they are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rank {
    /// The generation that listed it; 0 in an index that is sorted by name alone.
    pub since: u64,
    /// Its name.
    pub name: PackageName,
    /// Its version; a rank without one is before all versions of the name.
    pub version: Option<Version>,
}

impl Rank {
    /// The rank of a package that this generation listed.
    pub fn of(since: u64, package: &Package) -> Self {
        Self { since, name: package.name.clone(), version: Some(package.version.clone()) }
    }
}
