//! Retention: drops the generations that nothing needs, removes the packages that nothing needs, and frees
//! their bytes. What is not needed any more is only marked at first, and is served for the grace.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::catalogue::{CatalogueError, Looked};
pub use crate::catalogue::{Collected, Collection, Going};
use crate::debian::SuiteName;
use crate::digest::Digest;
use crate::domain::{Actor, Admitted, Event, Keep};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::sightings;
use crate::flow::threads::{blocking, lock};
use crate::flow::upkeep::sweep::{self, Swept};
use crate::time::Moment;

/// The verb of the audit log.
pub const GC: &str = "gc";

/// What goes, or would.
#[derive(Clone, Debug)]
pub struct Plan {
    /// When it was worked out.
    pub at: Moment,
    /// How long what goes is still served. Unit: seconds.
    pub grace_seconds: i64,
    /// Each suite, with what it keeps.
    pub suites: Vec<(SuiteName, Keep, Collection)>,
}

impl Plan {
    /// The packages whose bytes go: those that every suite which has them lets go.
    pub fn freed(&self) -> impl Iterator<Item = &Going> {
        let mut going: HashMap<Digest, u32> = HashMap::new();
        for one in self.going() {
            let suites = going.entry(one.package.digest).or_default();
            *suites = suites.saturating_add(1);
        }
        let mut told = std::collections::HashSet::new();
        self.going().filter(move |one| {
            let digest = &one.package.digest;
            going.get(digest).is_some_and(|suites| *suites > one.elsewhere) && told.insert(*digest)
        })
    }

    /// The size of all of these. Unit: bytes.
    pub fn freed_bytes(&self) -> u64 {
        self.freed().map(|one| one.package.size_bytes).fold(0, u64::saturating_add)
    }

    fn going(&self) -> impl Iterator<Item = &Going> {
        self.suites.iter().flat_map(|(_, _, collection)| &collection.packages)
    }
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// In each suite in which anything was.
    pub suites: BTreeMap<SuiteName, Collected>,
    /// What was freed.
    pub swept: Swept,
}

/// What nothing needs now.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn plan(repository: &Arc<Repository>) -> Result<Plan, FlowError> {
    let _turn = repository.report_turn().await?;
    let shared = Arc::clone(repository);
    blocking(move || look(&shared)).await
}

/// Collects in every suite, for who asked for it. While the clock is in doubt nothing is.
///
/// # Errors
/// [`FlowError::Unavailable`] while the clock is in doubt; [`FlowError`] from the stores: what was done by
/// then stays, and the next run goes on.
pub async fn run(
    repository: &Arc<Repository>,
    admitted: &Admitted,
) -> Result<(Ran, Plan), FlowError> {
    if repository.doubt().is_some() {
        let text =
            "the clock of the server is in doubt, and by a clock that is ahead everything is old";
        return Err(FlowError::Unavailable(text.into()));
    }
    let event = admitted.did(GC, repository.now());
    let shared = Arc::clone(repository);
    blocking(move || {
        let ran = collect(&shared, &event)?;
        // Who did it is told in each suite, or here.
        if ran.suites.is_empty() {
            shared.catalogue.record_events(&[event.with("nothing to remove")])?;
        }
        let plan = look(&shared)?;
        Ok((ran, plan))
    })
    .await
}

/// The same by itself.
///
/// # Errors
/// As for [`run`].
pub(super) fn tidy(repository: &Repository) -> Result<Ran, FlowError> {
    let event = Event::done(Actor::server(), GC, repository.now());
    let ran = collect(repository, &event)?;
    look(repository)?;
    Ok(ran)
}

fn looked(repository: &Repository) -> Looked {
    Looked { now: repository.now(), grace_seconds: repository.limits().grace_seconds }
}

fn look(repository: &Repository) -> Result<Plan, FlowError> {
    sightings::write(repository)?;
    let at = looked(repository);
    let mut suites = Vec::new();
    for (suite, desk) in repository.desks().iter() {
        let keep = desk.state().spec.keep;
        let found = repository.catalogue.plan_collection(suite, at)?;
        suites.extend(found.map(|collection| (suite.clone(), keep, collection)));
    }
    let plan = Plan { at: at.now, grace_seconds: at.grace_seconds, suites };
    repository.reclaimable_bytes.store(plan.freed_bytes(), Ordering::Relaxed);
    Ok(plan)
}

fn collect(repository: &Repository, event: &Event) -> Result<Ran, FlowError> {
    // What hosts were given last is in memory.
    sightings::write(repository)?;
    let mut ran = Ran::default();
    for suite in repository.desks().keys() {
        let done = collect_in(repository, suite, event)?;
        if !done.is_nothing() {
            tracing::info!(%suite, done = done.told(), "collected");
            ran.suites.insert(suite.clone(), done);
        }
    }
    // Packs of chunks that were forgotten in an earlier run: who began to read an index then has read it.
    ran.swept = sweep::sweep(repository)?;
    // Whether files were removed or not: an earlier run may have been stopped here.
    let is_any = repository.desks().values().any(|desk| !desk.state().spec.keep.is_everything());
    if is_any || !ran.suites.is_empty() {
        forget_chunks(repository)?;
    }
    Ok(ran)
}

fn collect_in(
    repository: &Repository,
    suite: &SuiteName,
    event: &Event,
) -> Result<Collected, FlowError> {
    let at = looked(repository);
    let event = event.clone().within(suite.as_str());
    let mut all = Collected::default();
    loop {
        let done = match repository.catalogue.collect(suite, at, &event) {
            // It was removed meanwhile.
            Err(CatalogueError::Missing(_)) => return Ok(all),
            done => done?,
        };
        all.generations.extend(done.generations);
        all.marked.extend(done.marked);
        all.removed.extend(done.removed);
        all.revived = all.revived.saturating_add(done.revived);
        all.files = all.files.saturating_add(done.files);
        if !done.more {
            return Ok(all);
        }
    }
}

/// Forgets the chunks that no index is made of, but for those of files that are being made. Nothing is
/// published meanwhile: a publication finds chunks first and records what is made of them last.
fn forget_chunks(repository: &Repository) -> Result<u64, FlowError> {
    let _alone = sweep::lock_sweeping(repository);
    let mut needed = Vec::new();
    for desk in repository.desks().values() {
        needed.extend(lock(&desk.spare).keys().copied());
        let files = desk.live_indices().files();
        needed.extend(files.iter().flat_map(|file| file.chunks.iter().copied()));
        needed.extend(desk.follow_up(|pending| pending.chunks()));
    }
    Ok(repository.catalogue.forget_unused_chunks(needed)?)
}
