//! Place: where in a suite the versions of a package are, and how one place changes.

use std::sync::Arc;

use crate::debian::{Architecture, Component, PackageName};
use crate::domain::Package;

/// Where in a suite the versions of a package are.
pub type Place = (Component, PackageName, Architecture);

/// The place of a package in a component.
pub fn place_of(component: &Component, package: &Package) -> Place {
    (component.clone(), package.name.clone(), package.architecture.clone())
}

/// How one place of a suite changes. Where one version is listed: from that to the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Move {
    /// Which place.
    pub place: Place,
    /// What is listed there now.
    pub from: Option<Arc<Package>>,
    /// What will be listed there.
    pub to: Option<Arc<Package>>,
}
