//! Contents: which packages a generation holds. A copy shares all but what is changed in it, so that
//! thousands of packages are kept in mind once, however many generations look at them.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use crate::debian::{Architecture, Component, PackageKind, PackageName};
use crate::domain::{Move, Package};

/// Where in a suite a package stands: one version for each.
pub type Place = (Component, PackageName, Architecture);

/// Which packages a generation holds.
///
/// Cloning costs nothing, and listing or unlisting one package costs the logarithm of their number.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Contents {
    members: OrdMap<Place, Arc<Package>>,
    /// The places of each source's packages.
    of_source: OrdSet<(PackageName, Place)>,
    /// How many of them are for the installer.
    udebs: usize,
}

impl Contents {
    /// The package at each place.
    pub fn members(&self) -> &OrdMap<Place, Arc<Package>> {
        &self.members
    }

    /// The package at a place.
    pub fn at(&self, place: &Place) -> Option<&Arc<Package>> {
        self.members.get(place)
    }

    /// The packages of a binary name in a component, by architecture.
    pub fn named<'c>(
        &'c self,
        component: &Component,
        name: &PackageName,
    ) -> impl Iterator<Item = (&'c Place, &'c Arc<Package>)> + use<'c> {
        let first = (component.clone(), name.clone(), Architecture::lowest());
        let here = first.clone();
        let same = move |place: &Place| place.0 == here.0 && place.1 == here.1;
        self.members.range(first..).take_while(move |(place, _)| same(place))
    }

    /// The places of a source's packages, in any component and architecture.
    pub fn places_of<'c>(
        &'c self,
        source: &PackageName,
    ) -> impl Iterator<Item = &'c Place> + use<'c> {
        let source = source.clone();
        let lowest = (Component::lowest(), PackageName::lowest(), Architecture::lowest());
        let all = self.of_source.range((source.clone(), lowest)..);
        all.take_while(move |(of, _)| *of == source).map(|(_, place)| place)
    }

    /// Lists a package at its place; gives what was there.
    pub fn list(&mut self, component: &Component, package: Arc<Package>) -> Option<Arc<Package>> {
        let place = (component.clone(), package.name.clone(), package.architecture.clone());
        let (source, udeb) = (package.source.clone(), is_udeb(&package));
        let before = self.members.insert(place.clone(), package);
        if let Some(before) = before.as_ref().filter(|before| before.source != source) {
            self.of_source.remove(&(before.source.clone(), place.clone()));
        }
        if let Some(before) = &before {
            self.udebs = self.udebs.saturating_sub(usize::from(is_udeb(before)));
        }
        self.udebs = self.udebs.saturating_add(usize::from(udeb));
        self.of_source.insert((source, place));
        before
    }

    /// Lists nothing at a place.
    pub fn unlist(&mut self, place: &Place) {
        if let Some(before) = self.members.remove(place) {
            self.udebs = self.udebs.saturating_sub(usize::from(is_udeb(&before)));
            self.of_source.remove(&(before.source.clone(), place.clone()));
        }
    }

    /// Whether any of them is for the installer.
    pub fn has_udebs(&self) -> bool {
        self.udebs > 0
    }

    /// Makes a plan's moves.
    pub fn apply(&mut self, moves: &[Move]) {
        for one in moves {
            match &one.to {
                Some(package) => drop(self.list(&one.place.0, Arc::clone(package))),
                None => self.unlist(&one.place),
            }
        }
    }
}

fn is_udeb(package: &Package) -> bool {
    package.kind == PackageKind::Udeb
}
