//! Listable: which packages a change may list, by the names that the suite owns and its
//! architectures.

use std::sync::Arc;

use crate::debian::{Architecture, PackageName};
use crate::domain::Change;
use crate::domain::pinning::{self, Taken};
use crate::domain::{Conflict, ConflictKind, ConflictReason, Draft, Package, PinTarget};

/// How many packages an error names.
const MOST_TOLD: usize = 8;

/// Refuses a change that would list packages which the suite does not accept.
pub(crate) fn judge(draft: &Draft<'_>, change: &Change) -> Result<(), Conflict> {
    // Added packages were checked one by one. An expired pin has to end.
    let (judged, all) = match change {
        Change::Edit(edit) => (edit.owns.is_some(), true),
        other => (!other.takes_in() && !matches!(other, Change::Expire(_)), false),
    };
    if judged {
        check_names(draft, all)?;
    }
    let (judged, all) = match change {
        Change::Edit(edit) => (!edit.remove_architectures.is_empty(), true),
        other => (!other.takes_in() && !matches!(other, Change::Expire(_)), false),
    };
    if judged {
        check_architectures(draft, all)?;
    }
    Ok(())
}

/// The note about the highest version that stays out when a pin ends, because the suite does not
/// accept it any more.
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
        false => lost_architecture(draft, architecture),
    };
    Some(format!("{name} {version} ({architecture}) stays out: {why}"))
}

fn lost_architecture(draft: &Draft<'_>, architecture: &Architecture) -> String {
    let suite = &draft.spec.name;
    format!(
        "suite {suite} does not have {architecture} any more; \
         `repoctl suite edit {suite} --add-architecture {architecture}` brings it back"
    )
}

/// Refuses to list a package of an architecture that the suite does not have, and to remove an
/// architecture for which it lists packages: hosts would not get them, and nobody would be
/// notified.
fn check_architectures(draft: &Draft<'_>, all: bool) -> Result<(), Conflict> {
    let suite = &draft.spec.name;
    let reason = |(name, architecture): (PackageName, Architecture)| {
        let problem = match all {
            true => format!(
                "is listed for {architecture}, which would not be among the architectures of suite {suite}; \
                 `--with-packages` takes it out with the others"
            ),
            false => format!(
                "would be listed for {architecture}: {}",
                lost_architecture(draft, &architecture)
            ),
        };
        ConflictReason::new(name.to_string(), problem)
    };
    refuse(draft.homeless(all).into_iter().map(reason).collect())
}

/// Refuses to list a name that the suite does not own, and to disown a name that it lists.
fn check_names(draft: &Draft<'_>, all: bool) -> Result<(), Conflict> {
    let problem = || match all {
        true => "is listed and would not be among the names that the suite owns; \
                 `repoctl remove` it first, or name it too"
            .to_owned(),
        false => draft.spec.not_owned(),
    };
    let reason = |name: PackageName| ConflictReason::new(name.to_string(), problem());
    refuse(draft.foreign(all).into_iter().map(reason).collect())
}

/// A conflict with these reasons, if there are any. Only the first ones are named, the rest
/// counted.
fn refuse(mut reasons: Vec<ConflictReason>) -> Result<(), Conflict> {
    if reasons.is_empty() {
        return Ok(());
    }
    let more = reasons.len().saturating_sub(MOST_TOLD);
    reasons.truncate(MOST_TOLD);
    if more > 0 {
        let problem = "for the same reason".to_owned();
        reasons.push(ConflictReason::new(format!("{more} more"), problem));
    }
    Err(Conflict { kind: ConflictKind::Other, reasons })
}
