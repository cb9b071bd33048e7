//! How the hosts of rings follow the rollouts of a suite, by what they report, and what that means.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::debian::{PackageName, SuiteName};
use crate::domain::health::{HostHealth, KnownCheck};
use crate::domain::inventory::{Facts, Installed, Marks};
use crate::domain::rollout::Reached;
use crate::domain::verdict::{Following, RingHosts, Verdict, judge};
use crate::domain::{Identity, Package, RingId, Rollout};
use crate::flow::error::FlowError;
use crate::flow::inventory::health::Told;
use crate::flow::inventory::hosts::{is_present, reads, reports_of};
use crate::flow::report::gauges::SILENT_SECONDS;
use crate::flow::report::identities::{IdentityReport, list_now};
use crate::flow::report::reports::reading;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::time::Moment;

/// How long after a step a host that has not asked since counts as silent, or the deadline where that is shorter.
/// Unit: seconds.
const PATIENCE_SECONDS: i64 = 3_600;

/// What a report says that is of use here.
struct Said {
    at: Moment,
    packages: Vec<(u64, Marks)>,
    facts: Facts,
}

/// A host in a ring, and what is known of it.
struct Candidate<'a> {
    /// When it last asked for the suite's lists or reported.
    contact: Option<Moment>,
    said: Option<&'a Said>,
    lines: &'a HashMap<u64, Installed>,
}

/// Judges the open rollouts of a suite, by number. Nothing where there is no such suite.
///
/// # Errors
/// [`FlowError`] from the catalogue; [`FlowError::Unavailable`] while too many reports are read.
pub async fn verdicts(
    repository: &Arc<Repository>,
    suite: &SuiteName,
) -> Result<BTreeMap<u64, Verdict>, FlowError> {
    let Some(desk) = repository.desk(suite) else { return Ok(BTreeMap::new()) };
    if desk.state().rollouts.open.is_empty() {
        return Ok(BTreeMap::new());
    }
    reading(repository, move |shared| verdicts_now(shared, &desk)).await
}

fn verdicts_now(repository: &Repository, desk: &Desk) -> Result<BTreeMap<u64, Verdict>, FlowError> {
    let (state, now) = (desk.state(), repository.now());
    let mut hosts = list_now(repository, Some(true))?;
    hosts.retain(|one| is_present(one, now) && reads(one, &desk.suite));
    let ring_of = |one: &IdentityReport| repository.ring_of(desk, &one.identity);
    let rings: HashMap<&Identity, RingId> =
        hosts.iter().filter_map(|one| Some((&one.identity, ring_of(one)?))).collect();
    let in_rings: Vec<_> =
        hosts.iter().filter(|one| rings.contains_key(&one.identity)).cloned().collect();
    let open = &state.rollouts.open;
    let lines = lines_of(repository, open.values())?;
    let said = reports_of(repository, &in_rings, |report| Said {
        at: report.at,
        packages: report.packages.into_iter().filter(|(id, _)| lines.contains_key(id)).collect(),
        facts: report.facts,
    })?;
    let told = Told::load(repository, None)?;
    let mut verdicts = BTreeMap::new();
    for rollout in open.values() {
        let mut of_rings = BTreeMap::<RingId, RingHosts>::new();
        for host in &in_rings {
            let Some(ring) = rings.get(&host.identity) else { continue };
            let Some(reached) = rollout.reached.get(ring) else { continue };
            let said = said.get(&host.identity);
            let seen = host.sightings.iter().filter(|seen| seen.suite == desk.suite);
            let seen = seen.map(|seen| seen.at).max();
            let candidate =
                Candidate { contact: seen.max(said.map(|said| said.at)), said, lines: &lines };
            let facts = said.map(|said| (&said.facts, said.at));
            let health = told.of(&host.identity, Some(&desk.suite), facts, Some(reached.at));
            let patience = PATIENCE_SECONDS.min(state.spec.rollout.deadline.as_seconds());
            let following = candidate.following(rollout, *reached, &health, (now, patience));
            of_rings.entry(*ring).or_default().add(host.identity.clone(), following);
        }
        let spec = &state.spec;
        let verdict = judge(&spec.rings, &spec.rollout, rollout, &of_rings, now);
        verdicts.insert(rollout.id, verdict);
    }
    Ok(verdicts)
}

