//! Rolling out: what a change of a suite with rings brings is offered ring after ring, and what each ring is offered.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::debian::{Component, PackageName};
use crate::domain::add::{Standing, judge_anyway};
use crate::domain::draft::Draft;
use crate::domain::offering::{progress, supersede};
use crate::domain::package_set::place_of;
use crate::domain::ring::{EVERYONE, RingId};
use crate::domain::rollout::{Reached, Rollout, RolloutState};
use crate::domain::{Conflict, Move, Package, PackageSet, PinKind, PinTarget, Place, Withdrawn};
use crate::time::Moment;

/// Which rollout is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RolloutRef {
    /// The only one that is open.
    Only,
    /// That of this number.
    Number(u64),
    /// The newest that brings something of this source.
    Source(PackageName),
}

/// How far a step goes, and in spite of what.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Way {
    /// To all rings up to the named one; `None` to the next.
    pub to: Option<String>,
    /// The name of the freeze that it overrides.
    pub override_freeze: Option<String>,
}

/// What is to become of a rollout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RolloutStep {
    /// It begins: it reaches the first ring, or all up to the named one.
    Start(Way),
    /// It reaches the next ring, or all up to the named one.
    Advance(Way),
    /// Enough hosts have it: from now on it is watched for a while before its next step.
    Soak,
    /// It stays where it is.
    Pause,
    /// It goes on.
    Resume,
    /// All rings go back to what they had before it.
    Abort,
}

impl RolloutStep {
    /// The verb, for the log.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Advance(_) => "advance",
            Self::Soak => "soak",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Abort => "abort",
        }
    }
}

/// A change of a rollout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RolloutChange {
    /// Of which.
    pub of: RolloutRef,
    /// What becomes of it.
    pub step: RolloutStep,
}

/// Makes a step of a rollout; gives sentences for people.
///
/// # Errors
/// [`Conflict`] when no such rollout is open, or the step is none for it.
pub fn step(
    draft: &mut Draft<'_>,
    change: &RolloutChange,
    at: Moment,
    why: &str,
) -> Result<Vec<String>, Conflict> {
    let rollout = find(draft, &change.of)?.clone();
    let what = rollout.told();
    match &change.step {
        RolloutStep::Start(way) if rollout.reached.is_empty() => advance(draft, &rollout, way, at),
        RolloutStep::Start(_) => {
            Err(Conflict::one(what, "has begun; `repoctl rollout advance` goes on with it"))
        }
        RolloutStep::Advance(_) if rollout.reached.is_empty() => {
            Err(Conflict::one(what, "has not begun; `repoctl rollout start` begins it"))
        }
        RolloutStep::Advance(way) => advance(draft, &rollout, way, at),
        RolloutStep::Soak => {
            if let Some(rollout) = draft.rolling.find_mut(rollout.id) {
                rollout.met_at = Some(at);
            }
            Ok(Vec::new())
        }
        RolloutStep::Pause => {
            edit(draft, rollout.id, RolloutState::Paused, why);
            Ok(vec![format!("{what} stays where it is until `repoctl rollout resume`")])
        }
        RolloutStep::Resume if rollout.state == RolloutState::Running => {
            Err(Conflict::one(what, "is not paused"))
        }
        RolloutStep::Resume => {
            edit(draft, rollout.id, RolloutState::Running, "");
            if let Some(rollout) = draft.rolling.find_mut(rollout.id) {
                (rollout.resumed_at, rollout.met_at) = (Some(at), None);
            }
            draft.rolling.supersede();
            Ok(vec![format!("{what} goes on; `repoctl rollout status` tells what it waits for")])
        }
        RolloutStep::Abort => {
            abort(draft, &rollout, why);
            Ok(vec![format!("{what} is withdrawn from every ring")])
        }
    }
}

