//! Apply: looks up what a change needs to know and hands it to the rules.

use crate::domain::Applied;
use crate::domain::Change;

use crate::debian::Version;
use crate::domain::Expect;
use crate::domain::hold;
use crate::domain::patterns::GroupName;
use crate::domain::pinning::{self, Asking, Taken};
use crate::domain::reserved::is_apart;
use crate::domain::rolling;
use crate::domain::yank;
use crate::domain::{
    Conflict, Denied, Draft, Hold, PinKind, PinTarget, SuiteEdit, SuiteSpec, Yank,
};
use crate::flow::change::cascade::Asked;
use crate::flow::change::emptied;
use crate::flow::change::{
    adding, aliases, downwards, irreversible, listable, lookup, names_fit, promote, reach,
    rollback, several, unreadable,
};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;

/// Applies a change to a draft. A change that is refused leaves the draft as it was, however far it
/// got.
///
/// # Errors
/// [`FlowError::Conflict`], [`FlowError::Missing`], [`FlowError::Denied`] for what is beyond the
/// asker's reach, or the error of a store. Where `may_go_on` says no, a change that would be looked at for long may
/// end with [`FlowError::Unavailable`].
pub fn apply(
    repository: &Repository,
    desk: &Desk,
    draft: &mut Draft<'_>,
    change: &Change,
    asking: &Asking,
    expect: Option<Expect>,
    may_go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Applied, FlowError> {
    let before = draft.clone();
    draft.begin_change(&asking.author, &asking.message, asking.at, asking.leeway.urgent);
    let altered = match change {
        Change::Promote(promotion) => {
            promote::Promoting { repository, desk, promotion, asking, may_go_on }.apply(draft)
        }
        _ => alter(repository, desk, draft, change, asking, expect),
    };
    let applied = altered
        .and_then(|applied| judge(repository, desk, (&before, draft), change, asking, applied));
    if applied.is_err() {
        *draft = before;
    }
    applied
}

/// Refuses what hosts could not follow, and notes what they have to know.
fn judge<'d>(
    repository: &Repository,
    desk: &Desk,
    (before, draft): (&Draft<'d>, &mut Draft<'d>),
    change: &Change,
    asking: &Asking,
    mut applied: Applied,
) -> Result<Applied, FlowError> {
    applied.notes.extend(unreadable::take_out(draft, before, change)?);
    if change.moves_pins() {
        reach::within(repository, desk, before, draft, asking)?;
        let settled = Asked { repository, desk, before, change, asking }.settle(draft)?;
        reach::within(repository, desk, before, draft, asking)?;
        applied.notes.extend(downwards::judge(before, draft, change, asking)?);
        applied.notes.extend(settled.notes());
        applied.notes.extend(irreversible::judge(
            (repository, desk),
            (before, draft),
            change,
            asking,
        )?);
        applied.remark = settled.detail();
        applied.lacks = settled.lacks;
    }
    // An expired pin ends in any case, but what hosts cannot follow is reported.
    if matches!(change, Change::Expire(_)) {
        let settled = Asked { repository, desk, before, change, asking }.look(draft)?;
        applied.remark = settled.detail();
    }
    rolling::tidy(draft);
    listable::judge(draft, change)?;
    if !change.takes_in() && !matches!(change, Change::Edit(_)) {
        several::learn_touched(repository, desk, draft, before)?;
    }
    Ok(applied)
}

