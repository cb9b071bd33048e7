//! Retention: which generations and which packages of a suite are kept, and which may go. Everything
//! that anybody may need is a root; what no root holds goes.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::debian::{Architecture, Component, PackageName, Version};
use crate::domain::keep::Keep;
use crate::domain::taken::pinned_version;
use crate::domain::{Package, Pin};
use crate::time::Moment;

const DAY_SECONDS: i64 = 86_400;

/// A package in a version, as hosts report it.
pub type InstalledPackage = (PackageName, Version, Architecture);

/// All that decides what a suite keeps, read at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// What the suite keeps.
    pub keep: Keep,
    /// The time.
    pub now: Moment,
    /// How long what nothing names is still served: longer than any request, and than clients work with
    /// lists that they fetched before.
    pub grace_seconds: i64,
    /// The last generation; 0 before the first. Rows beyond it belong to one that is coming.
    pub last: u64,
    /// The generations, ascending.
    pub generations: Vec<PastGeneration>,
    /// Generations that hosts were last given, and of which somebody uses a snapshot.
    pub needed: BTreeSet<u64>,
    /// What hosts have that were seen lately.
    pub installed: HashSet<InstalledPackage>,
    /// The pins that are in force.
    pub pins: Vec<Pin>,
    /// What the suite has taken or listed.
    pub packages: Vec<KeptPackage>,
}

/// A generation, as far as it concerns retention.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PastGeneration {
    /// Its number.
    pub number: u64,
    /// When it was published.
    pub at: Moment,
    /// When it was dropped, if it was. That is for ever.
    pub dropped: Option<Moment>,
}

/// A package that the suite has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptPackage {
    /// In which component.
    pub component: Component,
    /// Which one.
    pub package: Package,
    /// When it was taken; `None` where only its time in the suite is known.
    pub taken_at: Option<Moment>,
    /// From which generation until which it was listed.
    pub tenures: Vec<(u64, Option<u64>)>,
    /// Whether an open rollout brings it, it came while the suite is held, or it comes with a generation
    /// that is not published yet.
    pub on_its_way: bool,
    /// Since when it is marked as going.
    pub going_since: Option<Moment>,
    /// How many other suites have it.
    pub elsewhere: u32,
}

/// The first reason that keeps a package.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Root {
    /// The suite has no rule.
    Everything,
    /// It is listed.
    Listed,
    /// It is on its way to hosts.
    OnItsWay,
    /// A generation that is kept lists it.
    Generation(u64),
    /// A pin names it.
    Pin,
    /// It is higher than what is listed, and may come back once nothing keeps it out.
    Waiting,
    /// It is among the newest.
    Newest,
    /// It was taken a short while ago.
    Recent,
    /// A host has it.
    Installed,
}

/// What becomes of a package.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is kept.
    Kept(Root),
    /// Nothing keeps it.
    Goes {
        /// How many newer versions of its name and architecture the suite has.
        newer: u32,
        /// When it was last listed; `None` when it never was.
        left: Option<Moment>,
    },
}

/// What becomes of a suite's past.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Judgement {
    /// The generations that are dropped now, ascending.
    pub dropped: Vec<u64>,
    /// What becomes of each package, in the order of the facts.
    pub verdicts: Vec<Verdict>,
}

/// Decides what is kept and what may go.
pub fn judge(facts: &Facts) -> Judgement {
    if facts.keep.is_everything() {
        let verdicts = vec![Verdict::Kept(Root::Everything); facts.packages.len()];
        return Judgement { dropped: Vec::new(), verdicts };
    }
    let kept = kept_generations(facts);
    let live = |one: &&PastGeneration| one.dropped.is_none() && !kept.contains(&one.number);
    let dropped = facts.generations.iter().filter(live).map(|one| one.number).collect();
    let series = Series::of(facts);
    let verdict = |one| verdict(facts, &kept, &series, one);
    Judgement { dropped, verdicts: facts.packages.iter().map(verdict).collect() }
}

/// The generations that are kept: the last one, those that were live within the time that the suite
/// keeps them (and within the grace, for clients that are slow), and those that somebody uses.
fn kept_generations(facts: &Facts) -> BTreeSet<u64> {
    let since = facts.now.plus(-window_seconds(facts));
    let mut ended = Moment(i64::MAX);
    let mut kept = BTreeSet::new();
    for one in facts.generations.iter().rev() {
        let is_used = facts.needed.contains(&one.number) || one.number >= facts.last;
        if one.dropped.is_none() && (is_used || ended >= since) {
            kept.insert(one.number);
        }
        ended = one.at;
    }
    kept
}

