//! History: the generations of a suite, with what each brought in and took out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalogue::{Moved, MovedOf};
use crate::debian::{PackageName, SuiteName};
use crate::domain::{GenerationRecord, Move, moves};
use crate::flow::error::FlowError;
use crate::flow::report::reports::reading;
use crate::flow::repository::{Repository, no_suite};

/// A generation of which more moved is told without names.
const MOST_MOVED: u64 = 200;
/// Of so many moves the names are read, of the newest generations first; the rest of a page is told without.
const MOST_READ: u64 = 5_000;
/// How many moves of a generation are told; of the rest only the number.
const MOST_TOLD: usize = 20;

/// A generation, and what moved.
#[derive(Clone, Debug)]
pub struct GenerationReport {
    /// What is recorded of it.
    pub record: GenerationRecord,
    /// What moved, by name: at most 20, and nothing of a generation of which very much did.
    pub moves: Vec<Move>,
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
    reading(repository, move |repository| match package {
        None => of_suite(repository, &name, before, limit),
        Some(package) => of_package(repository, &name, package, before, limit),
    })
    .await
}

fn of_suite(
    repository: &Repository,
    suite: &SuiteName,
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
    Ok(records.into_iter().map(|record| report(record, &mut moved)).collect())
}

fn of_package(
    repository: &Repository,
    suite: &SuiteName,
    package: PackageName,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<GenerationReport>, FlowError> {
    let mut moved = BTreeMap::new();
    gather(&mut moved, repository.catalogue.list_moved(suite, &MovedOf::Named(package))?);
    let earlier = |number: &u64| before.is_none_or(|before| *number < before);
    let numbers: BTreeSet<u64> = moved.keys().copied().filter(earlier).collect();
    let mut reports = Vec::new();
    for number in numbers.into_iter().rev().take(limit as usize) {
        let record = repository.catalogue.find_generation(suite, number)?;
        reports.extend(record.map(|record| report(record, &mut moved)));
    }
    Ok(reports)
}

fn gather(by_generation: &mut BTreeMap<u64, Vec<Moved>>, moved: Vec<Moved>) {
    for one in moved {
        by_generation.entry(one.generation).or_default().push(one);
    }
}

fn report(record: GenerationRecord, moved: &mut BTreeMap<u64, Vec<Moved>>) -> GenerationReport {
    let moved = moved.remove(&record.generation).unwrap_or_default();
    let side = |came: bool| {
        let of = moved.iter().filter(move |one| one.came == came);
        of.map(|one| (one.component.clone(), Arc::new(one.package.clone()))).collect()
    };
    let mut moves = moves::of_lists(side(false), side(true));
    moves.truncate(MOST_TOLD);
    GenerationReport { record, moves }
}