/// The lines of what rollouts bring, in every version that a host has.
fn lines_of<'a>(
    repository: &Repository,
    rollouts: impl Iterator<Item = &'a Rollout>,
) -> Result<HashMap<u64, Installed>, FlowError> {
    let packages = rollouts.flat_map(|rollout| rollout.packages.values());
    let names: BTreeSet<&PackageName> = packages.map(|package| &package.name).collect();
    let mut lines = HashMap::new();
    for name in names {
        lines.extend(repository.catalogue.list_reported(name)?);
    }
    Ok(lines)
}

impl Candidate<'_> {
    fn following(
        &self,
        rollout: &Rollout,
        reached: Reached,
        health: &HostHealth,
        (now, patience): (Moment, i64),
    ) -> Following {
        if health.ignored_until.is_some() {
            return Following::Ignored;
        }
        let asked = self.contact.is_some_and(|at| at >= reached.at);
        let has = self.has(rollout);
        if let Some(failure) = failure(health, rollout, reached.at, is_there(&has)) {
            return Following::Failed(failure);
        }
        let Some(said) = self.said else {
            return if self.is_gone(now) { Following::Gone } else { Following::Silent };
        };
        if has.is_empty() {
            return Following::Unconcerned;
        }
        if let Some((installed, _, _)) = has.iter().find(|(_, marks, _)| marks.broken && asked) {
            let Installed { name, version, .. } = installed;
            return Following::Failed(format!("{name} {version} is not configured"));
        }
        if is_there(&has) {
            let is_due = |apt: Moment| said.facts.health.as_ref().is_some_and(|run| run.at < apt);
            return match said.facts.apt_at.is_some_and(is_due) {
                true => Following::Checking,
                false => Following::Installed,
            };
        }
        if has.iter().any(|(_, marks, is_new)| marks.held && !is_new) {
            return Following::Held;
        }
        match asked {
            true => Following::Waiting,
            false if self.is_gone(now) => Following::Gone,
            false if now.since(reached.at) >= patience => Following::Silent,
            false => Following::Waiting,
        }
    }

    fn is_gone(&self, now: Moment) -> bool {
        self.contact.is_none_or(|at| now.since(at) > SILENT_SECONDS)
    }

    /// What the host has of what the rollout brings, and whether it is that version or a higher one.
    fn has(&self, rollout: &Rollout) -> Vec<(&Installed, Marks, bool)> {
        let said = self.said.into_iter().flat_map(|said| &said.packages);
        let found = said.filter_map(|(id, marks)| {
            let installed = self.lines.get(id)?;
            let is_of = |one: &&Arc<Package>| {
                one.name == installed.name
                    && (one.architecture == installed.architecture
                        || one.architecture.is_all()
                        || installed.architecture.is_all())
            };
            let brought = rollout.packages.values().filter(is_of).map(|one| &one.version);
            let wanted = brought.max_by(|a, b| a.compare(b))?;
            Some((installed, *marks, installed.version.compare(wanted).is_ge()))
        });
        found.collect()
    }
}

fn is_there(has: &[(&Installed, Marks, bool)]) -> bool {
    !has.is_empty() && has.iter().all(|(_, _, is_new)| *is_new)
}

/// The first check that fails because of the rollout. What the host itself says counts where it has what the rollout
/// brings.
fn failure(
    health: &HostHealth,
    rollout: &Rollout,
    reached_at: Moment,
    is_there: bool,
) -> Option<String> {
    let is_since = |one: &&KnownCheck| match rollout.resumed_at {
        Some(resumed_at) => one.result.since >= resumed_at,
        // Another change since then does not excuse this one.
        None => !one.failed_before || one.result.since >= reached_at,
    };
    let counts = |one: &&KnownCheck| is_there || one.reporter.is_some();
    let mut failed = health.checks.iter().filter(|one| one.result.ended.is_failure());
    let first = failed.find(|one| counts(one) && is_since(one))?;
    let text = match first.result.text.as_str() {
        "" => first.result.ended.as_str(),
        text => text,
    };
    Some(format!("check {}: {text}", first.result.name))
}