fn alter(
    repository: &Repository,
    desk: &Desk,
    draft: &mut Draft<'_>,
    change: &Change,
    asking: &Asking,
    expect: Option<Expect>,
) -> Result<Applied, FlowError> {
    match change {
        Change::Add(items) => adding::add(repository, desk, draft, items, asking),
        Change::Pin(target, version, hours) => {
            let target = lookup::resolve(repository, desk, target)?;
            let asking = lookup::lasting(asking, *hours);
            let past = lookup::past_of(repository, desk, &target)?;
            let taken = lookup::taken_of(repository, desk, &target)?;
            let listed = draft.members(&target);
            pinning::pin_at(draft, &target, version, &past, &taken, &asking)?;
            let mut notes = emptied::notes(&listed, draft, &target);
            notes.extend(downwards::stays(draft, &target));
            Ok(Applied { notes, ..Applied::default() })
        }
        Change::RollBack(targets, to) if targets.is_empty() => {
            rollback::suite(repository, desk, draft, *to, asking)
        }
        Change::RollBack(targets, to) => {
            rollback::packages(repository, desk, draft, targets, *to, asking, expect)
        }
        Change::Unpin(targets) => end_pins(repository, desk, draft, targets),
        Change::Remove(targets) => remove(repository, desk, draft, targets),
        Change::Hold => {
            whole_suite(asking)?;
            let (author, message) = (asking.author.clone(), asking.message.clone());
            let notes = vec![hold::begin(draft, Hold { author, message, at: asking.at })];
            Ok(Applied { notes, ..Applied::default() })
        }
        Change::Release => {
            whole_suite(asking)?;
            several::learn(repository, desk, draft, &draft.held_back_names())?;
            Ok(Applied { notes: hold::release(draft)?, ..Applied::default() })
        }
        Change::Yank(target, version) => yanked(repository, desk, draft, target, version, asking),
        Change::UndoYank(target, version) => {
            yank::undo(draft, target, version)?;
            Ok(Applied::default())
        }
        Change::Rollout(change) => {
            whole_suite(asking)?;
            let notes = rolling::step(draft, change, asking.at, &asking.message)?;
            Ok(Applied { notes, ..Applied::default() })
        }
        Change::Edit(to) => edit(repository, desk, draft, to),
        Change::Expire(target) => {
            // The pin may have been set again while this change waited.
            let until = draft.pin(target).and_then(|pin| pin.until);
            // What is held offers nothing new by itself.
            match until.filter(|_| draft.hold().is_none()) {
                Some(until) if until <= asking.at => {
                    end_pins(repository, desk, draft, std::slice::from_ref(target))
                }
                _ => Ok(Applied::default()),
            }
        }
        Change::Restore(_) => Ok(Applied { same_as: desk.live(), ..Applied::default() }),
        Change::Promote(_) | Change::Begin | Change::Renew | Change::Redate | Change::Complete => {
            Ok(Applied::default())
        }
    }
}

/// Edits the suite.
fn edit(
    repository: &Repository,
    desk: &Desk,
    draft: &mut Draft<'_>,
    to: &SuiteEdit,
) -> Result<Applied, FlowError> {
    let spec = to.apply(&draft.spec)?;
    if to.adds() {
        names_fit::lists_fit(repository, &spec)?;
    }
    aliases::may_have(repository, &spec, to.alias_from())?;
    draft.alias_from = to.alias_from().cloned();
    if to.with_packages {
        draft.clear_all_of(&to.remove_architectures);
    }
    rings_stay(draft, &spec)?;
    let before = draft.spec.clone();
    draft.edit(spec);
    several::relist(repository, desk, draft, &before)?;
    let notes = if to.rings.is_some() { without_group(repository, draft) } else { Vec::new() };
    Ok(Applied { notes, ..Applied::default() })
}

/// Has a version offered no more.
fn yanked(
    repository: &Repository,
    desk: &Desk,
    draft: &mut Draft<'_>,
    target: &PinTarget,
    version: &Version,
    asking: &Asking,
) -> Result<Applied, FlowError> {
    let taken = lookup::taken_of(repository, desk, target)?;
    let listed = draft.members(target);
    let yank = Yank {
        target: target.clone(),
        version: version.clone(),
        author: asking.author.clone(),
        message: asking.message.clone(),
        at: asking.at,
    };
    yank::yank(draft, &yank, &taken);
    Ok(Applied { notes: emptied::notes(&listed, draft, target), ..Applied::default() })
}

