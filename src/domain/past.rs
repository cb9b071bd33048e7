//! The past of a package in a suite: which versions were live, and which one a rollback goes to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::debian::{Component, Version};
use crate::digest::Digest;
use crate::domain::package_set::{Place, place_of};
use crate::domain::{Package, PinTarget, Tenure, pin::PinKind};

/// Packages with their components: what a suite lists of one source (or one binary).
pub type Selection = BTreeMap<Digest, (Component, Arc<Package>)>;

/// Everything that a suite ever listed of one source (or one binary).
pub struct Past {
    target: PinTarget,
    tenures: Vec<Tenure>,
    packages: BTreeMap<Digest, Arc<Package>>,
}

/// The version of a selection: the highest source version in it, and among its binaries the highest
/// binary version, so that a rebuild of the same source counts as a step.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Label {
    /// The version a pin names.
    pub pinned: Version,
    /// Distinguishes rebuilds of one source.
    pub rebuild: Version,
}

impl Past {
    /// The past of `target`, from the tenures of its packages and the packages themselves.
    pub fn new(target: PinTarget, tenures: Vec<Tenure>, packages: Vec<Arc<Package>>) -> Self {
        let packages: BTreeMap<_, _> =
            packages.into_iter().filter(|p| target.holds(p)).map(|p| (p.digest, p)).collect();
        let tenures = tenures.into_iter().filter(|t| packages.contains_key(&t.digest)).collect();
        Self { target, tenures, packages }
    }

    /// Everything that was ever listed, with its component.
    pub fn listed(&self) -> impl Iterator<Item = (Component, Arc<Package>)> {
        let package =
            |t: &Tenure| Some((t.component.clone(), Arc::clone(self.packages.get(&t.digest)?)));
        self.tenures.iter().filter_map(package)
    }

    /// What was listed in a generation; of several versions the highest.
    pub fn at(&self, generation: u64) -> Selection {
        let holds =
            |t: &&Tenure| t.from <= generation && t.until.is_none_or(|until| generation < until);
        let package = |t: &Tenure| {
            Some((t.digest, (t.component.clone(), Arc::clone(self.packages.get(&t.digest)?))))
        };
        let mut highest: BTreeMap<Place, (Digest, (Component, Arc<Package>))> = BTreeMap::new();
        for (digest, (component, package)) in self.tenures.iter().filter(holds).filter_map(package)
        {
            let place = place_of(&component, &package);
            let above = |(_, (_, known)): &(_, (_, Arc<Package>))| known.version < package.version;
            if highest.get(&place).is_none_or(above) {
                highest.insert(place, (digest, (component, package)));
            }
        }
        highest.into_values().collect()
    }

    /// The version of a selection; `None` when it is empty.
    pub fn label(&self, selection: &Selection) -> Option<Label> {
        label(&self.target, selection.values().map(|(_, package)| &**package))
    }

    /// The target of a rollback: the last selection with the version that was live before the
    /// present one and that was not withdrawn. Going back twice goes back two versions; it never
    /// toggles.
    pub fn before_present(
        &self,
        withdrawn: impl Fn(&Package) -> bool,
    ) -> Option<(Label, Selection)> {
        let mut stack: Vec<Label> = Vec::new();
        let mut last_seen: BTreeMap<Label, u64> = BTreeMap::new();
        for generation in self.turning_points() {
            let Some(label) = self.label(&self.at(generation)) else { continue };
            match stack.iter().position(|known| *known == label) {
                Some(position) => stack.truncate(position.saturating_add(1)),
                None => stack.push(label.clone()),
            }
            last_seen.insert(label, generation);
        }
        stack.pop()?;
        while let Some(target) = stack.pop() {
            let selection = self.at(*last_seen.get(&target)?);
            if !selection.values().any(|(_, package)| withdrawn(package)) {
                return Some((target, selection));
            }
        }
        None
    }

    /// Every generation in which something of this package came or went.
    fn turning_points(&self) -> BTreeSet<u64> {
        self.tenures.iter().flat_map(|t| [Some(t.from), t.until]).flatten().collect()
    }

    /// The last selection of this version; `None` when it was never live.
    pub fn last_with(&self, version: &Version) -> Option<Selection> {
        let points = self.turning_points();
        points
            .into_iter()
            .rev()
            .map(|generation| self.at(generation))
            .find(|selection| self.label(selection).is_some_and(|label| label.pinned == *version))
    }
}

/// The version of these packages of one target.
pub fn label<'p>(target: &PinTarget, packages: impl Iterator<Item = &'p Package>) -> Option<Label> {
    let pinned = |package: &Package| match target.kind {
        PinKind::Source => package.source_version.clone(),
        PinKind::Binary => package.version.clone(),
    };
    packages.map(|p| Label { pinned: pinned(p), rebuild: p.version.clone() }).max()
}
