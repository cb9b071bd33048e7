//! Pinning, rolling back and unpinning: the verbs of an incident.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::debian::{Component, PackageName, Version};
use crate::domain::draft::Draft;
use crate::domain::offering;
use crate::domain::package_set::place_of;
use crate::domain::past::{self, Label, Past, Selection};
use crate::domain::taken::newest;
pub use crate::domain::taken::{Taken, pinned_version};
use crate::domain::yank::not_yanked;
use crate::domain::{
    Conflict, Identity, Package, PackageSet, Pin, PinKind, PinTarget, Reach, Withdrawn,
};
use crate::nearest::or_nearest;
use crate::time::Moment;

/// Who asks, why, when, and for how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asking {
    /// Who.
    pub author: Identity,
    /// What they may alter.
    pub reach: Reach,
    /// Why.
    pub message: String,
    /// When.
    pub at: Moment,
    /// When the pin ends by itself, if it does.
    pub until: Option<Moment>,
    /// What may be done where hosts could not follow the change.
    pub leeway: Leeway,
}

/// What may be done where hosts could not follow a change, because packages that they have need
/// what it takes away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Leeway {
    /// Move other packages with it, so that hosts can follow.
    pub cascade: bool,
    /// Make the change all the same.
    pub force: bool,
    /// Bring it to all rings at once.
    pub urgent: bool,
}

/// Rolls one package back to the version that was live before the present one, and pins it there.
///
/// # Errors
/// [`Conflict`] when there was none before.
pub fn roll_back(
    draft: &mut Draft<'_>,
    target: &PinTarget,
    past: &Past,
    asking: &Asking,
) -> Result<(), Conflict> {
    let Some((label, selection)) = past.before_present(|package| draft.is_withdrawn(package))
    else {
        let problem = match past::label(target, draft.members(target).iter().map(|(_, p)| &**p)) {
            Some(now) => format!(
                "{} is the first version that this suite published; there is nothing to go back to",
                now.pinned
            ),
            None => {
                let near = near(draft, &target.name, "; `repoctl list` shows what it holds");
                format!("this suite has never published it{near}")
            }
        };
        return Err(Conflict::one(&target.name, problem));
    };
    let selection = complete(draft, target, selection, &label, past.listed());
    fix(draft, target, Some(label), &selection, asking);
    Ok(())
}

/// Rolls one package back to what a generation held, and pins it there. Where that generation did
/// not hold the package, it is held out of the suite.
///
/// # Errors
/// [`Conflict`] when neither the generation nor the suite holds the package.
pub fn roll_back_to(
    draft: &mut Draft<'_>,
    target: &PinTarget,
    past: &Past,
    generation: u64,
    asking: &Asking,
) -> Result<(), Conflict> {
    let selection = past.at(generation);
    if selection.is_empty() && draft.members(target).is_empty() {
        let problem = format!("neither generation {generation} nor the present one holds it");
        return Err(Conflict::one(&target.name, problem));
    }
    not_yanked(draft, selection.values().map(|(_, package)| &**package))?;
    fix(draft, target, past.label(&selection), &selection, asking);
    Ok(())
}