/// Sentences about rings that name groups which there are not.
fn without_group(repository: &Repository, draft: &Draft<'_>) -> Vec<String> {
    let grants = repository.grants.load();
    let groups = draft.spec.rings.groups();
    let absent = groups.iter().filter(|group| grants.rights().group(group).is_none());
    let told = |group: &GroupName| {
        format!(
            "there is no group {group}, so that no host is in a ring by it yet: `repoctl access group add {group} HOST`"
        )
    };
    absent.map(|group| told(group)).collect()
}

/// Refuses other rings, or another order of them, while something is on its way through them. Who is in them may
/// change.
fn rings_stay(draft: &Draft<'_>, to: &SuiteSpec) -> Result<(), Conflict> {
    let under_way = draft.rollouts();
    if under_way.is_empty() || draft.spec.rings.is_same_order(&to.rings) {
        return Ok(());
    }
    let named: Vec<_> = under_way.iter().map(ToString::to_string).collect();
    let problem = format!(
        "cannot be added, removed or put in another order while rollouts are under way ({}): finish them with \
         `repoctl rollout advance --to everyone`, or abort them",
        named.join(", ")
    );
    Err(Conflict::one(format!("the rings of suite {}", to.name), problem))
}

/// Stops offering packages.
fn remove(
    repository: &Repository,
    desk: &Desk,
    draft: &mut Draft<'_>,
    targets: &[PinTarget],
) -> Result<Applied, FlowError> {
    let mut removed = Vec::new();
    for target in targets {
        let target = lookup::resolve(repository, desk, target)?;
        let taken = several::taken(repository, desk, draft, &target)?;
        pinning::remove(draft, &target, &taken)?;
        removed.push(target);
    }
    let note = "hosts that installed a removed package keep it: apt does not remove";
    let mut notes = vec![note.to_owned()];
    notes.extend(removed.iter().filter_map(|target| downwards::stays_in(draft, target)));
    Ok(Applied { notes, ..Applied::default() })
}

/// Refuses what concerns the whole suite from who may alter only some packages of it.
fn whole_suite(asking: &Asking) -> Result<(), Denied> {
    match asking.reach.is_whole() {
        true => Ok(()),
        false => Err(Denied::Limited { identity: asking.author.clone() }),
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
    let (mut notes, mut ended) = (Vec::new(), Vec::new());
    for target in targets {
        let target = if all.contains(target) {
            target.clone()
        } else {
            not_pinned_as_binary(target, &all)?;
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
        ended.push(target);
    }
    // What ended with a pin of its own has moved by that.
    if !ended.iter().any(|target| is_apart(target.name.as_str())) {
        notes.extend(ended.iter().filter_map(|target| downwards::stays_pinned(draft, target)));
    }
    Ok(Applied { notes, ..Applied::default() })
}

/// Refuses the name of a source if only a binary package of this name is pinned.
fn not_pinned_as_binary(target: &PinTarget, pinned: &[PinTarget]) -> Result<(), FlowError> {
    let binary = PinTarget { kind: PinKind::Binary, name: target.name.clone() };
    let is_meant = target.kind == PinKind::Binary || is_apart(target.name.as_str());
    if is_meant || !pinned.contains(&binary) {
        return Ok(());
    }
    Err(Conflict::one(
        &target.name,
        "is pinned as one binary package; add --binary to end that pin",
    )
    .into())
}

/// The note about a pin whose end changes nothing for hosts.
fn nothing_newer(desk: &Desk, draft: &Draft<'_>, target: &PinTarget, taken: &[Taken]) -> String {
    let (name, suite) = (&target.name, &desk.suite);
    let withdrawn = taken.iter().filter(|(_, package)| draft.is_withdrawn(package));
    let highest = withdrawn.map(|(_, package)| pinning::pinned_version(target, package)).max();
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
