//! Along: what has to move with a change so that hosts can follow it, and what becomes of a change that they
//! cannot follow.

use std::collections::{BTreeSet, HashSet};

use tracing::warn;

use crate::debian::Version;
use crate::domain::Applied;
use crate::domain::Change;
use crate::domain::conflict::{ConflictKind, ConflictReason};
use crate::domain::installable::Trouble;
use crate::domain::past::{self, Past};
use crate::domain::pinning::{self, Asking, Leeway, Taken};
use crate::domain::{Conflict, Draft, Lack, PinTarget};
use crate::flow::change::difference::Difference;
use crate::flow::change::lookup::{lasting, past_of, resolve, taken_of};
use crate::flow::change::several;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;

/// So many sources are moved along with what was asked for. More are better served by the whole suite.
const MOST_ALONG: usize = 32;
/// So many versions of one are tried.
const MOST_VERSIONS: usize = 16;
/// So many lacks are told one by one.
const MOST_TOLD: usize = 8;

/// A change that a person asked for, with the suite as it was.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a, 'b> {
    pub repository: &'a Repository,
    pub desk: &'a Desk,
    pub before: &'a Draft<'b>,
    pub change: &'a Change,
    pub asking: &'a Asking,
}

/// What came of a change that hosts are to follow.
#[derive(Clone, Default, Debug)]
pub(crate) struct Settled {
    /// What hosts cannot install with it.
    pub lacks: Vec<Lack>,
    /// The sources that were taken along, and `repoctl`, which moves by itself.
    pub along: Vec<PinTarget>,
    /// Whether it goes on although something is worse.
    pub forced: bool,
}

