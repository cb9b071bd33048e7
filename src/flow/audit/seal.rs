//! Seal: the end of the audit log is signed from time to time, and the whole log is verified
//! against these signatures.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tracing::{error, info};

use crate::amount::count;
use crate::catalogue::Audit;
pub use crate::catalogue::Checkpoint as Sealed;
use crate::domain::audit::{ChainEnd, Search, Statement};
use crate::flow::audit::{kept, refusals};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::threads::blocking;
use crate::signing::{SigningError, verify_in_release};
use crate::time::Moment;

/// How long entries wait for a checkpoint at most. Unit: seconds.
const EVERY_SECONDS: i64 = 600;
/// How many entries wait for a checkpoint at most.
const EVERY_ENTRIES: u64 = 1_000;
/// How many entries are read at once.
const PAGE: u32 = 1_000;
/// Most faults that are reported.
const MOST_FAULTS: usize = 100;

/// The result of a verification of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The end of the chain.
    pub end: ChainEnd,
    /// How many checkpoints there are.
    pub checkpoints: u64,
    /// How many entries a valid signature covers.
    pub signed_entries: u64,
    /// Everything that is wrong, at most 100 faults; empty when the log is intact.
    pub faults: Vec<String>,
}

impl Verdict {
    /// Compares the log with what was signed last and is kept beside it.
    ///
    /// # Errors
    /// [`FlowError`] from the catalogue.
    pub fn compare<A: Audit + ?Sized>(
        &mut self,
        audit: &A,
        kept: Option<&str>,
    ) -> Result<(), FlowError> {
        self.faults.extend(kept::faults(audit, kept)?);
        Ok(())
    }
}

/// Writes the refusals that are due, and signs the end of the log when a checkpoint is due. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue or the signer, or [`FlowError::Internal`] when the log was
/// altered; it is not signed then.
pub(crate) fn refresh(repository: &Repository) -> Result<(), FlowError> {
    refusals::flush(repository, false)?;
    if repository.doubt().is_some() {
        return Ok(());
    }
    let (last, now) = (repository.catalogue.last_checkpoint()?, repository.now());
    let signed = last.as_ref().map_or(0, |last| last.statement.end.entries);
    let floor = repository.signer.floor();
    if let Some(last) = &last
        && floor.read_statement().map_err(SigningError::from)?.is_none()
    {
        floor.keep_statement(&last.text).map_err(SigningError::from)?;
    }
    let waits = repository.catalogue.chain_end()?.entries.saturating_sub(signed);
    let is_fresh = match &last {
        Some(last) => {
            // The key that signed it may have been removed while the server was stopped.
            let keys = repository.signer.public_armored()?;
            // By a clock that was ahead, it was signed in the future.
            (0..EVERY_SECONDS).contains(&now.since(last.statement.at))
                && verify_in_release(&last.text, &keys, now.max(last.statement.at)).is_ok()
        }
        None => false,
    };
    if waits == 0 || (is_fresh && waits < EVERY_ENTRIES) {
        return Ok(());
    }
    seal(repository).map(drop)
}

/// Writes all counted refusals and signs the end of the log, before the server stops. Blocks.
///
/// # Errors
/// As for [`seal_now`].
pub fn close(repository: &Repository) -> Result<(), FlowError> {
    refusals::flush(repository, true)?;
    seal(repository).map(drop)
}

/// Signs the end of the log, unless it is signed already, and gives the checkpoint.
///
/// # Errors
/// [`FlowError::Internal`] when the log was altered since the last checkpoint; it is not signed
/// then.
pub async fn seal_now(repository: &Arc<Repository>) -> Result<Sealed, FlowError> {
    let shared = Arc::clone(repository);
    blocking(move || {
        refusals::flush(&shared, false)?;
        seal(&shared)
    })
    .await
}

/// Signs the end of the log, unless it is signed already, and gives the checkpoint. Blocks.
///
/// # Errors
/// As for [`seal_now`].
pub(crate) fn seal(repository: &Repository) -> Result<Sealed, FlowError> {
    let last = repository.catalogue.last_checkpoint()?;
    let begin = last.as_ref().map_or(ChainEnd::START, |last| last.statement.end);
    let end = repository.catalogue.chain_end()?;
    if let Some(last) = last.filter(|last| last.statement.end == end) {
        return Ok(last);
    }
    // The entries are verified first: a signature over an altered log would hide the alteration.
    let mut faults = Vec::new();
    walk(&*repository.catalogue, begin, end, &[], &mut faults);
    if let Some(fault) = faults.into_iter().next() {
        repository.audit_broken.store(true, Ordering::Relaxed);
        error!(%fault, "the audit log was altered; it is not signed");
        return Err(FlowError::Internal(format!("the audit log was altered: {fault}").into()));
    }
    let statement = Statement { end, at: repository.dating() };
    let text = repository.signer.sign_statement(&statement.write(), statement.at)?;
    let checkpoint = Sealed { statement, text };
    // First, so that what lies beside the catalogue is never behind it.
    repository.signer.floor().keep_statement(&checkpoint.text).map_err(SigningError::from)?;
    repository.catalogue.record_checkpoint(&checkpoint)?;
    // If the server's own log is copied to another machine, this line is evidence there.
    info!(entries = end.entries, hash = %end.hash, "the audit log is signed up to here");
    Ok(checkpoint)
}

