//! Answer: what is told of a change, of all that its generation did.

use std::collections::{BTreeSet, HashSet};

use crate::domain::add::{Added, Standing};
use crate::domain::{Applied, Change, Expect, Move, Outcome, PinTarget, Plan};
use crate::flow::error::FlowError;
use crate::flow::suite::desk::Desk;

/// The packages that a change names; none when it names none, or means all.
pub(super) fn named(change: &Change) -> &[PinTarget] {
    match change {
        Change::Pin(target, ..) => std::slice::from_ref(target),
        Change::RollBack(targets, _) | Change::Unpin(targets) | Change::Remove(targets) => targets,
        Change::Promote(promotion) => &promotion.named,
        _ => &[],
    }
}

/// The answer to a change, of what all changes of its generation did.
pub(super) fn outcome_of(
    applied: Applied,
    change: &Change,
    plan: &Plan,
    generation: Option<u64>,
    dry_run: bool,
) -> Outcome {
    // A change that only names packages which are listed already is not part of the new generation.
    let adds = change.takes_in();
    let named: HashSet<_> = applied.added.iter().map(|added| added.package.digest).collect();
    let comes = |m: &Move| m.to.as_ref().is_some_and(|to| named.contains(&to.digest));
    let places: BTreeSet<_> = plan.told().iter().filter(|m| comes(m)).map(|m| &m.place).collect();
    // Where several versions are listed, the lowest makes room for a new one.
    let goes = |m: &Move| m.to.is_none() && places.contains(&m.place);
    let own = |m: &&Move| !adds || comes(m) || goes(m);
    let moves: Vec<_> = plan.told().iter().filter(own).cloned().collect();
    let is_brought = |added: &Added| added.standing == Standing::RollingOut;
    let seen = !moves.is_empty()
        || plan.is_rolled && (!adds || applied.added.iter().any(is_brought))
        || matches!(change, Change::Edit(_) | Change::Begin | Change::Restore(_));
    Outcome {
        generation: generation.filter(|_| seen),
        dry_run,
        added: applied.added,
        moves,
        is_rolled: seen && plan.is_rolled,
        pinned: plan.pinned.clone(),
        ended: plan.unpinned.clone(),
        beyond: Vec::new(),
        lacks: applied.lacks,
        notes: applied.notes,
    }
}

/// Checks that the suite is at the generation that the asker saw. A rollback of named packages
/// checks instead, by itself, that these are unchanged, unless `exactly` is set.
pub(super) fn check_expected(
    desk: &Desk,
    expect: Option<Expect>,
    change: &Change,
) -> Result<(), FlowError> {
    let of_some = matches!(change, Change::RollBack(targets, _) if !targets.is_empty());
    let last = desk.state().last_generation;
    match expect {
        Some(Expect { generation, exactly }) if generation != last && (exactly || !of_some) => {
            Err(FlowError::Expectation { expected: generation, last })
        }
        _ => Ok(()),
    }
}
