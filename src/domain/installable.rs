//! Installable: whether what a suite lists finds what it depends on among the names that the suite owns.
//!
//! Each name's highest listed version is the one that hosts take, up and down. Where its Depends name what
//! the suite owns and does not list, hosts stay where they are, and apt says nothing of it. What lies outside
//! the suite's own names counts as met. Looked at are the packages that moved and those that depend on them;
//! and a change is held only against what hosts could install before it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::debian::relation::{Operator, Qualifier, Relation};
use crate::debian::{Architecture, Dependencies, MultiArch, PackageKind, PackageName, Version};
use crate::digest::Digest;
use crate::domain::{Draft, Package};

pub use touched::{asked, touched_by};

/// What a suite lists of each of some names.
pub type Named = BTreeMap<PackageName, Vec<Arc<Package>>>;

/// One of several relations is enough.
pub type Need = Vec<Relation>;

/// A package that hosts cannot install, or cannot have beside what moved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lack {
    /// Which package, as the suite lists it.
    pub package: Arc<Package>,
    /// In the index of which architecture.
    pub architecture: Architecture,
    /// In which way.
    pub trouble: Trouble,
    /// What it does not find; or what it cannot be beside and finds.
    pub needs: Vec<Need>,
    /// What it finds instead, of the suite's own names: none, or at a version that does not do.
    pub finds: BTreeMap<String, Option<Version>>,
    /// Whether hosts could install what was there before the change.
    pub worse: bool,
    /// Whether the package itself moves.
    pub moved: bool,
}

/// In which way a package cannot be installed, or keeps hosts that have it from moving.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// It does not find what it depends on.
    Needs,
    /// It does not find what it recommends, and the version before it does.
    Recommends,
    /// It finds what it breaks or conflicts with.
    Avoids,
}

impl Trouble {
    /// As it stands in a sentence.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Needs => "needs",
            Self::Recommends => "recommends",
            Self::Avoids => "cannot be beside",
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Package { name, version, .. } = &*self.package;
        let Self { architecture, .. } = self;
        write!(f, "{name} {version} ({architecture}) {}", self.problem())
    }
}

impl Lack {
    /// What is wrong with it, without its name.
    pub fn problem(&self) -> String {
        let found: Vec<_> = self.finds.iter().map(found).collect();
        format!("{} {} and finds {}", self.trouble.verb(), self.needed(), found.join(", "))
    }

    /// What it does not find or cannot be beside, as a control file writes it.
    pub fn needed(&self) -> String {
        let any =
            |need: &Need| need.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
        self.needs.iter().map(any).collect::<Vec<_>>().join(", ")
    }
}

fn found((name, version): (&String, &Option<Version>)) -> String {
    match version {
        Some(version) => format!("{name} {version}"),
        None => format!("no {name}"),
    }
}

/// Whether a suite answers for a name: what it owns, or, where it owns no names, what it lists or listed.
pub fn answers_for(name: &PackageName, before: &Draft<'_>, after: &Draft<'_>) -> bool {
    match after.spec.owns.is_empty() {
        true => !after.named(name).is_empty() || !before.named(name).is_empty(),
        false => after.spec.owns_name(name.as_str()),
    }
}

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
    pub dependencies: &'q HashMap<Digest, Dependencies>,
    /// Names of packages that may provide a name.
    pub providers: &'q BTreeMap<PackageName, Vec<PackageName>>,
    /// The names that the suite answers for, of those that are depended on.
    pub own: &'q BTreeSet<PackageName>,
    /// The names of which anything moved, provided ones among them.
    pub touched: &'q BTreeSet<PackageName>,
}

/// A host as far as it matters to apt.
struct Host<'h> {
    native: &'h Architecture,
    foreign: Vec<&'h Architecture>,
}

impl<'q> Question<'q> {
    /// What hosts cannot install of a name, for each architecture of the suite.
    pub fn lacks(&self, name: &PackageName) -> Vec<Lack> {
        self.architectures.iter().filter_map(|built| self.lack(name, built)).collect()
    }

    /// What the package that a host takes of a name does not find there: `None` where it takes none.
    pub fn unmet_on(
        &self,
        name: &PackageName,
        built: &Architecture,
        native: &Architecture,
        foreign: &[Architecture],
    ) -> Option<Vec<Need>> {
        let host = Host { native, foreign: foreign.iter().collect() };
        let package = candidate(self.after, name, &host, built)?;
        Some(self.unmet(self.after, package, &host, true))
    }

    fn lack(&self, name: &PackageName, built: &'q Architecture) -> Option<Lack> {
        let hosts = self.hosts(built);
        let own = hosts.first()?;
        let then = candidate(self.before, name, own, built);
        let Some(now) = candidate(self.after, name, own, built) else {
            return then.and_then(|then| self.stays(then, built, &hosts));
        };
        let moved = then.is_none_or(|then| then.digest != now.digest);
        let (mut everywhere, mut least) = (true, None);
        for host in &hosts {
            // A package for all architectures is one of the host's own.
            if candidate(self.after, name, host, built).is_none() {
                continue;
            }
            let unmet = self.unmet(self.after, now, host, moved);
            let newly = self.newly(name, built, host, moved, &unmet);
            if !newly.is_empty() {
                return Some(self.told(now, built, newly, (true, moved)));
            }
            let then = candidate(self.before, name, host, built);
            if let Some(lack) = then.and_then(|then| self.kept_back(then, now, built, host)) {
                return Some(lack);
            }
            everywhere &= !unmet.is_empty();
            least.get_or_insert(unmet);
        }
        let unmet = least.filter(|_| everywhere)?;
        Some(self.told(now, built, unmet, (then.is_none(), moved)))
    }

