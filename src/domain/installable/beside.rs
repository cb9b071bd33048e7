//! Beside: what keeps a package from moving on a host although all that it needs is there: what it breaks or
//! conflicts with, and what it recommends.
//!
//! `apt-get upgrade` removes nothing, so it keeps two packages as they are where one of them would break the
//! other. It also keeps a package whose Recommends are not met where those of the present version are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Host, Lack, Named, Need, Question, Trouble, candidate, out_of_step};
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
        then: &Arc<Package>,
        now: &Arc<Package>,
        built: &Architecture,
        host: &Host<'_>,
    ) -> Option<Lack> {
        let moved = then.digest != now.digest;
        let lack = |trouble, needs: Vec<Need>, finds: BTreeMap<String, Option<Version>>| {
            let (package, architecture) = (Arc::clone(now), built.clone());
            Lack { package, architecture, trouble, needs, finds, worse: true, moved }
        };
        let clashes = self.new_clashes(then, now, built, host, moved);
        if !clashes.is_empty() {
            let finds =
                clashes.iter().map(|(_, (name, version))| (name.clone(), Some(version.clone())));
            let finds = finds.collect();
            let mut needs: Vec<Need> = clashes.into_iter().map(|(one, _)| vec![one]).collect();
            needs.dedup();
            return Some(lack(Trouble::Avoids, needs, finds));
        }
        let missing = |state, package: &Package| self.not_recommended(state, package, host);
        let newly = if moved { missing(self.after, now) } else { Vec::new() };
        if newly.is_empty() || !missing(self.before, then).is_empty() {
            return None;
        }
        let finds = newly.iter().flatten().map(|one| self.found(one, built)).collect();
        Some(lack(Trouble::Recommends, newly, finds))
    }

    /// What keeps hosts from following that have a package which the suite does not offer any more: apt does not
    /// remove it.
    pub(super) fn stays(
        &self,
        then: &Arc<Package>,
        built: &Architecture,
        hosts: &[Host<'_>],
    ) -> Option<Lack> {
        let dependencies = self.dependencies.get(&then.digest)?;
        let kept = self.kept(dependencies);
        let here = |state, host| candidate(state, &then.name, host, built).is_some();
        let hosts = hosts.iter().filter(|host| here(self.before, host) && !here(self.after, host));
        for host in hosts {
            let unmet = |state: &Named, of_other_builds: &Named| {
                let mut unmet = self.unmet(state, then, host, false);
                if dependencies.multi_arch == MultiArch::Same {
                    let others = out_of_step(of_other_builds, then, host);
                    unmet.extend(others.map(|need| vec![need]));
                }
                unmet
            };
            let before = unmet(self.before, self.before);
            let mut newly = unmet(&kept, self.after);
            newly.retain(|need| !before.contains(need));
            if !newly.is_empty() {
                return Some(self.told(then, built, newly, (true, false)));
            }
            let lack = self.kept_back(then, then, built, host);
            if lack.is_some() {
                return lack;
            }
        }
        None
    }

    /// What hosts have of the names that matter to a package: what is listed, and what is not listed any more.
    fn kept(&self, dependencies: &Dependencies) -> Named {
        let needed = dependencies.needed_names();
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

    fn not_recommended(&self, state: &Named, package: &Package, host: &Host<'_>) -> Vec<Need> {
        let Some(dependencies) = self.dependencies.get(&package.digest) else { return Vec::new() };
        let met = |need: &Need| need.iter().any(|one| self.is_met(state, one, package, host));
        dependencies.recommends.iter().filter(|need| !met(need)).cloned().collect()
    }

    /// What the package cannot be beside now, of what hosts have had beside it.
    fn new_clashes(
        &self,
        then: &Arc<Package>,
        now: &Arc<Package>,
        built: &Architecture,
        host: &Host<'_>,
        moved: bool,
    ) -> Vec<Clash> {
        let Some(dependencies) = self.dependencies.get(&now.digest) else { return Vec::new() };
        let mut clashes = Vec::new();
        for one in avoided(dependencies, self.touched, moved) {
            if !self.own.contains(&one.package) {
                continue;
            }
            let providers = self.providers.get(&one.package).into_iter().flatten();
            let names: BTreeSet<_> = providers.chain([&one.package]).collect();
            for name in names.into_iter().filter(|name| **name != now.name) {
                for other in host.all() {
                    let new = self.is_new_clash((then, one), name, other, host);
                    if let Some(version) = new {
                        let found = match other == built {
                            true => name.to_string(),
                            false => format!("{name}:{other}"),
                        };
                        clashes.push((one.clone(), (found, version)));
                    }
                }
            }
        }
        clashes
    }

    /// The version of the other package, where it is avoided now and hosts have had both before.
    fn is_new_clash(
        &self,
        (then, one): (&Package, &Relation),
        name: &PackageName,
        other: &Architecture,
        host: &Host<'_>,
    ) -> Option<Version> {
        let before = candidate(self.before, name, host, other)?;
        let rival = candidate(self.after, name, host, other).unwrap_or(before);
        let clashed = self.avoids(then, before, other, host)
            || self.avoids(before, then, host.built(then), host);
        let clashes = self.means(one, rival, other, host) && !clashed;
        clashes.then(|| rival.version.clone())
    }

    fn avoids(&self, by: &Package, rival: &Package, built: &Architecture, host: &Host<'_>) -> bool {
        let dependencies = self.dependencies.get(&by.digest);
        let mut avoided = dependencies.into_iter().flat_map(|read| &read.avoids);
        avoided.any(|one| self.means(one, rival, built, host))
    }

    /// Whether a package is what a Breaks or Conflicts means. Where it says no architecture, it means all of them.
    fn means(
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
        let wanted = one.version.as_ref();
        let itself = rival.name == one.package
            && wanted.is_none_or(|(is, version)| is.accepts(rival.version.compare(version)));
        let provides =
            self.dependencies.get(&rival.digest).into_iter().flat_map(|read| &read.provides);
        let mut provides = provides.filter(|provided| provided.package == one.package);
        let provided = provides.any(|provided| match (wanted, &provided.version) {
            (None, _) => true,
            (Some((is, wanted)), Some((_, given))) => is.accepts(given.compare(wanted)),
            (Some(_), None) => false,
        });
        here && (itself || provided)
    }
}
