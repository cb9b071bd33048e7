//! Package set: the packages of a generation. A copy shares everything that is not changed in it,
//! so that thousands of packages are in memory once, however many generations hold them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use equivalent::{Comparable, Equivalent};
use imbl::ordmap::DiffItem;
use imbl::{OrdMap, OrdSet};

use crate::debian::{Architecture, Component, PackageKind, PackageName, Version, Versions};
use crate::domain::Package;
pub use crate::domain::place::{Move, Place, place_of};
pub use crate::domain::rank::Rank;

/// A name in a component.
pub type Named = (Component, PackageName);

/// Which packages a generation holds, and since when.
///
/// Cloning costs next to nothing, and the cost of listing or unlisting a package grows with the
/// logarithm of their number.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct PackageSet {
    components: BTreeMap<Component, Listing>,
    /// How many versions an index lists of a name.
    versions: Versions,
    /// How many of the packages are for the installer.
    udebs: usize,
}

/// What one component holds. The keys are the packages themselves: they are in memory for as long
/// as the server runs anyway, and separate names would need as much room again.
#[derive(Clone, Default, Debug)]
struct Listing {
    /// Each package with the generation that listed it.
    members: OrdMap<ByName, u64>,
    of_source: OrdSet<BySource>,
    by_rank: OrdSet<ByRank>,
}

impl PartialEq for Listing {
    fn eq(&self, other: &Self) -> bool {
        let pairs = || self.members.iter().zip(&other.members);
        self.members.len() == other.members.len()
            && pairs().all(|((ours, at), (theirs, then))| ours.0 == theirs.0 && at == then)
    }
}

impl Eq for Listing {}

/// A package in the order of its component: by name, architecture and version.
#[derive(Clone, Debug)]
struct ByName(Arc<Package>);

/// A package in the order of sources.
#[derive(Clone, Debug)]
struct BySource(Arc<Package>);

/// A package in the order in which an index lists it.
#[derive(Clone, Debug)]
struct ByRank(u64, Arc<Package>);

/// A position: that of a package, or, without a version or an architecture, before all packages of
/// that architecture or name.
struct Spot<'s>(&'s PackageName, Option<&'s Architecture>, Option<&'s Version>);

impl<'s> Spot<'s> {
    fn of(package: &'s Package) -> Self {
        Self(&package.name, Some(&package.architecture), Some(&package.version))
    }
}

/// The position before all packages of a source.
struct Source<'s>(&'s PackageName);

impl Ord for ByName {
    fn cmp(&self, other: &Self) -> Ordering {
        Spot::of(&self.0).compare(other)
    }
}

impl Ord for BySource {
    fn cmp(&self, other: &Self) -> Ordering {
        let (ours, theirs) = (&self.0, &other.0);
        let by_name = || ours.name.cmp(&theirs.name);
        let by_architecture = || ours.architecture.cmp(&theirs.architecture);
        let by_version = || ours.version.cmp(&theirs.version);
        let by_source = ours.source.cmp(&theirs.source);
        by_source.then_with(by_name).then_with(by_architecture).then_with(by_version)
    }
}

impl Ord for ByRank {
    fn cmp(&self, other: &Self) -> Ordering {
        let (Self(since, ours), Self(then, theirs)) = (self, other);
        let by_name = || ours.name.cmp(&theirs.name);
        let by_architecture = || ours.architecture.cmp(&theirs.architecture);
        let by_version = || ours.version.cmp(&theirs.version);
        since.cmp(then).then_with(by_name).then_with(by_version).then_with(by_architecture)
    }
}

macro_rules! equal_by_order {
    ($($name:ident),*) => {$(
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other).is_eq()
            }
        }
        impl Eq for $name {}
    )*};
}
equal_by_order!(ByName, BySource, ByRank);

impl Equivalent<ByName> for Spot<'_> {
    fn equivalent(&self, key: &ByName) -> bool {
        self.compare(key).is_eq()
    }
}

impl Comparable<ByName> for Spot<'_> {
    fn compare(&self, ByName(package): &ByName) -> Ordering {
        let by_architecture = || self.1.cmp(&Some(&package.architecture));
        let by_version = || self.2.cmp(&Some(&package.version));
        self.0.cmp(&package.name).then_with(by_architecture).then_with(by_version)
    }
}

/// The position before all packages of a rank.
impl Equivalent<ByRank> for Rank {
    fn equivalent(&self, _: &ByRank) -> bool {
        false
    }
}

