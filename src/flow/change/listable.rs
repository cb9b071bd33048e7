//! Listable: what a change may list in a suite, by the names that it owns and the architectures that it has.

use std::sync::Arc;

use crate::debian::{Architecture, PackageName};
use crate::domain::Change;
use crate::domain::pinning::{self, Taken};
use crate::domain::{Conflict, ConflictKind, ConflictReason, Draft, Package, PinTarget};

/// So many packages are named one by one.
const MOST_TOLD: usize = 8;

/// Refuses a change that would list what the suite does not take.
pub(crate) fn judge(draft: &Draft<'_>, change: &Change) -> Result<(), Conflict> {
    // What is added was judged package by package. A pin that is over has to end.
    let (judged, all) = match change {
        Change::Edit(edit) => (edit.owns.is_some(), true),
        other => (!matches!(other, Change::Add(_) | Change::Expire(_)), false),
    };
    if judged {
        owned(draft, all)?;
    }
    let (judged, all) = match change {
        Change::Edit(edit) => (!edit.remove_architectures.is_empty(), true),
        other => (!matches!(other, Change::Add(_) | Change::Expire(_)), false),
    };
    if judged {
        housed(draft, all)?;
    }
    Ok(())
}

/// What is said of the highest version that the end of a pin leaves out, since the suite does not take it any
/// more.
pub(crate) fn kept_out(draft: &Draft<'_>, target: &PinTarget, taken: &[Taken]) -> Option<String> {
    let version = |package: &Arc<Package>| pinning::pinned_version(target, package).clone();
    let listed = draft.members(target);
    let present = listed.iter().map(|(_, package)| version(package)).max();
    let higher =
        |package: &Arc<Package>| present.as_ref().is_none_or(|now| version(package) > *now);
    let left_out = taken.iter().map(|(_, package)| package).filter(|package| {
        !draft.may_list(package) && !draft.is_withdrawn(package) && higher(package)
    });
    let Package { name, version, architecture, .. } = &**left_out.max_by_key(|one| version(one))?;
    let why = match draft.spec.takes(architecture) {
        true => draft.spec.not_owned(),
        false => gone(draft, architecture),
    };
    Some(format!("{name} {version} ({architecture}) stays out: {why}"))
}

fn gone(draft: &Draft<'_>, architecture: &Architecture) -> String {
    let suite = &draft.spec.name;
    format!(
        "suite {suite} does not have {architecture} any more; \
         `repoctl suite edit {suite} --add-architecture {architecture}` brings it back"
    )
}

/// No change lists a package of an architecture that the suite does not have, nor takes one away that it
/// lists packages of: hosts would never hear of them, and nobody would be told.
fn housed(draft: &Draft<'_>, all: bool) -> Result<(), Conflict> {
    let suite = &draft.spec.name;
    let reason = |(name, architecture): (PackageName, Architecture)| {
        let problem = match all {
            true => format!(
                "is listed for {architecture}, which would not be among the architectures of suite {suite}; \
                 `--with-packages` takes it out with the others"
            ),
            false => format!("would be listed for {architecture}: {}", gone(draft, &architecture)),
        };
        ConflictReason { problem, subject: name.to_string() }
    };
    refuse(draft.homeless(all).into_iter().map(reason).collect())
}

/// No change lists a name that the suite does not own, nor takes a name away that it lists.
fn owned(draft: &Draft<'_>, all: bool) -> Result<(), Conflict> {
    let problem = || match all {
        true => "is listed and would not be among the names that the suite owns; \
                 `repoctl remove` it first, or name it too"
            .to_owned(),
        false => draft.spec.not_owned(),
    };
    let reason =
        |name: PackageName| ConflictReason { problem: problem(), subject: name.to_string() };
    refuse(draft.foreign(all).into_iter().map(reason).collect())
}

/// Refuses for these reasons, if there are any; of very many the first are told.
fn refuse(mut reasons: Vec<ConflictReason>) -> Result<(), Conflict> {
    if reasons.is_empty() {
        return Ok(());
    }
    let more = reasons.len().saturating_sub(MOST_TOLD);
    reasons.truncate(MOST_TOLD);
    if more > 0 {
        let problem = "for the same reason".to_owned();
        reasons.push(ConflictReason { subject: format!("{more} more"), problem });
    }
    Err(Conflict { kind: ConflictKind::Other, reasons })
}
