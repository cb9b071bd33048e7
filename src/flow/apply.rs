//! Apply: looks up what a wish needs to know and hands it to the rules.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::debian::{Component, PackageName, Version};
use crate::digest::Digest;
use crate::domain::add::Added;
use crate::domain::past::Past;
use crate::domain::pinning::{self, Asking, Taken};
use crate::domain::{Conflict, Draft, Lack, Package, PinKind, PinTarget};
use crate::flow::along::Asked;
use crate::flow::change::Expect;
use crate::flow::desk::Desk;
use crate::flow::suite::{self, Edit};
use crate::flow::{FlowError, Repository, listable, reach, rollback, unreadable};

mod adding;

pub(crate) use adding::not_sent;

/// What is wished of a suite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wish {
    /// Take packages whose bytes are known.
    Add(Vec<(Component, Digest)>),
    /// Offer exactly this version.
    Pin(PinTarget, Version, Option<u32>),
    /// Go back: these packages, or the whole suite when there are none; to a generation, or to the
    /// version before.
    RollBack(Vec<PinTarget>, Option<u64>),
    /// End these pins, or all when there are none.
    Unpin(Vec<PinTarget>),
    /// Stop offering packages.
    Remove(Vec<PinTarget>),
    /// Describe the suite anew, from what it is then.
    Edit(Edit),
    /// Make the first generation of a new suite.
    Begin,
    /// End this pin if its time has passed.
    Expire(PinTarget),
    /// Sign what is live anew: a later Date and Valid-Until, the same content.
    Renew,
    /// List what has become whole since the last generation.
    Complete,
}

impl Wish {
    /// The verb, for the log.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Pin(..) => "pin",
            Self::RollBack(..) => "rollback",
            Self::Unpin(_) => "unpin",
            Self::Remove(_) => "remove",
            Self::Edit(_) => "edit",
            Self::Begin => "create",
            Self::Expire(_) => "expire",
            Self::Renew => "renew",
            Self::Complete => "complete",
        }
    }

    /// Whether people ask it of what is listed.
    fn moves_pins(&self) -> bool {
        matches!(self, Self::Pin(..) | Self::RollBack(..) | Self::Unpin(_) | Self::Remove(_))
    }

    /// Whether it goes before uploads.
    pub fn is_urgent(&self) -> bool {
        !matches!(self, Self::Add(_) | Self::Complete)
    }
}

/// What applying a wish gave beside the change of the draft.
#[derive(Clone, Default, Debug)]
pub struct Applied {
    /// What became of each added package.
    pub added: Vec<Added>,
    /// The generation whose packages came back.
    pub same_as: Option<u64>,
    /// What hosts cannot install with it.
    pub lacks: Vec<Lack>,
    /// What the audit log says beside what was wished.
    pub remark: String,
    /// Sentences for people.
    pub notes: Vec<String>,
}

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
            let target = resolve(repository, desk, target)?;
            let asking = lasting(asking, *hours);
            let past = past_of(repository, desk, &target)?;
            let taken = taken_of(repository, desk, &target)?;
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
                pinning::remove(draft, &resolve(repository, desk, target)?)?;
            }
            let note = "hosts that installed a removed package keep it: apt does not remove";
            Ok(Applied { notes: vec![note.into()], ..Applied::default() })
        }
        Wish::Edit(edit) => {
            let spec = edit.apply(&draft.spec)?;
            if edit.adds() {
                suite::lists_fit(repository, &spec)?;
            }
            if edit.with_packages {
                draft.clear_all_of(&edit.remove_architectures);
            }
            draft.edit(spec);
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

/// The same, with pins that end by themselves after so many hours.
pub(crate) fn lasting(asking: &Asking, hours: Option<u32>) -> Asking {
    let until = hours.map(|hours| asking.at.plus(i64::from(hours).saturating_mul(3600)));
    Asking { until, ..asking.clone() }
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
            resolve(repository, desk, target)?
        };
        let before = draft.members(&target);
        let taken = taken_of(repository, desk, &target)?;
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

/// A source package of that name, or, when there is none, the source of the binary of that name.
pub(crate) fn resolve(
    repository: &Repository,
    desk: &Desk,
    target: &PinTarget,
) -> Result<PinTarget, FlowError> {
    if target.kind == PinKind::Binary
        || !repository.catalogue.list_placements(&desk.suite, Some(&target.name))?.is_empty()
    {
        return Ok(target.clone());
    }
    let found = repository.catalogue.search_placements(target.name.as_str(), u32::MAX)?;
    let source = found
        .into_iter()
        .filter(|placement| placement.suite == desk.suite)
        .max_by_key(|placement| placement.live)
        .map(|placement| placement.package.source);
    let name = source.unwrap_or_else(|| target.name.clone());
    Ok(PinTarget { kind: PinKind::Source, name })
}

pub(crate) fn past_of(
    repository: &Repository,
    desk: &Desk,
    target: &PinTarget,
) -> Result<Past, FlowError> {
    let mut tenures = Vec::new();
    for source in sources_of(repository, desk, target)? {
        tenures.extend(repository.catalogue.list_tenures(&desk.suite, &source)?);
    }
    let digests: BTreeSet<_> = tenures.iter().map(|tenure| tenure.digest).collect();
    let digests: Vec<_> = digests.into_iter().collect();
    let records = repository.catalogue.find_packages(&digests)?;
    let packages = records.into_iter().map(|record| Arc::new(record.package)).collect();
    Ok(Past::new(target.clone(), tenures, packages))
}

/// Every package of the target that the suite has taken.
pub(crate) fn taken_of(
    repository: &Repository,
    desk: &Desk,
    target: &PinTarget,
) -> Result<Vec<Taken>, FlowError> {
    let mut taken = Vec::new();
    for source in sources_of(repository, desk, target)? {
        let placements = repository.catalogue.list_placements(&desk.suite, Some(&source))?;
        let wanted = |package: &Package| match target.kind {
            PinKind::Source => true,
            PinKind::Binary => package.name == target.name,
        };
        let own = placements.into_iter().filter(|placement| wanted(&placement.package));
        taken.extend(own.map(|placement| (placement.component, Arc::new(placement.package))));
    }
    Ok(taken)
}

fn sources_of(
    repository: &Repository,
    desk: &Desk,
    target: &PinTarget,
) -> Result<BTreeSet<PackageName>, FlowError> {
    if target.kind == PinKind::Source {
        return Ok([target.name.clone()].into());
    }
    let found = repository.catalogue.search_placements(target.name.as_str(), u32::MAX)?;
    let here = found.into_iter().filter(|placement| placement.suite == desk.suite);
    Ok(here.map(|placement| placement.package.source).collect())
}