impl Comparable<ByRank> for Rank {
    fn compare(&self, ByRank(since, package): &ByRank) -> Ordering {
        let by_name = || self.name.cmp(&package.name);
        let by_version = || self.version.as_ref().cmp(&Some(&package.version));
        self.since.cmp(since).then_with(by_name).then_with(by_version).then(Ordering::Less)
    }
}

impl Equivalent<BySource> for Source<'_> {
    fn equivalent(&self, _: &BySource) -> bool {
        false
    }
}

impl Comparable<BySource> for Source<'_> {
    fn compare(&self, BySource(package): &BySource) -> Ordering {
        self.0.cmp(&package.source).then(Ordering::Less)
    }
}

impl Listing {
    /// The packages from a name on, or from the first.
    fn from<'c>(
        &'c self,
        name: Option<&PackageName>,
    ) -> impl Iterator<Item = &'c Arc<Package>> + use<'c> {
        let lowest = PackageName::lowest();
        let begin = Bound::Included(Spot(name.unwrap_or(&lowest), None, None));
        self.members.range((begin, Bound::Unbounded)).map(|(ByName(package), _)| package)
    }

    fn ranked<'c>(
        &'c self,
        first: Option<&Rank>,
    ) -> impl Iterator<Item = (u64, &'c Arc<Package>)> + use<'c> {
        let lowest = || Rank { since: 0, name: PackageName::lowest(), version: None };
        let begin = Bound::Included(first.cloned().unwrap_or_else(lowest));
        self.by_rank
            .range::<_, Rank>((begin, Bound::Unbounded))
            .map(|ByRank(since, package)| (*since, package))
    }

    fn of_source<'c>(
        &'c self,
        source: &PackageName,
    ) -> impl Iterator<Item = &'c Arc<Package>> + use<'c> {
        let here = self.of_source.range((Bound::Included(Source(source)), Bound::Unbounded));
        let source = source.clone();
        here.map(|BySource(package)| package).take_while(move |package| package.source == source)
    }

    fn list(&mut self, package: Arc<Package>, since: u64) -> Option<Arc<Package>> {
        let before = self.unlist(&Spot::of(&package));
        self.of_source.insert(BySource(Arc::clone(&package)));
        self.by_rank.insert(ByRank(since, Arc::clone(&package)));
        self.members.insert(ByName(package), since);
        before
    }

    fn unlist(&mut self, spot: &Spot<'_>) -> Option<Arc<Package>> {
        let (ByName(before), since) = self.members.remove_with_key(spot)?;
        self.of_source.remove(&BySource(Arc::clone(&before)));
        self.by_rank.remove(&ByRank(since, Arc::clone(&before)));
        Some(before)
    }
}

impl PackageSet {
    /// How many packages it holds.
    pub fn len(&self) -> usize {
        self.components.values().map(|listing| listing.members.len()).fold(0, usize::saturating_add)
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.components.values().all(|listing| listing.members.is_empty())
    }

    /// How many versions an index lists of a name at most.
    pub fn versions(&self) -> Versions {
        self.versions
    }

    /// Limits an index to so many versions of a name from now on.
    pub fn limit(&mut self, versions: Versions) {
        self.versions = versions;
    }

    /// All packages with their components, by component, name, architecture and version.
    pub fn packages(&self) -> impl Iterator<Item = (&Component, &Arc<Package>)> {
        self.components.iter().flat_map(|(component, listing)| {
            std::iter::repeat(component).zip(listing.members.keys().map(|ByName(package)| package))
        })
    }

