//! Slices: a large change is recorded in parts while its files are made. Between two of them the catalogue records
//! what others wait for, and nobody sees any of them before the last transaction.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::catalogue::CatalogueError;
use crate::debian::SuiteName;
use crate::domain::{Slice, SliceRow};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;

/// What a large change records, and of which generation.
pub(crate) struct Sliced<'s> {
    /// Of which suite.
    pub suite: &'s SuiteName,
    /// The generation that is coming.
    pub generation: u64,
    /// All of it, in order.
    pub rows: Vec<SliceRow>,
}

/// Records slices beside `work`, which makes what they are published with; gives that, and how many rows they have.
/// Where it made nothing, nothing is left of them.
///
/// # Errors
/// [`FlowError`]; what was recorded is taken back when the suite is loaded again.
pub(crate) fn beside<T>(
    repository: &Repository,
    sliced: Sliced<'_>,
    work: impl FnOnce() -> Result<Option<T>, FlowError>,
) -> Result<Option<(T, u64)>, FlowError> {
    let suite = sliced.suite;
    take_back(repository, suite)?;
    let given_up = AtomicBool::new(false);
    let done = std::thread::scope(|scope| -> Result<_, FlowError> {
        let recording = scope.spawn(|| record(repository, sliced, &given_up));
        let made = work();
        given_up.store(!matches!(made, Ok(Some(_))), Ordering::Release);
        let stopped = |_| Err(CatalogueError::Database("a recording thread stopped".into()).into());
        let rows = recording.join().unwrap_or_else(stopped);
        match made? {
            Some(made) => Ok(Some((made, rows?))),
            None => Ok(None),
        }
    })?;
    if done.is_none() {
        take_back(repository, suite)?;
    }
    Ok(done)
}

/// Records one slice after the other, until it is given up; how many rows they have.
fn record(
    repository: &Repository,
    sliced: Sliced<'_>,
    given_up: &AtomicBool,
) -> Result<u64, FlowError> {
    let Sliced { suite, generation, rows } = sliced;
    let most = repository.limits().slice_rows;
    let (mut rows, mut recorded) = (rows.into_iter().peekable(), 0_u64);
    while rows.peek().is_some() && !given_up.load(Ordering::Acquire) {
        let rows = rows.by_ref().take(most).collect();
        let slice = Slice { suite: suite.clone(), generation, rows };
        recorded = recorded.saturating_add(repository.catalogue.record_slice(slice)?);
    }
    Ok(recorded)
}

/// Takes back what was recorded of a generation that did not come, in slices as well.
///
/// # Errors
/// [`FlowError`] of the catalogue.
pub(crate) fn take_back(repository: &Repository, suite: &SuiteName) -> Result<(), FlowError> {
    let most = u32::try_from(repository.limits().slice_rows).unwrap_or(u32::MAX);
    while repository.catalogue.take_back(suite, most)? {}
    Ok(())
}
