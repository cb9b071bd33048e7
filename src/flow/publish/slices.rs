//! Slices: a large change is recorded in parts while its files are made. Between two parts the
//! catalogue records for others, and no reader sees a part before the last transaction.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::catalogue::CatalogueError;
use crate::debian::SuiteName;
use crate::domain::{Slice, SliceRow};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;

/// The rows of a large change, and the generation that they belong to.
pub(crate) struct Sliced<'s> {
    /// The suite.
    pub suite: &'s SuiteName,
    /// The generation that is coming.
    pub generation: u64,
    /// All rows, in order.
    pub rows: Vec<SliceRow>,
}

/// Records slices while `work` makes the files that belong to them; gives the result of `work` and
/// the number of rows. If `work` makes nothing, the slices are taken back.
///
/// # Errors
/// [`FlowError`]; the recorded rows are taken back when the suite is loaded again.
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

/// Records one slice after the other, until `given_up` is set; gives the number of rows.
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

/// Takes back the recorded rows of a generation that was not published, also in slices.
///
/// # Errors
/// [`FlowError`] of the catalogue.
pub(crate) fn take_back(repository: &Repository, suite: &SuiteName) -> Result<(), FlowError> {
    let most = u32::try_from(repository.limits().slice_rows).unwrap_or(u32::MAX);
    while repository.catalogue.take_back(suite, most)? {}
    Ok(())
}
