//! Listing: which of the packages of a generation an index lists, and in which order.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::debian::{Component, PackageName};
use crate::domain::contents::{Place, Rank, place_of};
use crate::domain::rope::IndexPlace;
use crate::domain::{Contents, Package};

/// What an index lists of a name, if anything.
pub type Listed = Option<Arc<Package>>;

/// The packages that an index lists, in its order: that in which they were listed, and by name what was
/// listed at once.
///
/// The index of an architecture lists its own packages and those of `all`. Where both have one of a
/// name, the higher version is listed and the other is not: with two listed, apt takes the higher, and
/// a rollback would not be obeyed.
pub fn listing<'c>(
    contents: &'c Contents,
    place: &IndexPlace,
) -> impl Iterator<Item = &'c Arc<Package>> + use<'c> {
    listing_from(contents, place, None).map(|(_, package)| package)
}

/// What an index lists of each name that differs between two generations: before, and now.
///
/// Costs what changed when one of them came from a copy of the other.
pub fn changes(old: &Contents, new: &Contents, place: &IndexPlace) -> Vec<(Listed, Listed)> {
    let fits = |(of, name, built): Place| {
        let here = of == place.component && (built == place.architecture || built.is_all());
        here.then_some(name)
    };
    let names: BTreeSet<PackageName> = old.differing(new).into_iter().filter_map(fits).collect();
    let listed = |contents, name| listed(contents, place, name).cloned();
    let both = names.iter().map(|name| (listed(old, name), listed(new, name)));
    both.filter(|(before, now)| before != now).collect()
}

/// What an index lists of a name.
fn listed<'c>(
    contents: &'c Contents,
    place: &IndexPlace,
    name: &PackageName,
) -> Option<&'c Arc<Package>> {
    let fitting = contents.named(&place.component, name).filter(|package| place.fits(package));
    fitting.reduce(|listed, rival| match rival.version.compare(&listed.version).is_gt() {
        true => rival,
        false => listed,
    })
}

impl IndexPlace {
    /// Whether its index may list a package of its component.
    fn fits(&self, package: &Package) -> bool {
        let built = &package.architecture;
        package.kind == self.kind && (*built == self.architecture || built.is_all())
    }
}

/// What an index lists from a rank on, with the generation that listed it.
pub(super) fn listing_from<'c>(
    contents: &'c Contents,
    place: &IndexPlace,
    first: Option<&Rank>,
) -> impl Iterator<Item = (u64, &'c Arc<Package>)> + use<'c> {
    let place = place.clone();
    contents.ranked(&place.component, first).filter(move |(_, package)| {
        let stands = |listed| Arc::ptr_eq(listed, package);
        place.fits(package) && listed(contents, &place, &package.name).is_some_and(stands)
    })
}

/// A package for each text of a component, from a name on: what is not listed because another version is
/// has one, too.
pub(super) fn texts_from<'c>(
    contents: &'c Contents,
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

/// Where an index lists a name.
pub(super) fn ranked(contents: &Contents, place: &IndexPlace, name: &PackageName) -> Option<Rank> {
    let listed = listed(contents, place, name)?;
    let since = contents.since(&place_of(&place.component, listed))?;
    Some(Rank { since, name: name.clone() })
}