fn find<'d>(draft: &'d Draft<'_>, of: &RolloutRef) -> Result<&'d Rollout, Conflict> {
    let suite = &draft.spec.name;
    let all: Vec<&Rollout> = draft.rolling.open().collect();
    let found = match of {
        RolloutRef::Only => match all.as_slice() {
            [one] => return Ok(one),
            [] => None,
            [..] => {
                let named: Vec<_> = all.iter().map(|one| one.told()).collect();
                let problem = format!("several are under way: {}; name one", named.join(", "));
                return Err(Conflict::one(format!("suite {suite}"), problem));
            }
        },
        RolloutRef::Number(id) => all.iter().find(|one| one.id == *id).copied(),
        RolloutRef::Source(name) => {
            let target = PinTarget { kind: PinKind::Source, name: name.clone() };
            all.iter().rev().find(|one| one.is_of(&target)).copied()
        }
    };
    found.ok_or_else(|| {
        let problem = match of {
            RolloutRef::Only => "nothing is under way".to_owned(),
            RolloutRef::Number(id) => format!("rollout {id} is not under way"),
            RolloutRef::Source(name) => format!("no rollout of {name} is under way"),
        };
        let told = "`repoctl rollout status` tells which are";
        Conflict::one(format!("suite {suite}"), format!("{problem}; {told}"))
    })
}

fn edit(draft: &mut Draft<'_>, id: u64, state: RolloutState, why: &str) {
    if let Some(rollout) = draft.rolling.find_mut(id) {
        rollout.state = state;
        why.clone_into(&mut rollout.why);
    }
}

/// The rings that a rollout reaches next: the first that it has not reached, or all up to the one named `to`; and
/// whether it reaches everybody.
fn next_rings(
    draft: &Draft<'_>,
    rollout: &Rollout,
    to: Option<&str>,
) -> Result<(Vec<RingId>, bool), Conflict> {
    let rings = &draft.spec.rings;
    let not_reached = rings.iter().filter(|ring| !rollout.reached.contains_key(&ring.id));
    let Some(to) = to else {
        let next: Vec<_> = not_reached.take(1).map(|ring| ring.id).collect();
        let is_last = next.is_empty();
        return Ok((next, is_last));
    };
    if to == EVERYONE {
        return Ok((not_reached.map(|ring| ring.id).collect(), true));
    }
    let Some(at) = rings.iter().position(|ring| ring.name.as_str() == to) else {
        let names: Vec<_> = rings.iter().map(|ring| ring.name.as_str()).chain([EVERYONE]).collect();
        let problem = format!("is no ring of the suite; it has {}", names.join(", "));
        return Err(Conflict::one(format!("ring {to}"), problem));
    };
    let up_to = rings.iter().take(at.saturating_add(1)).map(|ring| ring.id);
    let next: Vec<_> = up_to.filter(|id| !rollout.reached.contains_key(id)).collect();
    match next.is_empty() {
        true => Err(Conflict::one(rollout.told(), format!("has reached ring {to} already"))),
        false => Ok((next, false)),
    }
}

fn advance(
    draft: &mut Draft<'_>,
    rollout: &Rollout,
    way: &Way,
    at: Moment,
) -> Result<Vec<String>, Conflict> {
    if rollout.state != RolloutState::Running {
        let problem = format!(
            "is {}: {}; `repoctl rollout resume` lets it go on",
            rollout.state.as_str(),
            rollout.why
        );
        return Err(Conflict::one(rollout.told(), problem));
    }
    thaw(draft, rollout, way, at)?;
    let (next, is_last) = next_rings(draft, rollout, way.to.as_deref())?;
    let mut notes = Vec::new();
    if let Some(rollout) = draft.rolling.find_mut(rollout.id) {
        let reached = Reached { generation: None, at };
        rollout.reached.extend(next.iter().map(|id| (*id, reached)));
        rollout.met_at = None;
    }
    if is_last {
        for ((component, _), package) in &rollout.packages {
            match judge_anyway(draft, component, package, false) {
                (Standing::Published, _) => {
                    supersede(draft, component, package);
                    draft.put(component, package);
                }
                (_, why) if !why.is_empty() => {
                    notes.push(format!("{} {} stays out: {why}", package.name, package.version));
                }
                _ => {}
            }
        }
        edit(draft, rollout.id, RolloutState::Done, "");
        notes.insert(0, format!("{} has reached everybody", rollout.told()));
    } else if let Some(now) = draft.rolling.find_mut(rollout.id).map(|now| now.clone()) {
        notes.push(format!("{}: {}", rollout.told(), progress(draft, &now)));
    }
    Ok(notes)
}

