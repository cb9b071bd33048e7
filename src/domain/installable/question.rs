//! Question: a change as far as some names are concerned, and what a host finds of a relation before and after.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::touched::{Avoiders, asked};
use super::{Named, Need};
use crate::debian::relation::{Operator, Qualifier, Relation};
use crate::debian::{Architecture, Dependencies, MultiArch, PackageKind, PackageName, Version};
use crate::digest::Digest;
use crate::domain::Package;

/// A package that is listed, and the architecture that it counts for on a host.
pub(super) type Found<'q> = (&'q Arc<Package>, &'q Architecture);

/// A change, as far as some names are concerned.
#[derive(Clone, Copy)]
pub struct Question<'q> {
    /// Those of the suite.
    pub architectures: &'q [Architecture],
    /// What was listed, of the names that are asked for and those that they depend on.
    pub before: &'q Named,
    /// What will be listed of them.
    pub after: &'q Named,
    /// What packages need and provide; of what is not here, nothing but name and version counts.
    pub dependencies: &'q HashMap<Digest, Arc<Dependencies>>,
    /// Names of packages that may provide a name.
    pub providers: &'q BTreeMap<PackageName, Vec<PackageName>>,
    /// Who breaks or conflicts with a name, of the packages that were read.
    pub avoiders: &'q Avoiders,
    /// The names that the suite answers for, of those that are depended on.
    pub own: &'q BTreeSet<PackageName>,
    /// The names of which anything moved, provided ones among them.
    pub touched: &'q BTreeSet<PackageName>,
}

/// A host as far as it matters to apt.
pub(super) struct Host<'h> {
    pub native: &'h Architecture,
    pub foreign: Vec<&'h Architecture>,
}

impl<'h> Host<'h> {
    /// A host without foreign architectures.
    pub fn of(native: &'h Architecture) -> Self {
        Self { native, foreign: Vec::new() }
    }

    pub fn all(&self) -> impl Iterator<Item = &'h Architecture> {
        std::iter::once(self.native).chain(self.foreign.iter().copied())
    }

    /// For what a package counts as built there.
    pub fn built<'p>(&self, package: &'p Package) -> &'p Architecture
    where
        'h: 'p,
    {
        if package.architecture.is_all() { self.native } else { &package.architecture }
    }
}

impl<'q> Question<'q> {
    /// Hosts of one architecture, and those of each that take packages of all the suite's others as well.
    pub(super) fn hosts(&self, built: &'q Architecture) -> Vec<Host<'q>> {
        let mut hosts = vec![Host::of(built)];
        if self.architectures.len() > 1 {
            hosts.extend(self.architectures.iter().map(|native| {
                let foreign = self.architectures.iter().filter(|other| *other != native).collect();
                Host { native, foreign }
            }));
        }
        hosts
    }

    /// What a package needs and provides, as far as it was read.
    pub(super) fn read(&self, package: &Package) -> Option<&'q Dependencies> {
        self.dependencies.get(&package.digest).map(Arc::as_ref)
    }

    pub(super) fn multi_arch(&self, package: &Package) -> MultiArch {
        self.read(package).map(|read| read.multi_arch).unwrap_or_default()
    }

    /// What a package does not find on a host; of one that did not move, only what may have changed.
    pub(super) fn unmet(
        &self,
        state: &Named,
        package: &Package,
        host: &Host<'_>,
        all: bool,
    ) -> Vec<Need> {
        let Some(read) = self.read(package) else { return Vec::new() };
        let needs = asked(read, self.touched, all);
        let mut unmet: Vec<Need> =
            needs.filter(|need| !self.is_met(state, need, package, host)).cloned().collect();
        if all && read.multi_arch == MultiArch::Same {
            unmet.extend(out_of_step(state, package, host).map(|need| vec![need]));
        }
        unmet
    }

    /// Whether any alternative of a need is there, or is none of the suite's names.
    pub(super) fn is_met(&self, state: &Named, need: &Need, by: &Package, host: &Host<'_>) -> bool {
        let met = |one: &Relation| {
            !self.own.contains(&one.package) || self.meeting(state, one, by, host).next().is_some()
        };
        need.iter().any(met)
    }

    /// All that is listed and meets a relation, by its own name or as what it provides. What is built for the
    /// architecture of the asker comes first, as nearly everything is found there.
    pub(super) fn meeting<'s, 'n>(
        &'s self,
        state: &'n Named,
        one: &'s Relation,
        by: &'n Package,
        host: &'s Host<'n>,
    ) -> impl Iterator<Item = Found<'n>> + use<'s, 'n, 'q> {
        let by = host.built(by);
        let built = std::iter::once(by).chain(host.all().filter(move |other| *other != by));
        built.flat_map(move |built| {
            let itself = candidate(state, &one.package, host, built);
            let itself = itself.filter(move |p| self.is_itself(p, one, by, built, host));
            let providers = self.providers.get(&one.package).into_iter().flatten();
            let provided = providers.filter_map(move |name| candidate(state, name, host, built));
            let provided = provided.filter(move |p| self.provides(p, one, by, built, host));
            itself.into_iter().chain(provided).map(move |package| (package, built))
        })
    }

