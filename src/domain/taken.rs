//! Taken: packages that a suite has accepted, listed or not.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::debian::{Component, Version};
use crate::domain::{Package, PinKind, PinTarget};

/// A package that a suite has taken, at its component.
pub type Taken = (Component, Arc<Package>);

/// The version of a package that a pin of this target compares.
pub fn pinned_version<'p>(target: &PinTarget, package: &'p Package) -> &'p Version {
    match target.kind {
        PinKind::Source => &package.source_version,
        PinKind::Binary => &package.version,
    }
}

/// The highest package of each name and architecture.
pub(super) fn newest(taken: impl Iterator<Item = Taken>) -> Vec<Taken> {
    let mut best: BTreeMap<_, Taken> = BTreeMap::new();
    for (component, package) in taken {
        let key = (package.name.clone(), package.architecture.clone());
        let higher = best.get(&key).is_none_or(|(_, have)| package.version > have.version);
        if higher {
            best.insert(key, (component, package));
        }
    }
    best.into_values().collect()
}