/// Within which time everything is kept that was offered.
fn window_seconds(facts: &Facts) -> i64 {
    i64::from(facts.keep.days).saturating_mul(DAY_SECONDS).max(facts.grace_seconds)
}

/// The versions of each name and architecture that a suite has, and the highest that it lists.
struct Series<'f>(BTreeMap<(&'f PackageName, &'f Architecture), Versions<'f>>);

#[derive(Default)]
struct Versions<'f> {
    all: BTreeSet<&'f Version>,
    listed: Option<&'f Version>,
}

impl<'f> Series<'f> {
    fn of(facts: &'f Facts) -> Self {
        let mut series: BTreeMap<_, Versions<'f>> = BTreeMap::new();
        for one in &facts.packages {
            let version = &one.package.version;
            let versions =
                series.entry((&one.package.name, &one.package.architecture)).or_default();
            versions.all.insert(version);
            if is_listed(facts, one) {
                versions.listed = versions.listed.max(Some(version));
            }
        }
        Self(series)
    }

    /// How many versions are newer than a package.
    fn newer(&self, package: &Package) -> usize {
        let versions = self.0.get(&(&package.name, &package.architecture));
        versions.map_or(0, |versions| {
            versions.all.iter().rev().take_while(|one| ***one > package.version).count()
        })
    }

    /// Whether a package is higher than what is listed of its name.
    fn is_ahead(&self, package: &Package) -> bool {
        let versions = self.0.get(&(&package.name, &package.architecture));
        let listed = versions.and_then(|versions| versions.listed);
        listed.is_some_and(|listed| package.version > *listed)
    }
}

fn verdict(facts: &Facts, kept: &BTreeSet<u64>, series: &Series<'_>, one: &KeptPackage) -> Verdict {
    let package = &one.package;
    let newer = series.newer(package);
    let since = facts.now.plus(-window_seconds(facts));
    let root = if is_listed(facts, one) {
        Some(Root::Listed)
    } else if one.on_its_way || one.tenures.iter().any(|(from, _)| *from > facts.last) {
        Some(Root::OnItsWay)
    } else if let Some(generation) = one.tenures.iter().find_map(|tenure| last_in(kept, *tenure)) {
        Some(Root::Generation(generation))
    } else if facts.pins.iter().any(|pin| is_pinned(pin, package)) {
        Some(Root::Pin)
    } else if series.is_ahead(package) {
        Some(Root::Waiting)
    } else if newer < usize::from(facts.keep.versions) {
        Some(Root::Newest)
    } else if one.taken_at.is_some_and(|at| at >= since) {
        Some(Root::Recent)
    } else {
        // What was listed last is the likeliest, so that most look-ups find nothing.
        let key = (package.name.clone(), package.version.clone(), package.architecture.clone());
        facts.installed.contains(&key).then_some(Root::Installed)
    };
    match root {
        Some(root) => Verdict::Kept(root),
        None => {
            let newer = u32::try_from(newer).unwrap_or(u32::MAX);
            Verdict::Goes { newer, left: left_at(facts, one) }
        }
    }
}

fn is_listed(facts: &Facts, one: &KeptPackage) -> bool {
    let holds = |(from, until): &(u64, Option<u64>)| {
        *from <= facts.last && until.is_none_or(|until| until > facts.last)
    };
    one.tenures.iter().any(holds)
}

/// The last of these generations that a tenure reaches.
fn last_in(kept: &BTreeSet<u64>, (from, until): (u64, Option<u64>)) -> Option<u64> {
    let end = until.unwrap_or(u64::MAX);
    if from >= end {
        return None;
    }
    kept.range(from..end).next_back().copied()
}

/// Whether a pin needs a package: the version that it names, and whatever it holds out, which comes back
/// with its end.
fn is_pinned(pin: &Pin, package: &Package) -> bool {
    let is_it = |version: &Version| pinned_version(&pin.target, package) == version;
    pin.target.holds(package) && pin.version.as_ref().is_none_or(is_it)
}

/// When a package was taken off the list for the last time.
fn left_at(facts: &Facts, one: &KeptPackage) -> Option<Moment> {
    let ends = one.tenures.iter().filter_map(|(_, until)| *until);
    let end = ends.max()?;
    let at = facts.generations.binary_search_by_key(&end, |one| one.number).ok()?;
    facts.generations.get(at).map(|one| one.at)
}

#[cfg(test)]
mod tests;
