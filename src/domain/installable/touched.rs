//! Touched: what of all names and needs has to be looked at after a change.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{Named, Need};
use crate::debian::{Dependencies, PackageName};
use crate::digest::Digest;

/// The names of which hosts may find something else when packages of some names move: these, and what any of
/// their packages provides in either state. One that moves in displaces others of its name that stay.
pub fn touched_by(
    moved: &[PackageName],
    states: [&Named; 2],
    dependencies: &HashMap<Digest, Arc<Dependencies>>,
) -> BTreeSet<PackageName> {
    let packages =
        states.into_iter().flat_map(|state| moved.iter().filter_map(|name| state.get(name)));
    let read = packages.flatten().filter_map(|package| dependencies.get(&package.digest));
    let provided = read.flat_map(|read| read.provided_names());
    provided.chain(moved).cloned().collect()
}

/// What has to be looked at of what a package needs: all of it when it moved, else what names anything that
/// did.
pub fn asked<'d>(
    dependencies: &'d Dependencies,
    touched: &BTreeSet<PackageName>,
    all: bool,
) -> impl Iterator<Item = &'d Need> {
    let names = move |need: &&Need| need.iter().any(|one| touched.contains(&one.package));
    dependencies.needs.iter().filter(move |need| all || names(need))
}

/// By name: the names of packages that break or conflict with it, in either state.
pub type Avoiders = BTreeMap<PackageName, BTreeSet<PackageName>>;

/// Who breaks or conflicts with whom, among the packages that were read.
pub fn avoiders(
    states: [&Named; 2],
    dependencies: &HashMap<Digest, Arc<Dependencies>>,
) -> Avoiders {
    let mut avoiders = Avoiders::new();
    for (name, packages) in states.into_iter().flatten() {
        let read = packages.iter().filter_map(|package| dependencies.get(&package.digest));
        for one in read.flat_map(|read| &read.avoids) {
            avoiders.entry(one.package.clone()).or_default().insert(name.clone());
        }
    }
    avoiders
}
