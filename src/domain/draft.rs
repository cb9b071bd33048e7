//! The draft: a suite as it would be after the changes taken so far. Changes are applied to it one
//! after the other; each either applies whole or leaves it as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::debian::{Architecture, Component, PackageName, SuiteName, Version};
use crate::digest::Digest;
use crate::domain::holding::{HeldBack, Holding};
use crate::domain::package_set::{Named, Place, place_of};
use crate::domain::rollout::Rolling;
use crate::domain::yanked::Yanking;
use crate::domain::{
    Acceptance, Hold, Package, PackageSet, Pin, PinKind, PinTarget, SuiteSpec, Withdrawn,
};

/// A suite under change.
#[derive(Clone)]
pub struct Draft<'a> {
    pub(super) base: &'a PackageSet,
    pub(super) overlay: BTreeMap<Place, Option<Arc<Package>>>,
    /// The places where the overlay has packages of a source: a lookup by source reads only these.
    put_of: BTreeSet<(PackageName, Place)>,
    /// What the suite is, with edits.
    pub spec: SuiteSpec,
    pub(super) edited: bool,
    /// The suite that its alias may be taken from.
    pub alias_from: Option<SuiteName>,
    pub(super) old_pins: BTreeMap<PinTarget, Pin>,
    pub(super) pins: BTreeMap<PinTarget, Pin>,
    pub(super) old_withdrawn: BTreeSet<Withdrawn>,
    pub(super) withdrawn: BTreeSet<Withdrawn>,
    pub(super) accepted: BTreeMap<Digest, Acceptance>,
    /// Where several versions are listed: what the suite has accepted of some names.
    pub(super) known: BTreeMap<Named, BTreeMap<Digest, Arc<Package>>>,
    pub(super) holding: Holding,
    pub(super) rolling: Rolling,
    pub(super) yanking: Yanking,
    /// Whether any name may have other listed versions than before.
    pub(super) is_relisted: bool,
}

/// A place, and what is listed there.
pub type Placed = (Place, Option<Arc<Package>>);

impl<'a> Draft<'a> {
    /// A draft that changes nothing yet.
    pub fn new(
        spec: &SuiteSpec,
        contents: &'a PackageSet,
        pins: &[Pin],
        withdrawn: &[Withdrawn],
    ) -> Self {
        let pins: BTreeMap<_, _> =
            pins.iter().map(|pin| (pin.target.clone(), pin.clone())).collect();
        let withdrawn: BTreeSet<_> = withdrawn.iter().cloned().collect();
        Self {
            base: contents,
            overlay: BTreeMap::new(),
            put_of: BTreeSet::new(),
            spec: spec.clone(),
            edited: false,
            alias_from: None,
            old_pins: pins.clone(),
            pins,
            old_withdrawn: withdrawn.clone(),
            withdrawn,
            accepted: BTreeMap::new(),
            known: BTreeMap::new(),
            holding: Holding::default(),
            rolling: Rolling::default(),
            yanking: Yanking::default(),
            is_relisted: false,
        }
    }

    /// The same draft of a suite with this hold, and with what came since.
    pub fn held(self, hold: Option<&Hold>, back: &Arc<HeldBack>) -> Self {
        Self { holding: Holding::new(hold, back), ..self }
    }

    /// The hold of the suite.
    pub fn hold(&self) -> Option<&Hold> {
        self.holding.hold()
    }

    /// Whether a package came while the suite is held.
    pub fn is_held_back(&self, component: &Component, package: &Package) -> bool {
        self.holding.has(&(component.clone(), package.digest))
    }

    /// The names of what came while the suite is held.
    pub fn held_back_names(&self) -> BTreeSet<PackageName> {
        self.holding.back().map(|package| package.name.clone()).collect()
    }

    /// The package at a place; of several versions the highest.
    pub fn at(&self, place: &Place) -> Option<&Arc<Package>> {
        match self.overlay.get(place) {
            Some(changed) => changed.as_ref(),
            None => self.base.at(place),
        }
    }