impl<'b> Asked<'_, 'b> {
    /// Holds what the change has made of the draft against what hosts could install before: takes along what
    /// the asker said may go along, and refuses what hosts cannot follow unless the asker forces it.
    ///
    /// # Errors
    /// [`FlowError::Conflict`] with what could not be installed, and what would have to move along.
    pub(crate) fn settle(&self, draft: &mut Draft<'b>) -> Result<Settled, FlowError> {
        let lacks = self.lacks(draft)?;
        if !lacks.iter().any(|lack| lack.worse) {
            return Ok(Settled { lacks, ..Settled::default() });
        }
        let Leeway { cascade, force, .. } = self.asking.leeway;
        if force && !cascade {
            return Ok(Settled { lacks, forced: true, ..Settled::default() });
        }
        let mut trial = draft.clone();
        let taken = self.take_along(&mut trial, &lacks)?;
        if !cascade || !(taken.is_enough() || force) {
            return Err(self.refusal(&lacks, &taken, &trial).into());
        }
        *draft = trial;
        Ok(Settled { forced: !taken.is_enough(), ..taken })
    }

    /// Looks at a change that is made whatever comes of it, and tells the log.
    ///
    /// # Errors
    /// [`FlowError`] from the catalogue.
    pub(crate) fn look(&self, draft: &Draft<'b>) -> Result<Settled, FlowError> {
        let lacks = self.lacks(draft)?;
        for lack in lacks.iter().filter(|lack| lack.worse).take(MOST_TOLD) {
            warn!(suite = %self.desk.suite, %lack, "hosts cannot follow the end of a pin");
        }
        Ok(Settled { lacks, ..Settled::default() })
    }

    fn lacks(&self, after: &Draft<'b>) -> Result<Vec<Lack>, FlowError> {
        let change = Difference { repository: self.repository, before: self.before, after };
        Ok(change.lacks(&|| true)?.unwrap_or_default())
    }

    /// Moves one source after the other until nothing is worse than before, or none is found that helps.
    fn take_along(&self, draft: &mut Draft<'b>, lacks: &[Lack]) -> Result<Settled, FlowError> {
        let mut settled: BTreeSet<PinTarget> = moved(self.before, draft);
        let (mut lacks, mut along) = (lacks.to_vec(), Vec::new());
        while lacks.iter().any(|lack| lack.worse) && along.len() < MOST_ALONG {
            let Some((target, now, left)) = self.next(draft, &lacks, &settled)? else { break };
            (*draft, lacks) = (now, left);
            settled.insert(target.clone());
            along.push(target);
        }
        Ok(Settled { lacks, along, forced: false })
    }

    /// A source that has not moved yet and helps by doing so: the one that lacks something, or else one that
    /// it needs.
    fn next(
        &self,
        draft: &Draft<'b>,
        lacks: &[Lack],
        settled: &BTreeSet<PinTarget>,
    ) -> Result<Option<(PinTarget, Draft<'b>, Vec<Lack>)>, FlowError> {
        for lack in lacks.iter().filter(|lack| lack.worse) {
            let itself = std::iter::once(PinTarget::moving(&lack.package));
            let needed = lack.needs.iter().flatten().flat_map(|one| draft.named(&one.package));
            let needed = needed.map(|(_, package)| PinTarget::moving(&package));
            for target in itself.chain(needed) {
                if settled.contains(&target) {
                    continue;
                }
                if let Some((now, left)) = self.moved(draft, &target, lack)? {
                    return Ok(Some((target, now, left)));
                }
            }
        }
        Ok(None)
    }

    /// The draft with a source moved so that it and the package that lacked something lack nothing.
    fn moved(
        &self,
        draft: &Draft<'b>,
        target: &PinTarget,
        lack: &Lack,
    ) -> Result<Option<(Draft<'b>, Vec<Lack>)>, FlowError> {
        for trial in self.trials(draft, target)? {
            let left = self.lacks(&trial)?;
            let same = |other: &Lack| {
                let one = (&other.package.name, &other.architecture);
                target.holds(&other.package) || one == (&lack.package.name, &lack.architecture)
            };
            if !left.iter().any(|other| other.worse && same(other)) {
                return Ok(Some((trial, left)));
            }
        }
        Ok(None)
    }

    /// What a source could be moved to, the likeliest first. A move that is refused is none of them.
    fn trials(&self, draft: &Draft<'b>, target: &PinTarget) -> Result<Vec<Draft<'b>>, FlowError> {
        let mut trials = Vec::new();
        let mut attempt = |alter: &dyn Fn(&mut Draft<'b>) -> Result<(), Conflict>| {
            let mut trial = draft.clone();
            trials.extend(alter(&mut trial).is_ok().then_some(trial));
        };
        if matches!(self.change, Change::Remove(_)) {
            let taken = several::taken(self.repository, self.desk, draft, target)?;
            attempt(&|trial| pinning::remove(trial, target, &taken));
            return Ok(trials);
        }
        let taken = taken_of(self.repository, self.desk, target)?;
        // What moves along with a pin ends with it.
        let hours = if let Change::Pin(_, _, hours) = self.change { *hours } else { None };
        let asking = lasting(self.asking, hours);
        if matches!(self.change, Change::Unpin(_)) && draft.pin(target).is_some() {
            attempt(&|trial| pinning::unpin(trial, target, &taken));
        }
        let past = past_of(self.repository, self.desk, target)?;
        if let Change::RollBack(_, Some(to)) = self.change
            && !past.at(*to).is_empty()
        {
            attempt(&|trial| pinning::roll_back_to(trial, target, &past, *to, &asking));
        }
        for version in self.versions(draft, target, &taken, &past)? {
            attempt(&|trial| pinning::pin_at(trial, target, &version, &past, &taken, &asking));
        }
        Ok(trials)
    }

    /// The versions of a source that may be listed, the nearest first: below the present one or above it,
    /// as the change goes. A rollback only goes to what hosts have had.
    fn versions(
        &self,
        draft: &Draft<'b>,
        target: &PinTarget,
        taken: &[Taken],
        past: &Past,
    ) -> Result<Vec<Version>, FlowError> {
        let goes_back = matches!(self.change, Change::RollBack(..));
        let free = taken.iter().filter(|(_, package)| !draft.is_withdrawn(package));
        let all: BTreeSet<&Version> =
            free.map(|(_, p)| pinning::pinned_version(target, p)).collect();
        let now = draft.members(target);
        let now = past::label(target, now.iter().map(|(_, package)| &**package));
        let Some(now) = now.map(|label| label.pinned) else { return Ok(Vec::new()) };
        let mut below: Vec<_> = all.iter().rev().filter(|v| v.compare(&now).is_lt()).collect();
        let mut above: Vec<_> = all.iter().filter(|v| v.compare(&now).is_gt()).collect();
        if goes_back {
            above.clear();
            below.retain(|version| past.last_with(version).is_some());
        }
        let nearest = match self.goes_up()? {
            true => above.into_iter().chain(below),
            false => below.into_iter().chain(above),
        };
        Ok(nearest.take(MOST_VERSIONS).map(|version| (**version).clone()).collect())
    }

    /// Whether the change moves what it names upwards.
    fn goes_up(&self) -> Result<bool, FlowError> {
        let Change::Pin(target, version, _) = self.change else {
            return Ok(matches!(self.change, Change::Unpin(_)));
        };
        let target = resolve(self.repository, self.desk, target)?;
        let before = self.before.members(&target);
        let before = past::label(&target, before.iter().map(|(_, package)| &**package));
        Ok(before.is_none_or(|before| version.compare(&before.pinned).is_gt()))
    }

    fn refusal(&self, lacks: &[Lack], taken: &Settled, then: &Draft<'b>) -> Conflict {
        let worse: Vec<_> = lacks.iter().filter(|lack| lack.worse).collect();
        let told = worse.iter().take(MOST_TOLD).map(|lack| {
            let (name, version) = (&lack.package.name, &lack.package.version);
            let subject = format!("{name} {version} ({})", lack.architecture);
            let hosts = match lack.trouble {
                Trouble::Needs => "hosts that have it could not follow",
                Trouble::Recommends => "hosts that have it could not follow by `apt-get upgrade`",
                Trouble::Avoids => "hosts that have both could not follow",
            };
            let problem = format!("{}, so {hosts}", lack.problem());
            ConflictReason::new(subject, problem)
        });
        let mut reasons: Vec<_> = told.collect();
        let more = worse.len().saturating_sub(MOST_TOLD);
        if more > 0 {
            let problem = "could not be installed either".to_owned();
            reasons.push(ConflictReason::new(format!("{more} more"), problem));
        }
        let along: Vec<_> = taken.along.iter().map(|target| self.step(target, then)).collect();
        let force = "--force goes on, and hosts that have what is named above stay where they are";
        let problem = match (taken.is_enough(), along.is_empty()) {
            (true, false) => {
                format!(
                    "{} would have to move along; --cascade does that; {force}",
                    along.join(", ")
                )
            }
            _ => format!("nothing that could move along makes it installable; {force}"),
        };
        reasons.push(ConflictReason::new(format!("suite {}", self.desk.suite), problem));
        Conflict { kind: ConflictKind::NotInstallable, reasons }
    }

    /// How a source moves, in short.
    fn step(&self, target: &PinTarget, then: &Draft<'b>) -> String {
        let version = |draft: &Draft<'_>| {
            let members = draft.members(target);
            let label = past::label(target, members.iter().map(|(_, package)| &**package));
            label.map_or_else(|| "none".to_owned(), |label| label.pinned.to_string())
        };
        format!("{} from {} to {}", target.name, version(self.before), version(then))
    }
}

