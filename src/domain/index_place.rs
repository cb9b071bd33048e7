//! Index place: which `Packages` index of a suite, and what it may list.

use crate::debian::{Architecture, Component, PackageKind};
use crate::domain::Package;

/// Which `Packages` index of a suite.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct IndexPlace {
    /// Its component.
    pub component: Component,
    /// The architecture of the hosts that read it; never `all`.
    pub architecture: Architecture,
    /// Whether it is for hosts or for the installer: apt would install packages meant for the
    /// installer.
    pub kind: PackageKind,
}

impl IndexPlace {
    /// Whether this index may list a package of its component.
    pub(super) fn fits(&self, package: &Package) -> bool {
        let built = &package.architecture;
        package.kind == self.kind && (*built == self.architecture || built.is_all())
    }
}
