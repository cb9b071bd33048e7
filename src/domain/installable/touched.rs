//! Touched: what of all names and needs has to be looked at after a change.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{Named, Need};
use crate::debian::{Dependencies, MultiArch, PackageName};
use crate::digest::Digest;
use crate::domain::Package;

/// What a change moves, as far as others can tell.
#[derive(Clone, Debug, Default)]
pub struct Moved {
    /// The names of which hosts may find something else: those that move, and what any of their packages provides in
    /// either state. One that moves in displaces others of its name that stay.
    pub touched: BTreeSet<PackageName>,
    /// Those of them that a package which moves provides.
    pub(super) provided: BTreeSet<PackageName>,
    /// How builds of the packages of these names go together, where it is not the usual.
    multi_arch: HashMap<Digest, MultiArch>,
}

impl Moved {
    /// Nothing is known but names: all of what speaks of them has to be looked at.
    pub fn of_names(touched: BTreeSet<PackageName>) -> Self {
        Self { provided: touched.clone(), touched, multi_arch: HashMap::new() }
    }

    /// Adds names of which packages move; `states` and `dependencies` have all of them.
    pub fn add(
        &mut self,
        names: &[PackageName],
        states: [&Named; 2],
        dependencies: &HashMap<Digest, Arc<Dependencies>>,
    ) {
        let packages =
            states.into_iter().flat_map(|state| names.iter().filter_map(|name| state.get(name)));
        for package in packages.flatten() {
            let Some(read) = dependencies.get(&package.digest) else { continue };
            self.provided.extend(read.provided_names().into_iter().cloned());
            if read.multi_arch != MultiArch::No {
                self.multi_arch.insert(package.digest, read.multi_arch);
            }
        }
        self.touched.extend(names.iter().chain(&self.provided).cloned());
    }

    /// Adds what another part of the change moves.
    pub fn extend(&mut self, other: Self) {
        self.touched.extend(other.touched);
        self.provided.extend(other.provided);
        self.multi_arch.extend(other.multi_arch);
    }

    /// How builds of a package that moves go together.
    pub(super) fn multi_arch(&self, package: &Package) -> MultiArch {
        self.multi_arch.get(&package.digest).copied().unwrap_or_default()
    }
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
