//! Along: what has to be promoted with something so that hosts can install it.

use std::collections::BTreeSet;

use super::Promoting;
use crate::domain::add::{Added, Standing};
use crate::domain::conflict::{ConflictKind, ConflictReason};
use crate::domain::installable::Trouble;
use crate::domain::pinning::Leeway;
use crate::domain::{Applied, Conflict, Draft, Lack, PackageSet, PinTarget};
use crate::flow::change::cascade;
use crate::flow::change::difference::Difference;
use crate::flow::error::FlowError;

/// So many sources are promoted along with what was asked for.
const MOST_ALONG: usize = 32;
/// So many are tried.
const MOST_TRIED: usize = 64;
/// So many lacks are told one by one.
const MOST_TOLD: usize = 8;

/// What came along.
struct Along<'b> {
    draft: Draft<'b>,
    added: Vec<Added>,
    targets: Vec<PinTarget>,
    lacks: Vec<Lack>,
    /// What may help and is refused.
    refused: Vec<ConflictReason>,
}

impl Along<'_> {
    fn is_enough(&self) -> bool {
        !self.lacks.iter().any(|lack| lack.worse)
    }
}

impl Promoting<'_> {
    /// What comes of the packages that were taken into the draft, held against what hosts could install before.
    ///
    /// # Errors
    /// [`FlowError::Conflict`] with what hosts could not install, and the command that brings along what it needs.
    pub(super) fn judged<'b>(
        &self,
        before: &Draft<'b>,
        draft: &mut Draft<'b>,
        mut added: Vec<Added>,
    ) -> Result<Applied, FlowError> {
        let lacks = self.lacks(before, draft)?;
        let Leeway { cascade, force, .. } = self.asking.leeway;
        let is_worse = lacks.iter().any(|lack| lack.worse);
        if !is_worse || (force && !cascade) {
            return Ok(applied(added, lacks, &[], is_worse));
        }
        let along = self.bring(before, draft, lacks.clone())?;
        if !cascade || !(along.is_enough() || force) {
            return Err(self.refusal(&lacks, &along, &added).into());
        }
        let forced = !along.is_enough();
        *draft = along.draft;
        added.extend(along.added);
        Ok(applied(added, along.lacks, &along.targets, forced))
    }

    fn lacks(&self, before: &Draft<'_>, after: &Draft<'_>) -> Result<Vec<Lack>, FlowError> {
        let change = Difference { repository: self.repository, before, after };
        // The batch makes way before it looks at this answer.
        let makes_way = || FlowError::Unavailable("an urgent change goes first; try again".into());
        change.lacks(self.may_go_on)?.ok_or_else(makes_way)
    }

    /// Brings along one thing after the other until nothing is worse than before, or none is found that helps.
    fn bring<'b>(
        &self,
        before: &Draft<'b>,
        draft: &Draft<'b>,
        lacks: Vec<Lack>,
    ) -> Result<Along<'b>, FlowError> {
        let (added, targets, refused) = (Vec::new(), Vec::new(), Vec::new());
        let mut along = Along { draft: draft.clone(), added, targets, lacks, refused };
        // All that there is was taken already.
        if self.promotion.wanted.is_whole() {
            return Ok(along);
        }
        let named = self.promotion.wanted.targets.iter();
        let mut tried: BTreeSet<PinTarget> = named.map(|(target, _)| target.clone()).collect();
        for _ in 0..MOST_TRIED {
            if along.is_enough() || along.targets.len() >= MOST_ALONG {
                break;
            }
            let Some((lack, target)) = self.next(&along.lacks, &tried) else { break };
            tried.insert(target.clone());
            let mut trial = along.draft.clone();
            let added = match self.add(&mut trial, &self.promotion.highest_of(&target)) {
                Ok(added) => added,
                Err(
                    error @ (FlowError::Conflict(_)
                    | FlowError::Denied(_)
                    | FlowError::DeniedPackages(_)),
                ) => {
                    let problem = format!("cannot come along: {error}");
                    along.refused.push(ConflictReason::new(target.name.to_string(), problem));
                    continue;
                }
                Err(error) => return Err(error),
            };
            // What would only wait helps nobody.
            if !added.iter().any(|one| one.standing == Standing::Published) {
                along.refused.extend(added.iter().take(1).filter_map(would_wait));
                continue;
            }
            let left = self.lacks(before, &trial)?;
            if !left.iter().any(|other| other.worse && other.to_string() == lack) {
                (along.draft, along.lacks) = (trial, left);
                along.added.extend(added);
                along.targets.push(target);
            }
        }
        Ok(along)
    }

    /// What may help, and against which lack: what a package needs, or the package itself as the other suite has it.
    fn next(&self, lacks: &[Lack], tried: &BTreeSet<PinTarget>) -> Option<(String, PinTarget)> {
        let listed = &self.promotion.listed;
        for lack in lacks.iter().filter(|lack| lack.worse) {
            let needed = lack.needs.iter().flatten().filter(|one| {
                let fits = |version| lack.trouble == Trouble::Avoids || one.accepts(Some(version));
                listed_named(listed, &one.package).any(|package| fits(&package.version))
            });
            let needed = needed.flat_map(|one| listed_named(listed, &one.package).take(1));
            let itself = listed_named(listed, &lack.package.name).take(1);
            let mut targets = needed.chain(itself).map(|one| self.promotion.bringing(one));
            if let Some(target) = targets.find(|target| !tried.contains(target)) {
                return Some((lack.to_string(), target));
            }
        }
        None
    }

    fn refusal(&self, lacks: &[Lack], along: &Along<'_>, added: &[Added]) -> Conflict {
        let worse: Vec<_> = lacks.iter().filter(|lack| lack.worse).collect();
        let told = worse.iter().take(MOST_TOLD).map(|lack| {
            let (name, version) = (&lack.package.name, &lack.package.version);
            let subject = format!("{name} {version} ({})", lack.architecture);
            let hosts = match (lack.moved, lack.trouble) {
                (true, Trouble::Needs) => "hosts could not install it",
                (false, Trouble::Needs) => "hosts that have it could not follow",
                (_, Trouble::Recommends) => {
                    "hosts that have it could not follow by `apt-get upgrade`"
                }
                (_, Trouble::Avoids) => "hosts that have both could not follow",
            };
            ConflictReason::new(subject, format!("{}, so {hosts}", lack.problem()))
        });
        let mut reasons: Vec<_> = told.collect();
        let more = worse.len().saturating_sub(MOST_TOLD);
        if more > 0 {
            let problem = "could not be installed either".to_owned();
            reasons.push(ConflictReason::new(format!("{more} more"), problem));
        }
        reasons.extend(waiting(lacks, added).take(MOST_TOLD));
        if !along.is_enough() {
            reasons.extend(along.refused.iter().take(MOST_TOLD).cloned());
        }
        let (from, to) = (&self.promotion.from, &self.desk.suite);
        let force = "--force goes on, and hosts stay where they are with what is named above";
        let problem = match (along.is_enough(), along.targets.is_empty()) {
            (true, false) => format!(
                "`{}` brings along what is needed, and so does --cascade; {force}",
                self.promotion.command(to, &along.targets)
            ),
            _ => format!("nothing more that suite {from} lists makes it installable; {force}"),
        };
        reasons.push(ConflictReason::new(format!("suite {to}"), problem));
        Conflict { kind: ConflictKind::NotInstallable, reasons }
    }
}

