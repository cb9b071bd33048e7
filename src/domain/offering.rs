//! Offering: what a change brings is listed for everybody, or begins with the first ring of a suite with rings.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::debian::{Component, Version};
use crate::domain::draft::Draft;
use crate::domain::reserved::is_reserved;
use crate::domain::rollout::Rollout;
use crate::domain::{Package, PinKind, PinTarget, Withdrawn};

/// Lists a package, or has it begin with the first ring where the suite has rings. What a pin names was asked for by
/// a person, and what hosts keep up with the server by concerns every host. Gives whether it is listed for all.
pub(super) fn offer(draft: &mut Draft<'_>, component: &Component, package: &Arc<Package>) -> bool {
    let first = draft.spec.rings.iter().next().map(|ring| ring.id);
    let begins = draft.rolling.at().is_none_or(|at| draft.spec.rollout.keeps_back(at).is_none());
    let is_free = draft.rolling.is_urgent
        || is_reserved(package.name.as_str())
        || draft.pin_of(package).is_some();
    match first.filter(|_| !is_free) {
        Some(first) => {
            draft.rolling.bring(component, package, Some(first).filter(|_| begins));
            false
        }
        None => {
            supersede(draft, component, package);
            draft.put(component, package);
            true
        }
    }
}

/// Whether a ring is offered the open rollout of a package, and how far it is, for people; `None` when there is none.
pub(super) fn told_of(
    draft: &Draft<'_>,
    component: &Component,
    package: &Package,
) -> Option<(bool, String)> {
    let rollout = draft.rolling.of(component, package)?;
    Some((!rollout.is_unbegun(), progress(draft, rollout)))
}

/// How far a rollout is: `rolling out (ring 1 of 3, canary)`.
pub(super) fn progress(draft: &Draft<'_>, rollout: &Rollout) -> String {
    let rings = &draft.spec.rings;
    let of = rings.iter().len().saturating_add(1);
    let last = rings.iter().enumerate().filter(|(_, ring)| rollout.reached.contains_key(&ring.id));
    match last.last() {
        Some((at, ring)) => {
            format!("rolling out (ring {} of {of}, {})", at.saturating_add(1), ring.name)
        }
        None => {
            let why = draft.rolling.at().and_then(|at| draft.spec.rollout.keeps_back(at));
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            format!("its rollout has not begun{why}")
        }
    }
}

/// Aborts what brings something of the target above a version, or anything of it without one: a rollback, a removal
/// or a pin passes through every ring.
pub(super) fn withdraw_above(draft: &mut Draft<'_>, target: &PinTarget, version: Option<&Version>) {
    let above = |package: &Arc<Package>| {
        let own = match target.kind {
            PinKind::Source => &package.source_version,
            PinKind::Binary => &package.version,
        };
        let is_above = target.holds(package) && version.is_none_or(|version| own > version);
        is_above.then(|| Withdrawn { target: target.clone(), version: own.clone() })
    };
    let brought = draft.rolling.open().flat_map(|rollout| rollout.packages.values());
    let out: BTreeSet<_> = brought.filter_map(above).collect();
    out.into_iter().for_each(|one| draft.withdraw(one));
}

/// A new package for `all` replaces lower packages built for one architecture.
pub(super) fn supersede(draft: &mut Draft<'_>, component: &Component, package: &Package) {
    if !package.architecture.is_all() {
        return;
    }
    for (place, live) in draft.named(&package.name) {
        let lower = live.version.compare(&package.version).is_lt();
        if place.0 == *component && !live.architecture.is_all() && lower {
            draft.clear(&place);
        }
    }
}
