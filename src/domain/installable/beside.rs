//! Beside: what keeps a package from moving on a host although all that it needs is there: what it breaks or
//! conflicts with, and what it recommends.
//!
//! `apt-get upgrade` removes nothing, so it keeps two packages as they are where one of them would break the
//! other. It also keeps a package whose Recommends are not met where those of the present version are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::question::{Found, Host, Question, candidate, out_of_step};
use super::{Lack, Named, Need, Trouble};
use crate::debian::relation::{Qualifier, Relation};
use crate::debian::{Architecture, Dependencies, MultiArch, PackageName, Version};
use crate::domain::Package;

/// What a package avoids, with what is there all the same.
type Clash = (Relation, (String, Version));

/// What has to be looked at of what a package avoids, as [`super::asked`] does of what it needs.
pub fn avoided<'d>(
    dependencies: &'d Dependencies,
    touched: &BTreeSet<PackageName>,
    all: bool,
) -> impl Iterator<Item = &'d Relation> {
    dependencies.avoids.iter().filter(move |one| all || touched.contains(&one.package))
}

impl<'q> Question<'q> {
    /// What keeps hosts that have the package from moving, for a package that finds all that it needs.
    pub(super) fn kept_back(
        &self,
        then: &'q Arc<Package>,
        now: &'q Arc<Package>,
        built: &'q Architecture,
        host: &Host<'q>,
    ) -> Vec<Lack> {
        let moved = then.digest != now.digest;
        let lack = |trouble, needs: Vec<Need>, finds: BTreeMap<String, Option<Version>>| Lack {
            package: Arc::clone(now),
            architecture: built.clone(),
            hosts: host.all().cloned().collect(),
            brings: None,
            trouble,
            needs,
            finds,
            worse: true,
            moved,
        };
        let mut lacks = Vec::new();
        let clashes = self.new_clashes(then, (now, built), host, moved);
        if !clashes.is_empty() {
            let found = |(_, (name, version)): &Clash| (name.clone(), Some(version.clone()));
            let finds = clashes.iter().map(found).collect();
            let mut needs: Vec<Need> = clashes.into_iter().map(|(one, _)| vec![one]).collect();
            needs.dedup();
            lacks.push(lack(Trouble::Avoids, needs, finds));
        }
        let missing = |state, package| self.not_recommended(state, package, host);
        let newly = if moved { missing(self.after, now) } else { Vec::new() };
        if !newly.is_empty() && missing(self.before, then).is_empty() {
            let finds = newly.iter().flatten().map(|one| self.found(one, built)).collect();
            lacks.push(lack(Trouble::Recommends, newly, finds));
        }
        lacks
    }

