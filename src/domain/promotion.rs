//! Promotion: what one suite lists is taken into another, without its bytes being sent again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::debian::{Component, Namespace, SuiteName, Version};
use crate::domain::package_set::place_of;
use crate::domain::pinning::{Taken, pinned_version};
use crate::domain::reserved::CLIENT_PREFIX;
use crate::domain::{
    Conflict, ConflictKind, ConflictReason, Package, PackageSet, PinKind, PinTarget,
};
use crate::nearest::or_nearest;

/// How many versions an error names.
const MOST_VERSIONS: usize = 8;

/// What a promotion asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Sources or binaries, each with a version of it or with the highest that is listed. None of
    /// them: everything that is listed.
    pub targets: Vec<(PinTarget, Option<Version>)>,
    /// Whether the names are those of binaries.
    pub binary: bool,
    /// Every listed version instead of the highest.
    pub all_versions: bool,
    /// The component to take them into; without it each keeps its own.
    pub component: Option<Component>,
}

impl Wanted {
    /// Whether everything that is listed is meant.
    pub fn is_whole(&self) -> bool {
        self.targets.is_empty()
    }
}

/// What is taken from one suite into another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Promotion {
    /// The suite that lists it.
    pub from: SuiteName,
    /// The namespace of that suite.
    pub namespace: Namespace,
    /// The generation of that suite that lists it.
    pub generation: u64,
    /// Whether that is an earlier generation, which was named.
    pub is_earlier: bool,
    /// What was asked for: the sources that are meant.
    pub wanted: Wanted,
    /// The same names as they were written.
    pub named: Vec<PinTarget>,
    /// The packages, in the components that they are to have.
    pub items: Vec<Taken>,
    /// All that the suite listed then, in its own components: packages may need some of it.
    pub listed: PackageSet,
}

impl Promotion {
    /// Everything of these contents that is wanted.
    ///
    /// # Errors
    /// [`Conflict`] naming every package that is not listed.
    pub fn select(
        from: &SuiteName,
        listed: &PackageSet,
        wanted: &Wanted,
    ) -> Result<Vec<Taken>, Conflict> {
        let mut items: Vec<Taken> = Vec::new();
        let mut reasons = Vec::new();
        if wanted.is_whole() {
            let all = listed.packages().filter(|(component, package)| {
                wanted.all_versions || is_highest(listed, component, package)
            });
            items.extend(all.map(|(component, package)| (component.clone(), Arc::clone(package))));
            // Each suite has one of its own.
            items.retain(|(_, package)| !package.name.as_str().starts_with(CLIENT_PREFIX));
        }
        for (target, version) in &wanted.targets {
            let found = of_target(listed, target);
            let chosen = chosen(listed, wanted, (target, version.as_ref()), &found);
            if chosen.is_empty() {
                let problem = absent(from, listed, (target, version.as_ref()), &found);
                reasons.push(ConflictReason::new(target.name.to_string(), problem));
            }
            items.extend(chosen);
        }
        if !reasons.is_empty() {
            return Err(Conflict { kind: ConflictKind::Other, reasons });
        }
        if let Some(component) = &wanted.component {
            items.iter_mut().for_each(|(at, _)| *at = component.clone());
        }
        let mut seen = BTreeSet::new();
        items.retain(|(component, package)| seen.insert((component.clone(), package.digest)));
        Ok(items)
    }

    /// The highest version of a target that is listed, in the components that it is to have.
    pub fn highest_of(&self, target: &PinTarget) -> Vec<Taken> {
        let mut found = of_target(&self.listed, target);
        found.retain(|(component, package)| is_highest(&self.listed, component, package));
        if let Some(component) = &self.wanted.component {
            found.iter_mut().for_each(|(at, _)| *at = component.clone());
        }
        found
    }

    /// What has to be named for a package to come along.
    pub fn bringing(&self, package: &Package) -> PinTarget {
        match self.wanted.binary {
            true => PinTarget { kind: PinKind::Binary, name: package.name.clone() },
            false => PinTarget::moving(package),
        }
    }

    /// The command that promotes the same and these as well.
    pub fn command(&self, to: &SuiteName, along: &[PinTarget]) -> String {
        let mut words = format!("repoctl promote --from {} --to {to}", self.from);
        let mut add = |word: &str| {
            words.push(' ');
            words.push_str(word);
        };
        if self.is_earlier {
            add(&format!("--generation {}", self.generation));
        }
        if let Some(component) = &self.wanted.component {
            add(&format!("--component {component}"));
        }
        if self.wanted.all_versions {
            add("--all-versions");
        }
        if self.wanted.binary {
            add("--binary");
        }
        if self.wanted.is_whole() {
            add("--all");
        }
        for (target, version) in &self.wanted.targets {
            add(&described(target, version.as_ref()));
        }
        along.iter().for_each(|target| add(target.name.as_str()));
        words
    }

    /// What is promoted, in short: the names that were asked for, none for everything.
    pub fn names(&self) -> Vec<String> {
        let all = self.wanted.targets.iter();
        all.map(|(target, version)| described(target, version.as_ref())).collect()
    }

