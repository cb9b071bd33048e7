//! Beyond: packages that a change alters although nobody named them.

use std::collections::BTreeSet;

use crate::debian::PackageName;
use crate::domain::{Draft, Package, PinKind, PinTarget, Plan};

/// The packages that move, or that a pin that was set or ended holds, although neither they nor
/// their source are among `named`. A name that is no source means the source of the binary of that
/// name, so the other binaries of that source are found here.
///
/// Limits: a change that names no packages gives none.
pub fn beyond(draft: &Draft<'_>, plan: &Plan, named: &[PinTarget]) -> BTreeSet<PackageName> {
    let mut found = BTreeSet::new();
    if named.is_empty() {
        return found;
    }
    for moved in plan.told() {
        let mut packages = moved.from.iter().chain(&moved.to);
        if !packages.any(|package| is_named(package, named)) {
            found.insert(moved.place.1.clone());
        }
    }
    for pin in plan.pinned.iter().chain(&plan.unpinned) {
        let held = draft.members(&pin.target).into_iter().map(|(_, package)| package);
        let held = held.filter(|package| !is_named(package, named));
        found.extend(held.map(|package| package.name.clone()));
    }
    found
}

fn is_named(package: &Package, named: &[PinTarget]) -> bool {
    named.iter().any(|target| {
        package.name == target.name
            || (target.kind == PinKind::Source && package.source == target.name)
    })
}
