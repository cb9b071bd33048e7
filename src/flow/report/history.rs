//! History: the generations of a suite, with what each brought in and took out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalogue::{Moved, MovedOf};
use crate::debian::{PackageName, SuiteName, Version};
use crate::domain::{GenerationRecord, Move, Rollout, moves};
use crate::flow::error::FlowError;
use crate::flow::report::reports::reading;
use crate::flow::repository::{Repository, no_suite};

/// A generation of which more moved is told without names.
const MOST_MOVED: u64 = 200;
/// Of so many moves the names are read, of the newest generations first; the rest of a page is told without.
const MOST_READ: u64 = 5_000;
/// How many moves of a generation are told; of the rest only the number.
const MOST_TOLD: usize = 20;

/// Of so many of the newest rollouts it is told which generation brought them to which ring.
const MOST_ROLLOUTS: u32 = 50;

/// A rollout reached a ring.
#[derive(Clone, Debug)]
pub struct RolledTo {
    /// Its number.
    pub rollout: u64,
    /// The name of the ring.
    pub ring: String,
    /// The sources that it brings, with their versions.
    pub brings: BTreeSet<(PackageName, Version)>,
}

/// A generation, and what moved.
#[derive(Clone, Debug)]
pub struct GenerationReport {
    /// What is recorded of it.
    pub record: GenerationRecord,
    /// What moved, by name: at most 20, and nothing of a generation of which very much did.
    pub moves: Vec<Move>,
    /// The rings that rollouts reached with it.
    pub rolled: Vec<RolledTo>,
}

/// The newest generations, newest first: at most `limit` of those below `before`. With `package`, only those
/// that moved it, by its name or by that of its source, and only its own moves.
///
/// # Errors
/// [`FlowError::Missing`]; [`FlowError::Unavailable`] while too many reports are read.
pub async fn history(
    repository: &Arc<Repository>,
    suite: &SuiteName,
    package: Option<PackageName>,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<GenerationReport>, FlowError> {
    repository.desk(suite).ok_or_else(|| no_suite(suite))?;
    let name = suite.clone();
    reading(repository, move |repository| {
        let rolled = rolled(repository, &name, package.as_ref())?;
        match package {
            None => of_suite(repository, &name, rolled, before, limit),
            Some(package) => of_package(repository, &name, package, rolled, before, limit),
        }
    })
    .await
}

/// Which rollouts reached which rings, by generation; those alone that bring something of a package, by its name or
/// by that of its source.
fn rolled(
    repository: &Repository,
    suite: &SuiteName,
    package: Option<&PackageName>,
) -> Result<BTreeMap<u64, Vec<RolledTo>>, FlowError> {
    let mut rolled = BTreeMap::<u64, Vec<RolledTo>>::new();
    let Some(desk) = repository.desk(suite) else { return Ok(rolled) };
    let state = desk.state();
    if state.spec.rings.is_unused() {
        return Ok(rolled);
    }
    let is_of = |rollout: &Rollout| {
        let mut all = rollout.packages.values();
        package.is_none_or(|name| all.any(|one| one.name == *name || one.source == *name))
    };
    let rollouts = repository.catalogue.list_rollouts(suite, MOST_ROLLOUTS)?;
    for rollout in rollouts.iter().filter(|one| is_of(one)) {
        for (ring, reached) in &rollout.reached {
            let (Some(ring), Some(generation)) = (state.spec.rings.find(*ring), reached.generation)
            else {
                continue;
            };
            let (ring, brings) = (ring.name.to_string(), rollout.sources());
            let to = RolledTo { rollout: rollout.id, ring, brings };
            rolled.entry(generation).or_default().push(to);
        }
    }
    Ok(rolled)
}

fn of_suite(
    repository: &Repository,
    suite: &SuiteName,
    mut rolled: BTreeMap<u64, Vec<RolledTo>>,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<GenerationReport>, FlowError> {
    let records = repository.catalogue.list_generations(suite, before, limit)?;
    let mut room = MOST_READ;
    let mut moved = BTreeMap::new();
    let fits = |record: &&GenerationRecord| {
        let count = record.entered.saturating_add(record.left);
        let read = if count <= MOST_MOVED { count } else { 0 };
        let fits = read <= room;
        room = room.saturating_sub(read);
        fits
    };
    let of: Vec<u64> = records.iter().take_while(fits).map(|record| record.generation).collect();
    if let (Some(last), Some(first)) = (of.first(), of.last()) {
        let of = MovedOf::Generations { these: *first..=*last, most: MOST_MOVED };
        gather(&mut moved, repository.catalogue.list_moved(suite, &of)?);
    }
    Ok(records.into_iter().map(|record| report(record, &mut moved, &mut rolled)).collect())
}

fn of_package(
    repository: &Repository,
    suite: &SuiteName,
    package: PackageName,
    mut rolled: BTreeMap<u64, Vec<RolledTo>>,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<GenerationReport>, FlowError> {
    let mut moved = BTreeMap::new();
    gather(&mut moved, repository.catalogue.list_moved(suite, &MovedOf::Named(package))?);
    let earlier = |number: &u64| before.is_none_or(|before| *number < before);
    let numbers = moved.keys().chain(rolled.keys()).copied().filter(earlier);
    let numbers: BTreeSet<u64> = numbers.collect();
    let mut reports = Vec::new();
    for number in numbers.into_iter().rev().take(limit as usize) {
        let record = repository.catalogue.find_generation(suite, number)?;
        reports.extend(record.map(|record| report(record, &mut moved, &mut rolled)));
    }
    Ok(reports)
}

fn gather(by_generation: &mut BTreeMap<u64, Vec<Moved>>, moved: Vec<Moved>) {
    for one in moved {
        by_generation.entry(one.generation).or_default().push(one);
    }
}

fn report(
    record: GenerationRecord,
    moved: &mut BTreeMap<u64, Vec<Moved>>,
    rolled: &mut BTreeMap<u64, Vec<RolledTo>>,
) -> GenerationReport {
    let moved = moved.remove(&record.generation).unwrap_or_default();
    let side = |came: bool| {
        let of = moved.iter().filter(move |one| one.came == came);
        of.map(|one| (one.component.clone(), Arc::new(one.package.clone()))).collect()
    };
    let mut moves = moves::of_lists(side(false), side(true));
    moves.truncate(MOST_TOLD);
    let rolled = rolled.remove(&record.generation).unwrap_or_default();
    GenerationReport { record, moves, rolled }
}