/// Keeps a rollback to earlier contents from bringing back what was withdrawn, which does not come
/// back by itself. Where the contents list a withdrawn version, its source is set to what is listed
/// now. Gives these sources.
pub fn keep_from_withdrawn(
    draft: &Draft<'_>,
    then: &mut PackageSet,
    is_out: impl Fn(&Draft<'_>, &Package) -> bool,
) -> Vec<PackageName> {
    let mut sources = BTreeSet::new();
    for (place, _) in draft.differing(then) {
        let back = then.at(&place).filter(|package| is_out(draft, package));
        sources.extend(back.map(|package| package.source.clone()));
    }
    for source in &sources {
        let listed = then.of_source(source);
        let listed: Vec<_> = listed.map(|(at, one)| (at.clone(), Arc::clone(one))).collect();
        listed.iter().for_each(|(component, one)| then.unlist(component, one));
        for (place, package) in draft.of_source(source) {
            then.list(&place.0, package, ANY_TIME);
        }
    }
    sources.into_iter().collect()
}

/// For contents that are only compared, it does not matter when a package was listed.
const ANY_TIME: u64 = 0;

/// Brings back the whole contents of an earlier generation, and pins every source that changes by
/// it.
pub fn roll_back_all(draft: &mut Draft<'_>, then: &PackageSet, asking: &Asking) {
    let mut sources = BTreeSet::new();
    for (place, here) in draft.differing(then) {
        sources.extend(here.map(|package| package.source.clone()));
        sources.extend(then.at(&place).map(|package| package.source.clone()));
    }
    let selection = |target: &PinTarget| -> Selection {
        let is_highest = |(component, p): &(&Component, &Arc<Package>)| {
            let highest = then.at(&place_of(component, p));
            highest.is_some_and(|highest| highest.digest == p.digest) && target.holds(p)
        };
        let listed = then.of_source(&target.name).filter(is_highest);
        listed.map(|(component, p)| (p.digest, (component.clone(), Arc::clone(p)))).collect()
    };
    let targets = sources.into_iter().map(|name| PinTarget { kind: PinKind::Source, name });
    let selections: Vec<_> = targets.map(|target| (selection(&target), target)).collect();
    for (selection, target) in selections {
        let label = past::label(&target, selection.values().map(|(_, p)| &**p));
        fix(draft, &target, label, &selection, asking);
    }
}

/// Pins a package at a version that the suite has taken.
///
/// # Errors
/// [`Conflict`] naming the versions that there are.
pub fn pin_at(
    draft: &mut Draft<'_>,
    target: &PinTarget,
    version: &Version,
    past: &Past,
    taken: &[Taken],
    asking: &Asking,
) -> Result<(), Conflict> {
    let of_version: Vec<_> =
        taken.iter().filter(|(_, package)| pinned_version(target, package) == version).collect();
    if of_version.is_empty() {
        return Err(Conflict::one(&target.name, no_such_version(draft, target, version, taken)));
    }
    not_yanked(draft, of_version.iter().map(|(_, package)| &**package))?;
    let now = draft.members(target);
    let label = past::label(target, of_version.iter().map(|(_, package)| &**package));
    let selection = match past.last_with(version) {
        Some(selection) => match &label {
            Some(label) => {
                let taken = of_version.iter().map(|taken| (*taken).clone());
                complete(draft, target, selection, label, taken)
            }
            None => selection,
        },
        None => with_others(target, version, &now, &of_version),
    };
    fix(draft, target, label, &selection, asking);
    Ok(())
}

/// Ends a pin and lists the highest version that was taken meanwhile: never one that was withdrawn,
/// nor one that the suite does not take any more.
///
/// # Errors
/// [`Conflict`] when the package is not pinned.
pub fn unpin(draft: &mut Draft<'_>, target: &PinTarget, taken: &[Taken]) -> Result<(), Conflict> {
    if draft.pin(target).is_none() {
        let pinned = draft.pins().filter(|pin| pin.target.kind == target.kind);
        let pinned = pinned.map(|pin| pin.target.name.as_str());
        let near = or_nearest(target.name.as_str(), pinned, "; `repoctl pins` lists the pins");
        return Err(Conflict::one(&target.name, format!("is not pinned{near}")));
    }
    draft.end_pin(target);
    let now = draft.members(target);
    let present = past::label(target, now.iter().map(|(_, p)| &**p)).map(|label| label.pinned);
    let higher = |package: &Package| {
        let version = pinned_version(target, package);
        present.as_ref().is_none_or(|present| version.compare(present).is_gt())
    };
    let free: Vec<_> = taken
        .iter()
        .filter(|(_, p)| !draft.is_withdrawn(p) && draft.pin_of(p).is_none() && higher(p))
        .filter(|(component, p)| draft.may_list(p) && !draft.is_held_back(component, p))
        .filter(|(component, p)| !draft.is_under_way(component, p))
        .collect();
    let Some(best) = free.iter().map(|(_, p)| pinned_version(target, p)).max().cloned() else {
        return Ok(());
    };
    for (component, package) in
        newest(free.into_iter().filter(|(_, p)| *pinned_version(target, p) == best).cloned())
    {
        offering::offer(draft, &component, &package);
    }
    Ok(())
}

/// Takes a package out of the suite. What was listed does not come back by itself. Where several
/// versions are listed, nothing that was taken until then comes back by itself, nor does what is held back.
///
/// # Errors
/// [`Conflict`] when the suite does not list it.
pub fn remove(draft: &mut Draft<'_>, target: &PinTarget, taken: &[Taken]) -> Result<(), Conflict> {
    let members = draft.members(target);
    let back: Vec<_> = draft.holding.back().filter(|one| target.holds(one)).cloned().collect();
    if members.is_empty() && back.is_empty() && !draft.brings(target) {
        let near = near(draft, &target.name, "; `repoctl list` shows what is");
        return Err(Conflict::one(&target.name, format!("is not in this suite{near}")));
    }
    for (place, package) in members {
        draft.clear(&place);
        let version = pinned_version(target, &package).clone();
        draft.withdraw(Withdrawn { target: target.clone(), version });
    }
    let taken = if draft.spec.versions.is_one() { &[] } else { taken };
    for package in taken.iter().map(|(_, package)| package).chain(&back) {
        let version = pinned_version(target, package).clone();
        draft.withdraw(Withdrawn { target: target.clone(), version });
    }
    offering::withdraw_above(draft, target, None);
    draft.end_pin(target);
    Ok(())
}

/// Goes back with a package that is under way to what everybody is offered, and pins it there. What nobody else was
/// ever offered is withdrawn.
pub fn roll_back_under_way(draft: &mut Draft<'_>, target: &PinTarget, asking: &Asking) {
    let members = draft.members(target).into_iter();
    let selection: Selection = members.map(|(place, one)| (one.digest, (place.0, one))).collect();
    match past::label(target, selection.values().map(|(_, package)| &**package)) {
        Some(label) => fix(draft, target, Some(label), &selection, asking),
        None => offering::withdraw_above(draft, target, None),
    }
}

/// Lists exactly `selection` of the target and pins it. What is unlisted by this, and is higher, is
/// withdrawn.
fn fix(
    draft: &mut Draft<'_>,
    target: &PinTarget,
    label: Option<Label>,
    selection: &Selection,
    asking: &Asking,
) {
    let version = label.map(|label| label.pinned);
    let mut left: Vec<_> = match draft.spec.versions.is_one() {
        true => Vec::new(),
        // What is listed below the highest version goes too, where it is above the pinned one.
        false => draft.listed_before(target),
    };
    for (place, package) in draft.members(target) {
        if !selection.contains_key(&package.digest) {
            draft.clear(&place);
            left.push(package);
        }
    }
    for package in left.iter().filter(|package| !selection.contains_key(&package.digest)) {
        let left = pinned_version(target, package).clone();
        if version.as_ref().is_none_or(|version| left.compare(version).is_gt()) {
            draft.withdraw(Withdrawn { target: target.clone(), version: left });
        }
    }
    for (component, package) in selection.values() {
        draft.put(component, package);
    }
    offering::withdraw_above(draft, target, version.as_ref());
    if let Some(version) = &version {
        draft.restore(&Withdrawn { target: target.clone(), version: version.clone() });
    }
    for (_, package) in selection.values() {
        let own = PinTarget { kind: PinKind::Binary, name: package.name.clone() };
        draft.restore(&Withdrawn { target: own, version: package.version.clone() });
    }
    draft.set_pin(Pin {
        target: target.clone(),
        version,
        author: asking.author.clone(),
        message: asking.message.clone(),
        at: asking.at,
        until: asking.until,
    });
}

/// The selection with what belongs to its version and is not in it: what another builder sent later, for
/// another architecture, was never live beside it. Without that, hosts would be offered no version of it.
fn complete(
    draft: &Draft<'_>,
    target: &PinTarget,
    mut selection: Selection,
    label: &Label,
    candidates: impl Iterator<Item = Taken>,
) -> Selection {
    let belongs = |package: &Package| {
        *pinned_version(target, package) == label.pinned
            && package.version <= label.rebuild
            && !draft.is_withdrawn(package)
            && draft.may_list(package)
    };
    for (component, package) in newest(candidates.filter(|(_, package)| belongs(package))) {
        let rivals = |(_, other): &(Component, Arc<Package>)| {
            let (own, other_is) = (&package.architecture, &other.architecture);
            other.name == package.name && (own == other_is || own.is_all() || other_is.is_all())
        };
        if !selection.values().any(rivals) {
            selection.insert(package.digest, (component, package));
        }
    }
    selection
}

/// The selection of a version that was never live: its own packages, and of the others those that
/// are not higher.
fn with_others(
    target: &PinTarget,
    version: &Version,
    now: &[(crate::domain::package_set::Place, Arc<Package>)],
    of_version: &[&Taken],
) -> Selection {
    let own = newest(of_version.iter().map(|taken| (*taken).clone()));
    let replaced = |package: &Package| {
        own.iter().any(|(_, p)| p.name == package.name && p.architecture == package.architecture)
    };
    let kept = now
        .iter()
        .filter(|(_, p)| !replaced(p) && pinned_version(target, p).compare(version).is_le());
    let kept = kept.map(|(place, package)| (place.0.clone(), Arc::clone(package)));
    kept.chain(own.iter().cloned()).map(|(component, p)| (p.digest, (component, p))).collect()
}

fn no_such_version(
    draft: &Draft<'_>,
    target: &PinTarget,
    version: &Version,
    taken: &[Taken],
) -> String {
    let mut have: Vec<_> = taken.iter().map(|(_, p)| pinned_version(target, p)).collect();
    have.sort();
    have.dedup();
    if have.is_empty() {
        let near = near(draft, &target.name, "; upload it first");
        return format!("this suite has never taken it{near}");
    }
    let newest: Vec<_> = have.iter().rev().take(8).map(|v| v.to_string()).collect();
    format!("this suite has no version {version}; it has {}", newest.join(", "))
}

/// The name of a listed package or source that may be meant.
fn near(draft: &Draft<'_>, name: &PackageName, otherwise: &str) -> String {
    let listed = draft.base.packages();
    let names = listed.flat_map(|(_, package)| [package.name.as_str(), package.source.as_str()]);
    or_nearest(name.as_str(), names, otherwise)
}