    /// What keeps hosts from following that have a package which the suite does not offer any more: apt does not
    /// remove it.
    pub(super) fn stays(
        &self,
        then: &'q Arc<Package>,
        built: &'q Architecture,
        hosts: &[Host<'q>],
    ) -> Option<Lack> {
        let read = self.read(then)?;
        let kept = self.kept(read);
        let here = |state, host| candidate(state, &then.name, host, built).is_some();
        let hosts = hosts.iter().filter(|host| here(self.before, host) && !here(self.after, host));
        for host in hosts {
            let unmet = |state: &Named, of_other_builds: &Named| {
                let mut unmet = self.unmet(state, then, host, false);
                if read.multi_arch == MultiArch::Same {
                    let others = out_of_step(of_other_builds, then, host);
                    unmet.extend(others.map(|need| vec![need]));
                }
                unmet
            };
            let before = unmet(self.before, self.before);
            let mut newly = unmet(&kept, self.after);
            newly.retain(|need| !before.contains(need));
            if !newly.is_empty() {
                return Some(self.told(then, built, host, newly, (true, false)));
            }
            let lack = self.kept_back(then, then, built, host).into_iter().next();
            if lack.is_some() {
                return lack;
            }
        }
        None
    }

    /// What hosts have of the names that matter to a package: what is listed, and what is not listed any more.
    fn kept(&self, read: &Dependencies) -> Named {
        let needed = read.needed_names();
        let providers = needed.iter().filter_map(|name| self.providers.get(*name)).flatten();
        let mut kept = Named::new();
        for name in needed.iter().copied().chain(providers) {
            let mut listed = self.after.get(name).cloned().unwrap_or_default();
            let gone = self.before.get(name).into_iter().flatten();
            let gone: Vec<_> = gone
                .filter(|one| listed.iter().all(|other| other.architecture != one.architecture))
                .cloned()
                .collect();
            listed.extend(gone);
            kept.insert(name.clone(), listed);
        }
        kept
    }

    /// What a package recommends and does not find.
    pub(super) fn not_recommended(
        &self,
        state: &Named,
        package: &Package,
        host: &Host<'_>,
    ) -> Vec<Need> {
        let recommends = self.read(package).map(|read| &read.recommends).into_iter().flatten();
        recommends.filter(|need| !self.is_met(state, need, package, host)).cloned().collect()
    }

    /// What the package cannot be beside now, of what hosts have had beside it.
    fn new_clashes(
        &self,
        then: &Package,
        (now, built): Found<'_>,
        host: &Host<'_>,
        moved: bool,
    ) -> Vec<Clash> {
        let Some(read) = self.read(now) else { return Vec::new() };
        let mut clashes = Vec::new();
        for one in avoided(read, self.touched, moved) {
            for name in self.names_of(one).into_iter().filter(|name| **name != now.name) {
                for other in host.all() {
                    let rival = self.rival(then, name, other, host);
                    let Some(rival) = rival.filter(|p| self.means(one, p, other, host)) else {
                        continue;
                    };
                    let found = name_on(name, other, built);
                    clashes.push((one.clone(), (found, rival.version.clone())));
                }
            }
        }
        clashes
    }

    /// The names of the suite under which a relation finds something.
    pub(super) fn names_of<'s>(&'s self, one: &'s Relation) -> BTreeSet<&'s PackageName> {
        if !self.own.contains(&one.package) {
            return BTreeSet::new();
        }
        let providers = self.providers.get(&one.package).into_iter().flatten();
        providers.chain([&one.package]).collect()
    }

    /// What hosts have now under a name that may have had it beside a package: what is listed, or what is not any more.
    pub(super) fn rival(
        &self,
        then: &Package,
        name: &PackageName,
        built: &Architecture,
        host: &Host<'_>,
    ) -> Option<&'q Arc<Package>> {
        let before = candidate(self.before, name, host, built)?;
        let apart = self.avoids(then, before, built, host)
            || self.avoids(before, then, host.built(then), host);
        (!apart).then(|| candidate(self.after, name, host, built).unwrap_or(before))
    }

    /// Whether a package breaks or conflicts with another.
    pub(super) fn avoids(
        &self,
        by: &Package,
        rival: &Package,
        built: &Architecture,
        host: &Host<'_>,
    ) -> bool {
        let mut avoided = self.read(by).into_iter().flat_map(|read| &read.avoids);
        avoided.any(|one| self.means(one, rival, built, host))
    }

    /// Whether a package is what a Breaks or Conflicts means. Where it says no architecture, it means all of them.
    pub(super) fn means(
        &self,
        one: &Relation,
        rival: &Package,
        built: &Architecture,
        host: &Host<'_>,
    ) -> bool {
        let here = match &one.qualifier {
            None | Some(Qualifier::Any) => true,
            Some(Qualifier::Native) => built == host.native,
            Some(Qualifier::Concrete(wanted)) => built == wanted,
        };
        let itself = rival.name == one.package && one.accepts(Some(&rival.version));
        let mut provided =
            self.read(rival).into_iter().flat_map(|read| read.provided(&one.package));
        here && (itself || provided.any(|provided| one.accepts(provided.given_version())))
    }
}

/// A package as a host names it whose own architecture is another.
pub(super) fn name_on(name: &PackageName, of: &Architecture, own: &Architecture) -> String {
    if of == own { name.to_string() } else { format!("{name}:{of}") }
}