impl Settled {
    fn is_enough(&self) -> bool {
        !self.lacks.iter().any(|lack| lack.worse)
    }

    /// Sentences for people.
    pub(crate) fn notes(&self) -> Vec<String> {
        let along = self.along.iter();
        let along = along
            .map(|one| format!("{} moves along, as hosts could not follow without it", one.name));
        along.chain(notes(&self.lacks)).collect()
    }

    /// What the audit log says of it; empty where there is nothing to say.
    pub(crate) fn detail(&self) -> String {
        let along: Vec<_> = self.along.iter().map(|one| one.name.as_str()).collect();
        let worse: Vec<_> =
            self.lacks.iter().filter(|lack| lack.worse).map(ToString::to_string).collect();
        let mut told = String::new();
        if !along.is_empty() {
            told.push_str(&format!("; along: {}", along.join(", ")));
        }
        if !worse.is_empty() {
            let forced = if self.forced { "forced, " } else { "" };
            told.push_str(&format!("; {forced}although {}", worse.join(", ")));
        }
        told
    }
}

/// Tells of what was uploaded what hosts cannot install of it, and what they cannot install any more because
/// of it; `alone` when nothing else was uploaded with it.
pub(crate) fn tell(lacks: &[Lack], applied: &mut Applied, alone: bool) {
    let names: HashSet<_> = applied.added.iter().map(|added| &added.package.name).collect();
    let digests: HashSet<_> = applied.added.iter().map(|added| added.package.digest).collect();
    let concerns = |lack: &&Lack| match lack.moved {
        true => digests.contains(&lack.package.digest),
        false => {
            let mut needed = lack.needs.iter().flatten().map(|one| &one.package);
            lack.worse && (alone || needed.any(|name| names.contains(name)))
        }
    };
    applied.lacks = lacks.iter().filter(concerns).cloned().collect();
    applied.notes.extend(notes(&applied.lacks));
}

/// What people are told of packages that hosts cannot install.
pub(crate) fn notes<'l>(lacks: impl IntoIterator<Item = &'l Lack>) -> Vec<String> {
    let mut lacks = lacks.into_iter();
    let note = |lack: &Lack| match (lack.trouble, lack.moved) {
        (Trouble::Needs, true) => format!("{lack}: hosts cannot install it until that is there"),
        (Trouble::Avoids, _) => format!("{lack}: hosts that have both cannot follow"),
        (Trouble::Recommends, _) => {
            format!("{lack}: hosts that have it cannot follow by `apt-get upgrade`")
        }
        (Trouble::Needs, false) => format!("{lack}: hosts that have it cannot follow"),
    };
    let mut notes: Vec<_> = lacks.by_ref().take(MOST_TOLD).map(note).collect();
    let more = lacks.count();
    notes.extend((more > 0).then(|| format!("{more} more packages cannot be installed")));
    notes
}

/// The sources of which anything moved, and `repoctl` by itself.
fn moved(before: &Draft<'_>, after: &Draft<'_>) -> BTreeSet<PinTarget> {
    let mut targets = BTreeSet::new();
    for (place, now) in after.since(before).0 {
        let both = before.at(&place).into_iter().chain(&now);
        targets.extend(both.map(|package| PinTarget::moving(package)));
    }
    targets
}