    /// Whether it lists nothing at all.
    pub fn lists_nothing(&self) -> bool {
        self.base.is_empty() && self.overlay.values().all(Option::is_none)
    }

    /// Whether it lists any package of a binary name.
    pub fn lists_name(&self, name: &PackageName) -> bool {
        let anywhere = |component: &Component| {
            let kept = |one: &Arc<Package>| !self.overlay.contains_key(&place_of(component, one));
            self.base.named(component, name).any(kept)
                || self.changed_of(component, name).any(|(_, listed)| listed.is_some())
        };
        self.spec.components.iter().any(anywhere)
    }

    /// The places of a binary name in a component that the overlay changes.
    fn changed_of<'d>(
        &'d self,
        component: &'d Component,
        name: &'d PackageName,
    ) -> impl Iterator<Item = (&'d Place, &'d Option<Arc<Package>>)> {
        let first = (component.clone(), name.clone(), Architecture::lowest());
        let here = move |place: &Place| place.0 == *component && place.1 == *name;
        self.overlay.range(first..).take_while(move |(place, _)| here(place))
    }

    /// Every listed package of a binary name, in any component and architecture; of several versions the
    /// highest, which is the one that hosts take.
    pub fn named(&self, name: &PackageName) -> Vec<(Place, Arc<Package>)> {
        let mut found: Vec<(Place, Arc<Package>)> = Vec::new();
        for component in &self.spec.components {
            let unchanged = self.base.named(component, name);
            let placed = unchanged.map(|package| (place_of(component, package), package));
            for (place, package) in placed.filter(|(place, _)| !self.overlay.contains_key(place)) {
                // The versions of a place follow each other, the highest last.
                found.pop_if(|(last, _)| *last == place);
                found.push((place, Arc::clone(package)));
            }
            let changed = self.changed_of(component, name);
            let listed =
                changed.filter_map(|(place, p)| Some((place.clone(), Arc::clone(p.as_ref()?))));
            found.extend(listed);
        }
        found
    }

    /// Every listed package that a pin of this target would hold.
    pub fn members(&self, target: &PinTarget) -> Vec<(Place, Arc<Package>)> {
        let mut members = match target.kind {
            PinKind::Binary => self.named(&target.name),
            PinKind::Source => self.of_source(&target.name),
        };
        members.retain(|(_, package)| target.holds(package));
        members
    }

    /// Every version of a target that was listed before the draft.
    pub(super) fn listed_before(&self, target: &PinTarget) -> Vec<Arc<Package>> {
        let components = self.spec.components.iter();
        let mut before: Vec<_> = match target.kind {
            PinKind::Source => self.base.of_source(&target.name).map(|(_, p)| p).cloned().collect(),
            PinKind::Binary => {
                components.flat_map(|one| self.base.named(one, &target.name)).cloned().collect()
            }
        };
        before.retain(|package| target.holds(package));
        before
    }

    pub(super) fn of_source(&self, source: &PackageName) -> Vec<(Place, Arc<Package>)> {
        let before = self.base.of_source(source);
        let before = before.map(|(component, package)| place_of(component, package));
        let lowest = (Component::lowest(), PackageName::lowest(), Architecture::lowest());
        let put = self.put_of.range((source.clone(), lowest)..);
        let put = put.take_while(|(of, _)| of == source).map(|(_, place)| place.clone());
        let places: BTreeSet<Place> = before.chain(put).collect();
        let listed = places.into_iter().filter_map(|place| {
            let package = Arc::clone(self.at(&place)?);
            Some((place, package))
        });
        listed.filter(|(_, package)| package.source == *source).collect()
    }

    /// Every place that lists something else than in `then`, with what it lists here.
    ///
    /// The cost grows with the difference, not the size, where `then` came from the same contents.
    pub fn differing(&self, then: &PackageSet) -> Vec<(Place, Option<Arc<Package>>)> {
        let mut places: BTreeSet<Place> = self.overlay.keys().cloned().collect();
        places.extend(self.base.differing(then));
        let digest = |package: Option<&Arc<Package>>| package.map(|p| p.digest);
        let listed = places.into_iter().map(|place| (self.at(&place).cloned(), place));
        let other = listed.filter(|(here, place)| digest(here.as_ref()) != digest(then.at(place)));
        other.map(|(here, place)| (place, here)).collect()
    }

    /// The names that the suite does not own, of packages that the draft lists anew; with `all`, of
    /// all that it lists.
    pub fn foreign(&self, all: bool) -> BTreeSet<PackageName> {
        let foreign =
            self.listed(all).filter(|package| !self.spec.takes_name(package.name.as_str()));
        foreign.map(|package| package.name.clone()).collect()
    }

    /// The packages of architectures that the suite does not have, of those that the draft lists
    /// anew; with `all`, of all that it lists. No host would see them.
    pub fn homeless(&self, all: bool) -> BTreeSet<(PackageName, Architecture)> {
        let homeless = self.listed(all).filter(|package| !self.spec.takes(&package.architecture));
        homeless.map(|package| (package.name.clone(), package.architecture.clone())).collect()
    }

    /// Whether the suite takes the package's name and has its architecture: only then hosts see it.
    pub fn may_list(&self, package: &Package) -> bool {
        self.spec.takes_name(package.name.as_str()) && self.spec.takes(&package.architecture)
    }

    /// The packages that the draft lists anew; with `all`, all that it lists.
    fn listed(&self, all: bool) -> impl Iterator<Item = &Arc<Package>> {
        let kept = self.base.packages().filter(move |(component, package)| {
            all && !self.overlay.contains_key(&place_of(component, package))
        });
        self.overlay.values().flatten().chain(kept.map(|(_, package)| package))
    }

    /// Lists a package at its place, in place of what was there.
    pub fn put(&mut self, component: &Component, package: &Arc<Package>) {
        let place = (component.clone(), package.name.clone(), package.architecture.clone());
        self.put_of.insert((package.source.clone(), place.clone()));
        self.overlay.insert(place, Some(Arc::clone(package)));
    }

    /// Unlists the packages of these architectures that were listed before the draft.
    pub fn clear_all_of(&mut self, architectures: &[Architecture]) {
        let of_them = |package: &Package| architectures.contains(&package.architecture);
        let kept = self.base.packages().filter(|(_, package)| of_them(package));
        let places: Vec<Place> = kept.map(|(component, one)| place_of(component, one)).collect();
        places.iter().for_each(|place| self.clear(place));
    }

    /// Unlists what is at a place.
    pub fn clear(&mut self, place: &Place) {
        self.overlay.insert(place.clone(), None);
    }

    /// The pin that holds a package; one on the binary goes before one on its source.
    pub fn pin_of(&self, package: &Package) -> Option<&Pin> {
        let target = |kind, name: &PackageName| PinTarget { kind, name: name.clone() };
        self.pins
            .get(&target(PinKind::Binary, &package.name))
            .or_else(|| self.pins.get(&target(PinKind::Source, &package.source)))
            .filter(|pin| pin.target.holds(package))
    }

    /// The pin of a target.
    pub fn pin(&self, target: &PinTarget) -> Option<&Pin> {
        self.pins.get(target)
    }

    /// Every pin in force.
    pub fn pins(&self) -> impl Iterator<Item = &Pin> {
        self.pins.values()
    }

    /// Sets a pin, replacing any on the same target.
    pub fn set_pin(&mut self, pin: Pin) {
        self.pins.insert(pin.target.clone(), pin);
    }

    /// Ends a pin.
    pub fn end_pin(&mut self, target: &PinTarget) {
        self.pins.remove(target);
    }

    /// Records that a version was rolled back from or removed: it does not come back by itself.
    pub fn withdraw(&mut self, withdrawn: Withdrawn) {
        self.withdrawn.insert(withdrawn);
    }

    /// The versions that do not come back by themselves.
    pub fn withdrawn(&self) -> impl Iterator<Item = &Withdrawn> {
        self.withdrawn.iter()
    }

    /// Lets a version come back.
    pub fn restore(&mut self, withdrawn: &Withdrawn) {
        self.withdrawn.remove(withdrawn);
    }

    /// Whether a package's version was withdrawn, or is yanked.
    pub fn is_withdrawn(&self, package: &Package) -> bool {
        if self.yanking.of(package).is_some() {
            return true;
        }
        let withdrawn = |kind, name: &PackageName, version: &Version| {
            let target = PinTarget { kind, name: name.clone() };
            let holds = target.holds(package);
            holds && self.withdrawn.contains(&Withdrawn { target, version: version.clone() })
        };
        withdrawn(PinKind::Source, &package.source, &package.source_version)
            || withdrawn(PinKind::Binary, &package.name, &package.version)
    }

    /// What changed since `before`, an earlier state of this draft: places, with what they list
    /// now, and targets whose pin or withdrawn versions changed.
    pub fn since(&self, before: &Self) -> (Vec<Placed>, BTreeSet<PinTarget>) {
        let digest = |package: Option<&Arc<Package>>| package.map(|p| p.digest);
        let moved = self
            .overlay
            .iter()
            .filter(|(place, now)| digest(now.as_ref()) != digest(before.at(place)));
        let moved = moved.map(|(place, now)| (place.clone(), now.clone())).collect();
        let pins = [(&self.pins, &before.pins), (&before.pins, &self.pins)];
        let pins = pins.into_iter().flat_map(|(one, other)| {
            one.values().filter(|pin| other.get(&pin.target) != Some(pin)).map(|pin| &pin.target)
        });
        let withdrawn = self
            .withdrawn
            .symmetric_difference(&before.withdrawn)
            .map(|withdrawn| &withdrawn.target);
        (moved, pins.chain(withdrawn).cloned().collect())
    }

    /// Takes a package into the suite, listed or not.
    pub fn accept(&mut self, acceptance: Acceptance, package: &Arc<Package>) {
        self.learn([(acceptance.component.clone(), Arc::clone(package))]);
        self.accepted.insert(acceptance.digest, acceptance);
    }

    /// Notes what the suite accepted before. Where several versions are listed, a change of a name
    /// looks at all that the suite has of it.
    pub fn learn(&mut self, accepted: impl IntoIterator<Item = (Component, Arc<Package>)>) {
        if self.spec.versions.is_one() {
            return;
        }
        for (component, package) in accepted {
            let known = self.known.entry((component, package.name.clone())).or_default();
            known.insert(package.digest, package);
        }
    }

    /// The noted packages of a name that the suite has accepted, and those that it lists.
    pub(super) fn accepted_of(
        &self,
        component: &Component,
        name: &PackageName,
    ) -> Vec<Arc<Package>> {
        let named = (component.clone(), name.clone());
        let mut accepted = self.known.get(&named).cloned().unwrap_or_default();
        let listed = self.base.named(component, name).cloned();
        let highest = self.named(name).into_iter().filter(|(place, _)| place.0 == *component);
        let listed = listed.chain(highest.map(|(_, package)| package));
        accepted.extend(listed.map(|package| (package.digest, package)));
        accepted.into_values().collect()
    }

    /// The packages of a name that were listed before the draft.
    pub(super) fn base_of(
        &self,
        (component, name): &Named,
    ) -> impl Iterator<Item = &'a Arc<Package>> {
        self.base.named(component, name)
    }

    /// Whether the draft itself has taken this package into the suite.
    pub fn accepts(&self, digest: &Digest) -> bool {
        self.accepted.contains_key(digest)
    }

    /// Replaces the suite's spec.
    pub fn edit(&mut self, spec: SuiteSpec) {
        self.edited |= spec != self.spec;
        self.is_relisted |= spec.versions != self.spec.versions;
        self.spec = spec;
    }
}
