//! Apply: looks up what a wish needs to know and hands it to the rules.

use crate::domain::Applied;
use crate::domain::Wish;

use crate::domain::Expect;
use crate::domain::pinning::{self, Asking, Taken};
use crate::domain::{Conflict, Draft, PinKind, PinTarget};
use crate::flow::change::cascade::Asked;
use crate::flow::change::{
    adding, listable, lookup, names_fit, reach, rollback, several, unreadable,
};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;

/// Applies a wish to a draft. When it fails, the draft of an urgent one is not to be used any more.
///
/// # Errors
/// [`FlowError::Conflict`], [`FlowError::Missing`], [`FlowError::Denied`] for what lies beyond the
/// asker's reach, or a store's.
pub fn apply(
    repository: &Repository,
    desk: &Desk,
    draft: &mut Draft<'_>,
    wish: &Wish,
    asking: &Asking,
    expect: Option<Expect>,
) -> Result<Applied, FlowError> {
    let before = draft.clone();
    let mut applied = alter(repository, desk, draft, wish, asking, expect)?;
    applied.notes.extend(unreadable::take_out(draft, &before, wish)?);
    if wish.moves_pins() {
        reach::within(repository, desk, &before, draft, asking)?;
        let settled = Asked { repository, desk, before: &before, wish, asking }.settle(draft)?;
        reach::within(repository, desk, &before, draft, asking)?;
        applied.notes.extend(settled.notes());
        applied.remark = settled.detail();
        applied.lacks = settled.lacks;
    }
    // A pin that is over ends whatever comes of it, but not unseen.
    if matches!(wish, Wish::Expire(_)) {
        let settled = Asked { repository, desk, before: &before, wish, asking }.look(draft)?;
        applied.remark = settled.detail();
    }
    listable::judge(draft, wish)?;
    if !matches!(wish, Wish::Add(_) | Wish::Edit(_)) {
        several::learn_touched(repository, desk, draft, &before)?;
    }
    Ok(applied)
}

fn alter(
    repository: &Repository,
    desk: &Desk,
    draft: &mut Draft<'_>,
    wish: &Wish,
    asking: &Asking,
    expect: Option<Expect>,
) -> Result<Applied, FlowError> {
    match wish {
        Wish::Add(items) => adding::add(repository, desk, draft, items, asking),
        Wish::Pin(target, version, hours) => {
            let target = lookup::resolve(repository, desk, target)?;
            let asking = lookup::lasting(asking, *hours);
            let past = lookup::past_of(repository, desk, &target)?;
            let taken = lookup::taken_of(repository, desk, &target)?;
            pinning::pin_at(draft, &target, version, &past, &taken, &asking)?;
            Ok(Applied::default())
        }
        Wish::RollBack(targets, to) if targets.is_empty() => {
            rollback::suite(repository, desk, draft, *to, asking)
        }
        Wish::RollBack(targets, to) => {
            rollback::packages(repository, desk, draft, targets, *to, asking, expect)
        }
        Wish::Unpin(targets) => end_pins(repository, desk, draft, targets),
        Wish::Remove(targets) => {
            for target in targets {
                let target = lookup::resolve(repository, desk, target)?;
                let taken = several::taken(repository, desk, draft, &target)?;
                pinning::remove(draft, &target, &taken)?;
            }
            let note = "hosts that installed a removed package keep it: apt does not remove";
            Ok(Applied { notes: vec![note.into()], ..Applied::default() })
        }
        Wish::Edit(edit) => {
            let spec = edit.apply(&draft.spec)?;
            if edit.adds() {
                names_fit::lists_fit(repository, &spec)?;
            }
            if edit.with_packages {
                draft.clear_all_of(&edit.remove_architectures);
            }
            let before = draft.spec.clone();
            draft.edit(spec);
            several::relist(repository, desk, draft, &before)?;
            Ok(Applied::default())
        }
        Wish::Expire(target) => {
            // It may have been set anew while this waited for its turn.
            let until = draft.pin(target).and_then(|pin| pin.until);
            match until {
                Some(until) if until <= asking.at => {
                    end_pins(repository, desk, draft, std::slice::from_ref(target))
                }
                _ => Ok(Applied::default()),
            }
        }
        Wish::Begin | Wish::Renew | Wish::Complete => Ok(Applied::default()),
    }
}

fn end_pins(
    repository: &Repository,
    desk: &Desk,
    draft: &mut Draft<'_>,
    targets: &[PinTarget],
) -> Result<Applied, FlowError> {
    let all: Vec<_> = draft.pins().map(|pin| pin.target.clone()).collect();
    let targets = if targets.is_empty() { all.as_slice() } else { targets };
    let mut notes = Vec::new();
    for target in targets {
        let target = if all.contains(target) {
            target.clone()
        } else {
            not_as_binary(target, &all)?;
            lookup::resolve(repository, desk, target)?
        };
        let before = draft.members(&target);
        let taken = lookup::taken_of(repository, desk, &target)?;
        pinning::unpin(draft, &target, &taken)?;
        let kept_out = listable::kept_out(draft, &target, &taken);
        if draft.members(&target) == before && kept_out.is_none() {
            notes.push(nothing_newer(desk, draft, &target, &taken));
        }
        notes.extend(kept_out);
    }
    Ok(Applied { notes, ..Applied::default() })
}

/// A name that is pinned as a binary is not taken for that of a source.
fn not_as_binary(target: &PinTarget, pinned: &[PinTarget]) -> Result<(), FlowError> {
    let binary = PinTarget { kind: PinKind::Binary, name: target.name.clone() };
    if target.kind == PinKind::Binary || !pinned.contains(&binary) {
        return Ok(());
    }
    Err(Conflict::one(
        &target.name,
        "is pinned as one binary package; add --binary to end that pin",
    )
    .into())
}

/// What is said when the end of a pin changes nothing for hosts.
fn nothing_newer(desk: &Desk, draft: &Draft<'_>, target: &PinTarget, taken: &[Taken]) -> String {
    let (name, suite) = (&target.name, &desk.suite);
    let fled = taken.iter().filter(|(_, package)| draft.has_fled(package));
    let highest = fled.map(|(_, package)| pinning::pinned_version(target, package)).max();
    let stays =
        format!("{name}: no newer version waits; what is listed stays until one is uploaded");
    match highest {
        Some(out) => format!(
            "{stays}; {out} was taken out and stays out: \
             `repoctl pin --suite {suite} {name}={out}` brings it back"
        ),
        None => stays,
    }
}
