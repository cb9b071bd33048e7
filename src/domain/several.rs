//! Several: which versions a suite lists below the highest one of a name.
//!
//! The verbs decide which version of a name is the highest that is offered (`add.rs`,
//! `pinning.rs`). Below it, the suite lists the newest versions that it has accepted, up to its
//! number of versions: none that was withdrawn or removed, and none above its pin.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::debian::packages::LONGEST_PROVEN_BYTES;
use crate::debian::{Component, PackageKind, PackageName};
use crate::digest::Digest;
use crate::domain::draft::Draft;
use crate::domain::index_place::IndexPlace;
use crate::domain::listing::newest;
use crate::domain::moves::{exchanged, told};
use crate::domain::package_set::Named;
use crate::domain::pinning::pinned_version;
use crate::domain::place::place_of;
use crate::domain::{Move, Package, Place};

impl Draft<'_> {
    /// Every version of a name that is listed: the highest of each architecture, and those below
    /// them.
    pub fn listed_of(&self, (component, name): &Named) -> Vec<Arc<Package>> {
        let highest: Vec<_> = self
            .named(name)
            .into_iter()
            .filter(|(place, _)| place.0 == *component)
            .map(|(_, package)| package)
            .collect();
        let limit = self.spec.versions.limit();
        if limit == 1 || highest.is_empty() {
            return highest;
        }
        let mut listed: BTreeMap<Digest, Arc<Package>> = BTreeMap::new();
        let offered = self.offered(component, name);
        let kinds: Vec<PackageKind> = match highest.iter().any(|one| one.kind == PackageKind::Udeb)
        {
            true => vec![PackageKind::Deb, PackageKind::Udeb],
            false => vec![PackageKind::Deb],
        };
        for architecture in &self.spec.architectures {
            for kind in &kinds {
                let (component, architecture) = (component.clone(), architecture.clone());
                let place = IndexPlace { component, architecture, kind: *kind };
                let fitting = highest.iter().filter(|one| place.fits(one));
                let Some(top) = fitting.max_by(|a, b| a.version.compare(&b.version)) else {
                    continue;
                };
                let below = |one: &&Arc<Package>| {
                    place.fits(one) && one.version.compare(&top.version).is_le()
                };
                let below: Vec<_> = offered.iter().filter(below).collect();
                for one in newest(below.into_iter().cloned().collect(), limit) {
                    listed.insert(one.digest, one);
                }
            }
        }
        listed.extend(highest.into_iter().map(|package| (package.digest, package)));
        listed.into_values().collect()
    }

    /// Whether a package is listed in a component.
    pub fn lists(&self, component: &Component, package: &Package) -> bool {
        match self.spec.versions.is_one() {
            true => {
                let listed = self.at(&place_of(component, package));
                listed.is_some_and(|listed| listed.digest == package.digest)
            }
            false => {
                let listed = self.listed_of(&(component.clone(), package.name.clone()));
                listed.iter().any(|one| one.digest == package.digest)
            }
        }
    }

    /// What the suite has accepted of a name and offers, by architecture. Where one version is
    /// there for all architectures and for single ones, the single ones.
    fn offered(&self, component: &Component, name: &PackageName) -> Vec<Arc<Package>> {
        let mut offered: Vec<Arc<Package>> = self.accepted_of(component, name);
        offered.retain(|one| self.may_offer(one) && !self.is_held_back(component, one));
        offered.retain(|one| !self.is_under_way(component, one));
        offered.sort_by(|a, b| a.architecture.cmp(&b.architecture));
        let single: Vec<_> =
            offered.iter().filter(|one| !one.architecture.is_all()).cloned().collect();
        offered.retain(|one| {
            let same = |other: &Arc<Package>| {
                other.kind == one.kind && other.version.compare(&one.version).is_eq()
            };
            !one.architecture.is_all() || !single.iter().any(same)
        });
        offered
    }

    /// Whether a version that was accepted may be listed below the highest one.
    fn may_offer(&self, package: &Package) -> bool {
        let within = |pin: &crate::domain::Pin| {
            let version = pinned_version(&pin.target, package);
            pin.version.as_ref().is_some_and(|bound| version.compare(bound).is_le())
        };
        let is_read =
            usize::try_from(package.stanza_bytes).is_ok_and(|b| b <= LONGEST_PROVEN_BYTES);
        let may = self.may_list(package) && !self.is_withdrawn(package) && is_read;
        may && self.pin_of(package).is_none_or(within)
    }

    /// The moves at each place of these names, and the same moves for people.
    pub(super) fn exchanges(&self, names: &BTreeSet<Named>) -> (Vec<Move>, Vec<Move>) {
        let (mut moves, mut for_people) = (Vec::new(), Vec::new());
        for named in names {
            let mut places: BTreeMap<Place, [Vec<Arc<Package>>; 2]> = BTreeMap::new();
            for package in self.base_of(named) {
                let [before, _] = places.entry(place_of(&named.0, package)).or_default();
                before.push(Arc::clone(package));
            }
            for package in self.listed_of(named) {
                let [_, now] = places.entry(place_of(&named.0, &package)).or_default();
                now.push(package);
            }
            for (place, [before, now]) in places {
                moves.extend(exchanged(&place, &before, &now));
                for_people.extend(told(&place, &before, &now));
            }
        }
        (moves, for_people)
    }
}