    fn is_itself(
        &self,
        package: &Package,
        one: &Relation,
        by: &Architecture,
        built: &Architecture,
        host: &Host<'_>,
    ) -> bool {
        one.accepts(Some(&package.version)) && fits(one, by, built, self.multi_arch(package), host)
    }

    /// Whether a package is taken for another.
    fn provides(
        &self,
        package: &Package,
        one: &Relation,
        by: &Architecture,
        built: &Architecture,
        host: &Host<'_>,
    ) -> bool {
        let Some(read) = self.read(package) else { return false };
        read.provided(&one.package).any(|provided| {
            let fits = match &provided.qualifier {
                // It says itself for which architecture, and for no other.
                Some(Qualifier::Concrete(given)) => fits(one, by, given, MultiArch::No, host),
                _ => fits(one, by, built, read.multi_arch, host),
            };
            fits && one.accepts(provided.given_version())
        })
    }

    /// The version that a host of its own finds of what a package is built for names.
    pub(super) fn found(&self, one: &Relation, built: &Architecture) -> (String, Option<Version>) {
        let (name, built) = match &one.qualifier {
            Some(Qualifier::Concrete(other)) => (format!("{}:{other}", one.package), other),
            _ => (one.package.to_string(), built),
        };
        let listed = candidate(self.after, &one.package, &Host::of(built), built);
        (name, listed.map(|package| package.version.clone()))
    }
}

/// Whether hosts of every kind find what a package needs under its very name, whatever else is listed: nothing has
/// to be read of what is found.
pub fn is_plainly_met(
    after: &Named,
    need: &Need,
    by: &Package,
    architectures: &[Architecture],
) -> bool {
    let one_kind = architectures.len() == 1;
    let built = |built: &&Architecture| by.architecture.is_all() || by.architecture == **built;
    let found = |one: &Relation, built: &Architecture| {
        let listed = candidate(after, &one.package, &Host::of(built), built);
        // What is built for all architectures is a host's own, and of no use to packages of others that it takes.
        let listed = listed.filter(|package| one_kind || !package.architecture.is_all());
        listed.is_some_and(|package| one.accepts(Some(&package.version)))
    };
    let mut built = architectures.iter().filter(built);
    built.all(|built| need.iter().any(|one| one.qualifier.is_none() && found(one, built)))
}

/// What hosts take of a name built for an architecture: the highest that its index lists. A package for all
/// architectures counts as the host's own.
pub(super) fn candidate<'n>(
    named: &'n Named,
    name: &PackageName,
    host: &Host<'_>,
    built: &Architecture,
) -> Option<&'n Arc<Package>> {
    let fits = |package: &&Arc<Package>| {
        let here = package.architecture == *built || package.architecture.is_all();
        here && package.kind == PackageKind::Deb
    };
    let listed = named.get(name)?.iter().filter(fits);
    let highest = listed.reduce(|listed, rival| {
        let higher = rival.version.compare(&listed.version).is_gt();
        if higher { rival } else { listed }
    })?;
    (built == host.native || !highest.architecture.is_all()).then_some(highest)
}

/// Whether a package built for `built` is meant by a relation of one built for `by`.
fn fits(
    one: &Relation,
    by: &Architecture,
    built: &Architecture,
    multi_arch: MultiArch,
    host: &Host<'_>,
) -> bool {
    match &one.qualifier {
        None => built == by || multi_arch == MultiArch::Foreign,
        Some(Qualifier::Any) => multi_arch == MultiArch::Allowed,
        Some(Qualifier::Native) => built == host.native,
        Some(Qualifier::Concrete(wanted)) => built == wanted,
    }
}

/// Builds of a package that is installed side by side have one version, or none of them moves.
pub(super) fn out_of_step(
    state: &Named,
    package: &Package,
    host: &Host<'_>,
) -> impl Iterator<Item = Relation> {
    let others = host.all().filter(|other| **other != package.architecture);
    let other = |built: &Architecture| candidate(state, &package.name, host, built);
    let behind = |built: &&Architecture| {
        let other = other(built).filter(|other| !other.architecture.is_all());
        other.is_some_and(|other| other.version.compare(&package.version).is_ne())
    };
    let need = |built: &Architecture| Relation {
        package: package.name.clone(),
        qualifier: Some(Qualifier::Concrete(built.clone())),
        version: Some((Operator::Equal, package.version.clone())),
    };
    others.filter(behind).map(need).collect::<Vec<_>>().into_iter()
}
