//! Addition: a package that is to be added, and the packages that it could be mistaken for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::debian::{Component, PackageName, Privilege};
use crate::digest::Digest;
use crate::domain::Package;

/// One package that is to be added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Addition {
    /// To which component.
    pub component: Component,
    /// The package.
    pub package: Arc<Package>,
    /// The component in which the suite has already taken it, if it has.
    pub taken_as: Option<Component>,
}

/// What is known in the suite's namespace about the names that are added.
#[derive(Clone, Copy, Debug)]
pub struct Known<'k> {
    /// Every package that a suite of the namespace has taken.
    pub packages: &'k [Package],
    /// Those that the asker may not know of.
    pub hidden: &'k HashSet<Digest>,
    /// Those of [`rivals`] that this suite has taken.
    pub taken: &'k HashSet<Digest>,
    /// The privileges that the added packages use, for those that use any.
    pub privileges: &'k HashMap<Digest, Vec<Privilege>>,
}

/// The known packages that conflict with one of these additions.
pub fn rivals(additions: &[Addition], known: &[Package]) -> Vec<Digest> {
    let mut of_names: BTreeMap<&PackageName, Vec<&Package>> = BTreeMap::new();
    for Addition { package, .. } in additions {
        of_names.entry(&package.name).or_default().push(package);
    }
    let rival = |one: &&Package| {
        let of_name = of_names.get(&one.name).into_iter().flatten();
        of_name
            .into_iter()
            .any(|package| rivalry(package, one).is_some() || all_and_single(package, one))
    };
    known.iter().filter(rival).map(|one| one.digest).collect()
}

/// The problem of a package and a rival of the same name that could be mistaken for each other.
pub(super) fn rivalry(package: &Package, rival: &Package) -> Option<String> {
    if rival.digest == package.digest || rival.architecture != package.architecture {
        return None;
    }
    if rival.version == package.version {
        return Some(format!(
            "this version exists with other bytes (SHA-256 {}…, yours {}…): hosts that have it would \
             keep it unseen; build a new version",
            rival.digest.short(),
            package.digest.short()
        ));
    }
    let equal = rival.version.compare(&package.version).is_eq();
    equal.then(|| {
        format!("apt takes this version for the same as {}; build a higher one", rival.version)
    })
}

/// Whether two packages of one name and version are for all architectures and for a single one: an
/// index lists only one of them.
pub fn all_and_single(package: &Package, other: &Package) -> bool {
    package.kind == other.kind
        && package.name == other.name
        && package.architecture.is_all() != other.architecture.is_all()
        && package.version.compare(&other.version).is_eq()
}

/// Why only one of these two can be listed.
pub(super) fn one_of_two(other: &Package) -> String {
    format!(
        "this version is in this suite for {}, and hosts would see only one of the two; build a higher \
         version, either for all architectures or for single ones",
        other.architecture
    )
}
