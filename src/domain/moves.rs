//! Moves: how the packages that are listed at a place of a suite change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::debian::Component;
use crate::domain::place::{Move, Place, place_of};
use crate::domain::{Package, PackageSet};

/// The moves at a place from the versions before to those of now: each version that goes or comes
/// is in one move.
pub(super) fn exchanged(place: &Place, before: &[Arc<Package>], now: &[Arc<Package>]) -> Vec<Move> {
    let mut gone = without(before, now).into_iter();
    let mut come = without(now, before).into_iter();
    std::iter::from_fn(|| {
        let (from, to) = (gone.next(), come.next());
        let some = from.is_some() || to.is_some();
        some.then(|| Move { place: place.clone(), from, to })
    })
    .collect()
}

/// The same for people. The first move goes from the highest version to the next highest, as hosts
/// do, even if either is listed before and after. The others are the other versions that go and
/// come.
pub(super) fn told(place: &Place, before: &[Arc<Package>], now: &[Arc<Package>]) -> Vec<Move> {
    let (was, is) = (highest(before), highest(now));
    let same = was.map(|p| p.digest) == is.map(|p| p.digest);
    let first = (!same).then(|| Move { place: place.clone(), from: was.cloned(), to: is.cloned() });
    let other = |one: &Arc<Package>, than: Option<&Arc<Package>>| {
        same || than.is_none_or(|than| than.digest != one.digest)
    };
    let gone = without(before, now).into_iter().filter(|one| other(one, was));
    let gone = gone.map(|one| Move { place: place.clone(), from: Some(one), to: None });
    let come = without(now, before).into_iter().filter(|one| other(one, is));
    let come = come.map(|one| Move { place: place.clone(), from: None, to: Some(one) });
    first.into_iter().chain(gone).chain(come).collect()
}

/// What differs between two generations, for people.
pub fn between(old: &PackageSet, new: &PackageSet) -> Vec<Move> {
    let at = |contents: &PackageSet, place: &Place| -> Vec<_> {
        contents.all_at(place).cloned().collect()
    };
    let places = old.differing(new);
    places.iter().flat_map(|place| told(place, &at(old, place), &at(new, place))).collect()
}

/// What goes and what comes, paired by place, in the order of their names.
pub fn of_lists(
    gone: Vec<(Component, Arc<Package>)>,
    come: Vec<(Component, Arc<Package>)>,
) -> Vec<Move> {
    let mut places: BTreeMap<_, [Vec<_>; 2]> = BTreeMap::new();
    for (side, list) in [gone, come].into_iter().enumerate() {
        for (component, package) in list {
            let (_, name, architecture) = place_of(&component, &package);
            let sides = places.entry((name, architecture, component)).or_default();
            if let Some(side) = sides.get_mut(side) {
                side.push(package);
            }
        }
    }
    let moves = places.into_iter().flat_map(|((name, architecture, component), [gone, come])| {
        exchanged(&(component, name, architecture), &gone, &come)
    });
    moves.collect()
}

fn highest(packages: &[Arc<Package>]) -> Option<&Arc<Package>> {
    packages.iter().max_by(|a, b| a.version.cmp(&b.version))
}

/// The packages that are not among `others`, the highest version first.
fn without(packages: &[Arc<Package>], others: &[Arc<Package>]) -> Vec<Arc<Package>> {
    let others: BTreeSet<_> = others.iter().map(|other| other.digest).collect();
    let left = packages.iter().filter(|one| !others.contains(&one.digest));
    let mut left: Vec<_> = left.cloned().collect();
    left.sort_by(|a, b| b.version.cmp(&a.version));
    left
}