    /// The line of the history: where the packages come from, and why.
    pub fn message(&self, why: &str) -> String {
        let origin = format!("{PROMOTED}{} (generation {})", self.from, self.generation);
        if why.is_empty() { origin } else { format!("{origin}: {why}") }
    }
}

/// How a line of the history begins.
const PROMOTED: &str = "promoted from ";

/// Stands for a suite that the reader may not know of.
pub const ANOTHER: &str = "another suite";

/// The messages of a generation, for somebody who may not know of the suites that are named in
/// them.
pub fn message_for(message: &str, reads: impl Fn(&SuiteName) -> bool) -> String {
    let line = |line: &str| {
        let Some(rest) = line.strip_prefix(PROMOTED) else { return line.to_owned() };
        let Some((suite, rest)) = rest.split_once(" (generation ") else { return line.to_owned() };
        let Some((_, rest)) = rest.split_once(')') else { return line.to_owned() };
        match SuiteName::parse(suite) {
            Ok(suite) if !reads(&suite) => format!("{PROMOTED}{ANOTHER}{rest}"),
            _ => line.to_owned(),
        }
    };
    message.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Where promoted packages come from, as the audit log says it.
pub fn origin(from: &SuiteName, generation: u64) -> String {
    format!("{FROM}{from}, generation {generation}")
}

/// What the audit log says of a promotion, for somebody who may not know of the suite that it is
/// from. Why one was refused may tell of that suite as well.
pub fn detail_for(detail: &str, is_done: bool, reads: impl Fn(&SuiteName) -> bool) -> String {
    let suite = detail.strip_prefix(FROM).and_then(|rest| rest.split([',', ':']).next());
    if suite.and_then(|suite| SuiteName::parse(suite).ok()).is_some_and(|suite| reads(&suite)) {
        return detail.to_owned();
    }
    match detail.split_once(": ").filter(|_| is_done) {
        Some((_, packages)) => format!("{FROM}{ANOTHER}: {packages}"),
        None => format!("{FROM}{ANOTHER}"),
    }
}

/// How what the audit log says of a promotion begins.
pub const FROM: &str = "from ";

fn described(target: &PinTarget, version: Option<&Version>) -> String {
    match version {
        Some(version) => format!("{}={version}", target.name),
        None => target.name.to_string(),
    }
}

fn is_highest(listed: &PackageSet, component: &Component, package: &Package) -> bool {
    let highest = listed.at(&place_of(component, package));
    highest.is_some_and(|highest| highest.digest == package.digest)
}

/// What is taken of a target: its version, or what hosts of the suite take, which is the highest.
fn chosen(
    listed: &PackageSet,
    wanted: &Wanted,
    (target, version): (&PinTarget, Option<&Version>),
    found: &[Taken],
) -> Vec<Taken> {
    let Some(version) = version else {
        let highest = |(at, one): &&Taken| wanted.all_versions || is_highest(listed, at, one);
        return found.iter().filter(highest).cloned().collect();
    };
    let of_version = found.iter().filter(|(_, one)| pinned_version(target, one) == version);
    if wanted.all_versions {
        return of_version.cloned().collect();
    }
    // The versions of a place follow each other, the highest last.
    let by_place = of_version.map(|(at, one)| (place_of(at, one), (at.clone(), Arc::clone(one))));
    by_place.collect::<BTreeMap<_, _>>().into_values().collect()
}

fn of_target(listed: &PackageSet, target: &PinTarget) -> Vec<Taken> {
    let own = |(component, package): (&Component, &Arc<Package>)| {
        target.holds(package).then(|| (component.clone(), Arc::clone(package)))
    };
    match target.kind {
        PinKind::Source => listed.of_source(&target.name).filter_map(own).collect(),
        PinKind::Binary => {
            let components = listed.components();
            let named = components.flat_map(|component| {
                listed.named(component, &target.name).map(move |package| (component, package))
            });
            named.filter_map(own).collect()
        }
    }
}

/// Why a package cannot be promoted that the suite does not list.
fn absent(
    from: &SuiteName,
    listed: &PackageSet,
    (target, version): (&PinTarget, Option<&Version>),
    found: &[Taken],
) -> String {
    let versions: BTreeSet<_> = found.iter().map(|(_, p)| pinned_version(target, p)).collect();
    if let (Some(version), false) = (version, versions.is_empty()) {
        let have: Vec<_> =
            versions.iter().rev().take(MOST_VERSIONS).map(ToString::to_string).collect();
        return format!("suite {from} does not list {version}; it lists {}", have.join(", "));
    }
    let names = listed.packages().flat_map(|(_, one)| [one.name.as_str(), one.source.as_str()]);
    let otherwise = format!("; `repoctl list --suite {from}` shows what it lists");
    format!("suite {from} does not list it{}", or_nearest(target.name.as_str(), names, &otherwise))
}

#[cfg(test)]
mod tests;