/// Checks that no freeze lasts, or that it is overridden by its name.
fn thaw(draft: &Draft<'_>, rollout: &Rollout, way: &Way, at: Moment) -> Result<(), Conflict> {
    let Some((freeze, end)) = draft.spec.rollout.frozen_at(at) else { return Ok(()) };
    let name = freeze.name.as_str();
    if way.override_freeze.as_deref() == Some(name) {
        return Ok(());
    }
    let problem =
        format!("is {}; --override-freeze {name} goes on in spite of it", freeze.told(end));
    Err(Conflict::one(rollout.told(), problem))
}

/// Takes a rollout back from every ring: its versions are withdrawn.
fn abort(draft: &mut Draft<'_>, rollout: &Rollout, why: &str) {
    edit(draft, rollout.id, RolloutState::Aborted, why);
    let listed = |component: &Component, one: &Package| draft.lists(component, one);
    let out: Vec<_> = rollout
        .packages
        .iter()
        .filter(|((component, _), package)| !listed(component, package))
        .map(|(_, package)| withdrawn(draft, package))
        .collect();
    out.into_iter().for_each(|one| draft.withdraw(one));
    // What it had superseded stays where it is until a person lets it go on.
    for other in draft.rolling.open_mut().filter(|one| one.state == RolloutState::Superseded) {
        other.state = RolloutState::Paused;
        other.why = format!("rollout {}, which superseded it, was aborted", rollout.id);
    }
}

/// How a package is withdrawn: with its source, unless everybody is offered other packages of that version of it.
fn withdrawn(draft: &Draft<'_>, package: &Package) -> Withdrawn {
    let target = PinTarget::moving(package);
    let is_same = |(_, one): &(Place, Arc<Package>)| one.source_version == package.source_version;
    if target.kind == PinKind::Source && !draft.members(&target).iter().any(is_same) {
        return Withdrawn { target, version: package.source_version.clone() };
    }
    let target = PinTarget { kind: PinKind::Binary, name: package.name.clone() };
    Withdrawn { target, version: package.version.clone() }
}

/// Ends the rollouts of which nothing is left to be done, and marks those that newer ones supersede.
pub fn tidy(draft: &mut Draft<'_>) {
    draft.rolling.supersede();
    let mut ended = Vec::new();
    for rollout in draft.rolling.open() {
        let (mut withdrawn, mut listed) = (true, true);
        for ((component, _), package) in &rollout.packages {
            listed &= draft.lists(component, package) || is_outdone(draft, component, package);
            withdrawn &= draft.is_withdrawn(package);
        }
        if withdrawn {
            ended.push((rollout.id, RolloutState::Aborted, "its versions were withdrawn"));
        } else if listed {
            ended.push((
                rollout.id,
                RolloutState::Done,
                "everybody is offered it, or what is higher",
            ));
        }
    }
    for (id, state, why) in ended {
        edit(draft, id, state, why);
    }
}

/// Whether everybody is offered a higher version of a package.
fn is_outdone(draft: &Draft<'_>, component: &Component, package: &Package) -> bool {
    draft.at(&place_of(component, package)).is_some_and(|listed| listed.version > package.version)
}

/// What a ring is offered of a suite that lists `contents` for everybody; `None` when it is offered just that. With
/// it comes the difference. `draft` is of that suite and changes nothing.
pub fn ring_contents(
    draft: &Draft<'_>,
    contents: &PackageSet,
    ring: RingId,
) -> Option<(PackageSet, Vec<Move>)> {
    let mut view = draft.clone();
    view.rolling.seen_as = Some(ring);
    let mut since = BTreeMap::new();
    for rollout in draft.rolling.open() {
        let Some(reached) = rollout.reached.get(&ring) else { continue };
        view.learn(rollout.packages.iter().map(|(came, one)| (came.0.clone(), Arc::clone(one))));
        for (came, package) in &rollout.packages {
            if judge_anyway(&view, &came.0, package, false).0 == Standing::Published {
                supersede(&mut view, &came.0, package);
                view.put(&came.0, package);
                since.insert(came.clone(), reached.generation);
            }
        }
    }
    let moves = view.plan().moves;
    if moves.is_empty() {
        return None;
    }
    let mut contents = contents.clone();
    for one in &moves {
        let component = &one.place.0;
        if let Some(from) = &one.from {
            contents.unlist(component, from);
        }
        if let Some(to) = &one.to {
            let since = since.get(&(component.clone(), to.digest)).copied().flatten();
            contents.list(component, Arc::clone(to), since.unwrap_or_default());
        }
    }
    Some((contents, moves))
}
