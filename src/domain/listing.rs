//! Listing: which of the packages of a generation an index lists, and in which order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::debian::{Component, PackageName};
use crate::digest::Digest;
use crate::domain::index_place::IndexPlace;
use crate::domain::package_set::{Place, Rank};
use crate::domain::{Package, PackageSet};

/// A package that an index lists, if any.
pub type Listed = Option<Arc<Package>>;

/// The packages that an index lists, in its order: by the generation that listed them, and within a
/// generation by name and version.
///
/// The index of an architecture lists its own packages and those of `all`. Where both have some of
/// a name, they compete as one name: only the highest versions of all of them are listed, as many
/// as the suite lists. With more, apt would take the highest, and a rollback would not be obeyed.
pub fn listing<'c>(
    contents: &'c PackageSet,
    place: &IndexPlace,
) -> impl Iterator<Item = &'c Arc<Package>> + use<'c> {
    listing_from(contents, place, None).map(|(_, package)| package)
}

/// What an index lists of each name that differs between two generations: before, and now. Packages
/// of a name that go are before those that come. Where something goes, the packages of the name
/// that stay are added again after it, so that they keep the paths that they share with it.
///
/// The cost grows with the difference when one of them came from a copy of the other.
pub fn changes(old: &PackageSet, new: &PackageSet, place: &IndexPlace) -> Vec<(Listed, Listed)> {
    let fits = |(of, name, built): Place| {
        let here = of == place.component && (built == place.architecture || built.is_all());
        here.then_some(name)
    };
    let mut names: BTreeSet<PackageName> =
        old.differing(new).into_iter().filter_map(fits).collect();
    // With another number of versions, an index lists other packages of a name that two
    // architectures have.
    if old.versions() != new.versions() {
        names.extend(new.from(&place.component, None).map(|package| package.name.clone()));
    }
    names.iter().flat_map(|name| changes_of(name, old, new, place)).collect()
}

fn changes_of(
    name: &PackageName,
    old: &PackageSet,
    new: &PackageSet,
    place: &IndexPlace,
) -> Vec<(Listed, Listed)> {
    let (before, now) = (listed(old, place, name), listed(new, place, name));
    let is_in = |all: &[&Arc<Package>], one: &Package| all.iter().any(|p| p.digest == one.digest);
    let mut gone: Vec<_> =
        before.iter().filter(|one| !is_in(&now, one)).copied().cloned().collect();
    let (kept, come): (Vec<_>, Vec<_>) = now.into_iter().partition(|one| is_in(&before, one));
    let last = gone.pop();
    let kept = if last.is_some() { kept } else { Vec::new() };
    let mut come = come.into_iter().chain(kept).cloned();
    let mut changes: Vec<_> = gone.into_iter().map(|one| (Some(one), None)).collect();
    changes.extend(last.map(|last| (Some(last), come.next())));
    changes.extend(come.map(|one| (None, Some(one))));
    changes
}

/// The packages of a name that an index lists, the highest version first.
fn listed<'c>(
    contents: &'c PackageSet,
    place: &IndexPlace,
    name: &PackageName,
) -> Vec<&'c Arc<Package>> {
    let fitting = contents.named(&place.component, name).filter(|package| place.fits(package));
    let fitting: Vec<_> = fitting.collect();
    newest(fitting, contents.versions().limit())
}

/// The highest versions of packages for an architecture and for all, at most `limit`, the highest
/// first. Of two packages with one version, the first.
pub(super) fn newest<P: AsRef<Package>>(mut packages: Vec<P>, limit: usize) -> Vec<P> {
    packages.sort_by(|a, b| b.as_ref().version.compare(&a.as_ref().version));
    packages.dedup_by(|later, one| later.as_ref().version.compare(&one.as_ref().version).is_eq());
    packages.truncate(limit);
    packages
}

/// Whether an index lists a package that it may list.
fn is_listed(contents: &PackageSet, place: &IndexPlace, package: &Arc<Package>) -> bool {
    let fitting = contents.named(&place.component, &package.name).filter(|one| place.fits(one));
    let (mut count, mut alone) = (0_usize, true);
    for one in fitting {
        count = count.saturating_add(1);
        alone &= one.architecture == package.architecture;
    }
    // Most names have packages of one architecture in an index, and not more than it lists.
    (alone && count <= contents.versions().limit())
        || listed(contents, place, &package.name).iter().any(|one| Arc::ptr_eq(one, package))
}

/// What an index lists from a rank on, each with the generation that listed it.
pub(super) fn listing_from<'c>(
    contents: &'c PackageSet,
    place: &IndexPlace,
    first: Option<&Rank>,
) -> impl Iterator<Item = (u64, &'c Arc<Package>)> + use<'c> {
    let place = place.clone();
    contents
        .ranked(&place.component, first)
        .filter(move |(_, package)| place.fits(package) && is_listed(contents, &place, package))
}

/// One package for each text of a component, from a name on. Packages that are not listed, because
/// another version is, count too.
pub(super) fn texts_from<'c>(
    contents: &'c PackageSet,
    component: &Component,
    first: Option<&PackageName>,
) -> impl Iterator<Item = &'c Arc<Package>> + use<'c> {
    let mut packages =
        contents.from(component, first).filter(|package| package.text.is_some()).peekable();
    let mut named: Vec<&Arc<Package>> = Vec::new();
    std::iter::from_fn(move || {
        if named.is_empty() {
            named.push(packages.next()?);
            while let Some(next) =
                packages.next_if(|next| named.first().is_some_and(|first| first.name == next.name))
            {
                named.push(next);
            }
            named.sort_by_key(|package| Reverse(package.text));
            named.dedup_by(|a, b| a.text == b.text);
        }
        named.pop()
    })
}

/// The packages of a name that an index lists, by their ranks.
pub(super) fn ranked(
    contents: &PackageSet,
    place: &IndexPlace,
    name: &PackageName,
) -> BTreeMap<Rank, Digest> {
    let rank = |package: &&Arc<Package>| {
        let since = contents.since(&place.component, package)?;
        Some((Rank::of(since, package), package.digest))
    };
    listed(contents, place, name).iter().filter_map(rank).collect()
}
