//! Several: looks up the accepted packages of a suite that lists several versions of a name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::debian::PackageName;
use crate::domain::pinning::Taken;
use crate::domain::{Draft, PinKind, PinTarget, SuiteSpec, Withdrawn};
use crate::flow::change::lookup::taken_of;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::time::Moment;

/// From this many names on, the whole suite is read at once.
const MANY: usize = 1_000;

/// Looks up what the suite has accepted of all names that a change has touched since `before`.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(crate) fn learn_touched(
    repository: &Repository,
    desk: &Desk,
    draft: &mut Draft<'_>,
    before: &Draft<'_>,
) -> Result<(), FlowError> {
    if draft.spec.versions.is_one() {
        return Ok(());
    }
    let (moved, targets) = draft.since(before);
    if targets.len() >= MANY {
        return learn_all(repository, desk, draft);
    }
    let mut names: BTreeSet<PackageName> = moved.into_iter().map(|(place, _)| place.1).collect();
    for target in &targets {
        let taken = taken_of(repository, desk, target)?;
        names.extend(taken.into_iter().map(|(_, package)| package.name.clone()));
    }
    learn(repository, desk, draft, &names)
}

/// Every package of the target that the suite has accepted; none where it lists only one version.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(crate) fn taken(
    repository: &Repository,
    desk: &Desk,
    draft: &Draft<'_>,
    target: &PinTarget,
) -> Result<Vec<Taken>, FlowError> {
    match draft.spec.versions.is_one() {
        true => Ok(Vec::new()),
        false => taken_of(repository, desk, target),
    }
}

/// Looks up what the suite has accepted of these names.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(crate) fn learn(
    repository: &Repository,
    desk: &Desk,
    draft: &mut Draft<'_>,
    names: &BTreeSet<PackageName>,
) -> Result<(), FlowError> {
    if draft.spec.versions.is_one() {
        return Ok(());
    }
    if names.len() >= MANY {
        return learn_all(repository, desk, draft);
    }
    for name in names {
        let found = repository.catalogue.search_suite(&desk.suite, name.as_str(), u32::MAX)?;
        draft.learn(found.into_iter().map(|one| (one.component, Arc::new(one.package))));
    }
    Ok(())
}

fn learn_all(repository: &Repository, desk: &Desk, draft: &mut Draft<'_>) -> Result<(), FlowError> {
    let found = repository.catalogue.list_placements(&desk.suite, None)?;
    draft.learn(found.into_iter().map(|one| (one.component, Arc::new(one.package))));
    Ok(())
}

/// Looks up everything that an edited suite may list from now on.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(crate) fn relist(
    repository: &Repository,
    desk: &Desk,
    draft: &mut Draft<'_>,
    before: &SuiteSpec,
) -> Result<(), FlowError> {
    let spec = &draft.spec;
    let same = spec.versions == before.versions
        && spec.architectures == before.architectures
        && spec.owns == before.owns;
    if spec.versions.is_one() || same {
        return Ok(());
    }
    if before.versions.is_one() {
        keep_out(repository, desk, draft)?;
    }
    learn_all(repository, desk, draft)
}

/// Withdraws what was accepted before the last removal of a name. A suite that lists one version
/// notes only that version as withdrawn.
fn keep_out(repository: &Repository, desk: &Desk, draft: &mut Draft<'_>) -> Result<(), FlowError> {
    let emptied = repository.catalogue.list_emptied(&desk.suite)?;
    if emptied.is_empty() {
        return Ok(());
    }
    let emptied: BTreeMap<PackageName, Moment> = emptied.into_iter().collect();
    for one in repository.catalogue.list_placements(&desk.suite, None)? {
        let at = emptied.get(&one.package.name);
        if !one.live && at.is_some_and(|at| one.accepted_at <= *at) {
            let (name, version) = (one.package.name, one.package.version);
            draft
                .withdraw(Withdrawn { target: PinTarget { kind: PinKind::Binary, name }, version });
        }
    }
    Ok(())
}