    fn told(
        &self,
        package: &Arc<Package>,
        built: &Architecture,
        needs: Vec<Need>,
        (worse, moved): (bool, bool),
    ) -> Lack {
        let finds = needs.iter().flatten().map(|one| self.found(one, built));
        Lack {
            package: Arc::clone(package),
            architecture: built.clone(),
            trouble: Trouble::Needs,
            finds: finds.collect(),
            needs,
            worse,
            moved,
        }
    }

    /// The version that a host of its own finds of what a package is built for names.
    fn found(&self, one: &Relation, built: &Architecture) -> (String, Option<Version>) {
        let (name, built) = match &one.qualifier {
            Some(Qualifier::Concrete(other)) => (format!("{}:{other}", one.package), other),
            _ => (one.package.to_string(), built),
        };
        let host = Host { native: built, foreign: Vec::new() };
        let listed = candidate(self.after, &one.package, &host, built);
        (name, listed.map(|package| package.version.clone()))
    }

    /// What a host could do before and cannot do now.
    fn newly(
        &self,
        name: &PackageName,
        built: &Architecture,
        host: &Host<'_>,
        moved: bool,
        unmet: &[Need],
    ) -> Vec<Need> {
        let Some(then) = candidate(self.before, name, host, built).filter(|_| !unmet.is_empty())
        else {
            return Vec::new();
        };
        let before = self.unmet(self.before, then, host, moved);
        match moved {
            true if before.is_empty() => unmet.to_vec(),
            true => Vec::new(),
            false => unmet.iter().filter(|need| !before.contains(need)).cloned().collect(),
        }
    }

    /// Hosts of one architecture, and those of each that take packages of all the suite's others as well.
    fn hosts(&self, built: &'q Architecture) -> Vec<Host<'q>> {
        let mut hosts = vec![Host { native: built, foreign: Vec::new() }];
        if self.architectures.len() > 1 {
            hosts.extend(self.architectures.iter().map(|native| {
                let foreign = self.architectures.iter().filter(|other| *other != native).collect();
                Host { native, foreign }
            }));
        }
        hosts
    }

    /// What a package does not find on a host; of one that did not move, only what may have changed.
    fn unmet(&self, state: &Named, package: &Package, host: &Host<'_>, all: bool) -> Vec<Need> {
        let Some(dependencies) = self.dependencies.get(&package.digest) else { return Vec::new() };
        let asked = asked(dependencies, self.touched, all);
        let met = |need: &Need| need.iter().any(|one| self.is_met(state, one, package, host));
        let mut unmet: Vec<Need> = asked.filter(|need| !met(need)).cloned().collect();
        if all && dependencies.multi_arch == MultiArch::Same {
            unmet.extend(out_of_step(state, package, host).map(|need| vec![need]));
        }
        unmet
    }

    fn is_met(&self, state: &Named, one: &Relation, by: &Package, host: &Host<'_>) -> bool {
        if !self.own.contains(&one.package) {
            return true;
        }
        let by = if by.architecture.is_all() { host.native } else { &by.architecture };
        // Its own architecture is looked at first, as nearly everything is found there.
        let built = std::iter::once(by).chain(host.all().filter(|other| *other != by));
        built.into_iter().any(|built| {
            let itself = candidate(state, &one.package, host, built);
            let itself =
                itself.is_some_and(|package| self.is_itself(package, one, by, built, host));
            let providers = self.providers.get(&one.package).into_iter().flatten();
            let mut provided = providers.filter_map(|name| candidate(state, name, host, built));
            itself || provided.any(|package| self.provides(package, one, by, built, host))
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
        let version = one.version.as_ref();
        version.is_none_or(|(is, version)| is.accepts(package.version.compare(version)))
            && fits(one, by, built, self.multi_arch(package), host)
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
        let Some(dependencies) = self.dependencies.get(&package.digest) else { return false };
        dependencies.provides.iter().filter(|provided| provided.package == one.package).any(
            |provided| {
                let version = match (&one.version, &provided.version) {
                    (None, _) => true,
                    (Some((is, wanted)), Some((_, given))) => is.accepts(given.compare(wanted)),
                    (Some(_), None) => false,
                };
                version
                    && match &provided.qualifier {
                        // It says itself for which architecture, and for no other.
                        Some(Qualifier::Concrete(given)) => {
                            fits(one, by, given, MultiArch::No, host)
                        }
                        _ => fits(one, by, built, dependencies.multi_arch, host),
                    }
            },
        )
    }

    fn multi_arch(&self, package: &Package) -> MultiArch {
        self.dependencies.get(&package.digest).map(|read| read.multi_arch).unwrap_or_default()
    }
}

impl<'h> Host<'h> {
    fn all(&self) -> impl Iterator<Item = &'h Architecture> {
        std::iter::once(self.native).chain(self.foreign.iter().copied())
    }

    /// For what a package counts as built there.
    fn built<'p>(&self, package: &'p Package) -> &'p Architecture
    where
        'h: 'p,
    {
        if package.architecture.is_all() { self.native } else { &package.architecture }
    }
}

/// What hosts take of a name built for an architecture: the highest that its index lists. A package for all
/// architectures counts as the host's own.
fn candidate<'n>(
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
fn out_of_step(
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

mod beside;
#[cfg(test)]
mod tests;
mod touched;

pub use beside::avoided;