/// The packages that were to come and would only wait, although something needs them.
fn waiting<'a>(
    lacks: &'a [Lack],
    added: &'a [Added],
) -> impl Iterator<Item = ConflictReason> + use<'a> {
    let needed: BTreeSet<_> =
        lacks.iter().flat_map(|lack| lack.needs.iter().flatten()).map(|one| &one.package).collect();
    added.iter().filter(move |one| needed.contains(&one.package.name)).filter_map(would_wait)
}

/// Why a package would not be offered to hosts; `None` where it would.
fn would_wait(one: &Added) -> Option<ConflictReason> {
    let is_offered = matches!(one.standing, Standing::Published | Standing::Already);
    let problem = || format!("would only wait in the suite: {}", one.note);
    (!is_offered).then(|| ConflictReason::of(&one.package, problem()))
}

fn listed_named<'l>(
    listed: &'l PackageSet,
    name: &'l crate::debian::PackageName,
) -> impl Iterator<Item = &'l std::sync::Arc<crate::domain::Package>> {
    listed.components().flat_map(|component| listed.named(component, name))
}

fn applied(added: Vec<Added>, lacks: Vec<Lack>, along: &[PinTarget], forced: bool) -> Applied {
    let settled = cascade::Settled { lacks, along: along.to_vec(), forced };
    let (notes, remark) = (settled.notes(), settled.detail());
    Applied { added, notes, remark, lacks: settled.lacks, ..Applied::default() }
}