    /// The components that hold anything.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.components.keys()
    }

    /// The package at a place; of several versions the highest.
    pub fn at(&self, place: &Place) -> Option<&Arc<Package>> {
        self.all_at(place).last()
    }

    /// Every version at a place, the lowest first.
    pub fn all_at<'c>(
        &'c self,
        (component, name, architecture): &Place,
    ) -> impl Iterator<Item = &'c Arc<Package>> + use<'c> {
        let (name, architecture) = (name.clone(), architecture.clone());
        let listing = self.components.get(component);
        let from = listing.map(|listing| {
            let begin = Bound::Included(Spot(&name, Some(&architecture), None));
            listing.members.range((begin, Bound::Unbounded)).map(|(ByName(package), _)| package)
        });
        let here = move |one: &&Arc<Package>| one.name == name && one.architecture == architecture;
        from.into_iter().flatten().take_while(here)
    }

    /// Whether a component holds exactly this package.
    pub fn holds(&self, component: &Component, package: &Package) -> bool {
        let listing = self.components.get(component);
        let found = listing.and_then(|listing| listing.members.get_key_value(&Spot::of(package)));
        found.is_some_and(|(ByName(found), _)| found.digest == package.digest)
    }

    /// The generation that listed a package.
    pub fn since(&self, component: &Component, package: &Package) -> Option<u64> {
        self.components.get(component)?.members.get(&Spot::of(package)).copied()
    }

    /// The packages of a component from a rank on, or from the first: by the generation that listed
    /// them, and within a generation by name and version. Each comes with that generation.
    pub fn ranked<'c>(
        &'c self,
        component: &Component,
        first: Option<&Rank>,
    ) -> impl Iterator<Item = (u64, &'c Arc<Package>)> + use<'c> {
        let listing = self.components.get(component);
        listing.map(|listing| listing.ranked(first)).into_iter().flatten()
    }

    /// The packages of a component from a name on, or from the first, by name, architecture and
    /// version.
    pub fn from<'c>(
        &'c self,
        component: &Component,
        name: Option<&PackageName>,
    ) -> impl Iterator<Item = &'c Arc<Package>> + use<'c> {
        let listing = self.components.get(component);
        listing.map(|listing| listing.from(name)).into_iter().flatten()
    }

    /// The packages of a binary name in a component, by architecture and version.
    pub fn named<'c>(
        &'c self,
        component: &Component,
        name: &PackageName,
    ) -> impl Iterator<Item = &'c Arc<Package>> + use<'c> {
        let same = name.clone();
        self.from(component, Some(name)).take_while(move |package| package.name == same)
    }

    /// A source's packages with their components, in any component and architecture.
    pub fn of_source<'c>(
        &'c self,
        source: &PackageName,
    ) -> impl Iterator<Item = (&'c Component, &'c Arc<Package>)> + use<'c> {
        let source = source.clone();
        self.components.iter().flat_map(move |(component, listing)| {
            std::iter::repeat(component).zip(listing.of_source(&source))
        })
    }

    /// The places where the two sets hold something else. The cost grows with the difference, where
    /// one of them came from the other.
    pub fn differing(&self, other: &Self) -> BTreeSet<Place> {
        let nothing = Listing::default();
        let components: BTreeSet<_> =
            self.components.keys().chain(other.components.keys()).collect();
        let mut places = BTreeSet::new();
        for component in components {
            let of = |contents: &'_ Self| contents.components.get(component).cloned();
            let (ours, theirs) = (of(self), of(other));
            let ours = &ours.as_ref().unwrap_or(&nothing).members;
            for item in ours.diff(&theirs.as_ref().unwrap_or(&nothing).members) {
                // Only the generations are compared: at one place and version, a generation lists
                // one package.
                let ByName(package) = match item {
                    DiffItem::Update { old, new } if old.0.0 == new.0.0 => continue,
                    DiffItem::Update { new: (name, _), .. } => name,
                    DiffItem::Add(name, _) | DiffItem::Remove(name, _) => name,
                };
                places.insert(place_of(component, package));
            }
        }
        places
    }

    /// Lists a package beside the other versions at its place, by the generation `since`. Gives the
    /// package that was there under the same version.
    pub fn list(
        &mut self,
        component: &Component,
        package: Arc<Package>,
        since: u64,
    ) -> Option<Arc<Package>> {
        self.udebs = self.udebs.saturating_add(usize::from(is_udeb(&package)));
        let before = self.components.entry(component.clone()).or_default().list(package, since);
        self.forget(before.as_deref());
        before
    }

    /// Unlists a package.
    pub fn unlist(&mut self, component: &Component, package: &Package) {
        let Some(listing) = self.components.get_mut(component) else { return };
        let before = listing.unlist(&Spot::of(package));
        // Without empty components, two sets that hold the same are equal, whatever they held
        // before.
        if listing.members.is_empty() {
            self.components.remove(component);
        }
        self.forget(before.as_deref());
    }

    fn forget(&mut self, before: Option<&Package>) {
        let udebs = before.map_or(0, |before| usize::from(is_udeb(before)));
        self.udebs = self.udebs.saturating_sub(udebs);
    }

    /// Whether any package is for the installer.
    pub fn has_udebs(&self) -> bool {
        self.udebs > 0
    }

    /// Makes the moves of a plan, by the generation `since`.
    pub fn apply(&mut self, moves: &[Move], since: u64) {
        for one in moves {
            let component = &one.place.0;
            if let Some(package) = &one.from {
                self.unlist(component, package);
            }
            if let Some(package) = &one.to {
                self.list(component, Arc::clone(package), since);
            }
        }
    }
}

fn is_udeb(package: &Package) -> bool {
    package.kind == PackageKind::Udeb
}

#[cfg(test)]
mod tests;