/// Every checkpoint, the oldest first.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn list(repository: &Arc<Repository>) -> Result<Vec<Sealed>, FlowError> {
    let shared = Arc::clone(repository);
    blocking(move || Ok(shared.catalogue.list_checkpoints()?)).await
}

/// Verifies the whole log of a repository against its chain and its checkpoints.
///
/// # Errors
/// [`FlowError`] when the public keys cannot be read or a worker stops. An altered log is an
/// answer, not an error.
pub async fn verify_all(repository: &Arc<Repository>) -> Result<Verdict, FlowError> {
    let shared = Arc::clone(repository);
    blocking(move || {
        let keys = shared.signer.public_armored()?;
        let kept = shared.signer.floor().read_statement().map_err(SigningError::from)?;
        let mut verdict = verify(&*shared.catalogue, &keys, shared.now());
        shared.audit_broken.store(!verdict.faults.is_empty(), Ordering::Relaxed);
        verdict.compare(&*shared.catalogue, kept.as_deref())?;
        Ok(verdict)
    })
    .await
}

/// Verifies a log against its chain and its checkpoints. `keys` verify the signatures of the
/// checkpoints: armored certificates, one after the other.
pub fn verify<A: Audit + ?Sized>(audit: &A, keys: &str, now: Moment) -> Verdict {
    let mut faults = Vec::new();
    let checkpoints = read(audit.list_checkpoints(), &mut faults).unwrap_or_default();
    // The order matters, because the log grows meanwhile: the end is read last, so that no entry
    // counted before is beyond it.
    let count = read(audit.count_entries(), &mut faults).unwrap_or_default();
    let last = read(audit.list_last_entries(&Search::default(), None, 1), &mut faults);
    let end = read(audit.chain_end(), &mut faults).unwrap_or(ChainEnd::START);
    let beyond = last.and_then(|last| last.first().map(|last| last.number)).unwrap_or_default();
    if beyond > end.entries || count > end.entries {
        faults.push(format!("there are more entries than the {} that were chained", end.entries));
    }
    let marks: Vec<_> = checkpoints.iter().map(|one| one.statement.end).collect();
    walk(audit, ChainEnd::START, end, &marks, &mut faults);
    let signed_entries = signed(&checkpoints, keys, now, &mut faults);
    faults.truncate(MOST_FAULTS);
    Verdict { end, checkpoints: checkpoints.len() as u64, signed_entries, faults }
}

fn read<T, E: ToString>(answer: Result<T, E>, faults: &mut Vec<String>) -> Option<T> {
    answer.map_err(|error| faults.push(error.to_string())).ok()
}

/// Walks the chain from `begin` to `end`, compares the marks on the way, and reports what is wrong.
fn walk<A: Audit + ?Sized>(
    audit: &A,
    begin: ChainEnd,
    end: ChainEnd,
    marks: &[ChainEnd],
    faults: &mut Vec<String>,
) {
    let mut marks = marks.iter().peekable();
    let mut at = begin;
    while at.entries < end.entries && faults.len() < MOST_FAULTS {
        let page = read(audit.list_entries(&Search::default(), at.entries, PAGE), faults);
        let page = page.unwrap_or_default().into_iter();
        let page: Vec<_> = page.take_while(|entry| entry.number <= end.entries).collect();
        if page.is_empty() {
            break;
        }
        for entry in page {
            let number = at.entries.saturating_add(1);
            if entry.number != number {
                let before = entry.number.saturating_sub(1);
                faults.push(format!("entries {number} to {before} are gone"));
            } else if !entry.follows(&at.hash, number) {
                faults.push(format!("entry {number} is not what was written, or not in its place"));
            }
            at = ChainEnd { entries: entry.number, hash: entry.hash };
            while let Some(mark) = marks.next_if(|mark| mark.entries <= at.entries) {
                if *mark != at {
                    let text = "is not the one that a checkpoint names";
                    faults.push(format!("entry {} {text}", mark.entries));
                }
            }
        }
    }
    if at.entries < end.entries && faults.len() < MOST_FAULTS {
        let first = at.entries.saturating_add(1);
        faults.push(format!("entries {first} to {} are gone or cannot be read", end.entries));
    } else if at.hash != end.hash {
        faults.push(format!("the chain ends otherwise than recorded, at entry {}", end.entries));
    }
    for mark in marks {
        faults.push(format!("a checkpoint names entry {}, which is gone", mark.entries));
    }
}

/// How many entries the last valid signature covers. Earlier signatures are not verified, because
/// their keys may be unknown by now; the last one covers the same entries.
fn signed(checkpoints: &[Sealed], keys: &str, now: Moment, faults: &mut Vec<String>) -> u64 {
    for checkpoint in checkpoints.iter().rev() {
        let Statement { end, at } = &checkpoint.statement;
        match verify_in_release(&checkpoint.text, keys, now.max(*at)) {
            Ok(text) if text == checkpoint.statement.write() => return end.entries,
            Ok(_) => faults
                .push(format!("the checkpoint of {} was altered", count(end.entries, "entry"))),
            Err(error) => {
                faults.push(format!("the checkpoint of {}: {error}", count(end.entries, "entry")));
            }
        }
    }
    0
}
