//! Form: the gzip files of earlier builds have a member for each chunk, and many readers stop after
//! the first. A suite of an earlier build gets files of one member. They are made after the live
//! generation, chunk by chunk, while changes go on in the old form. Then one head lists all files
//! in the new form.

use crate::flow::publish::chunks;
use std::collections::HashMap;
use std::sync::Arc;

use tracing::info;

use crate::domain::{Encoding, IndexFile};
use crate::flow::error::FlowError;
use crate::flow::index::chunk::Chunk;
use crate::flow::index::resumable_hash::ResumableHash;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::flow::threads::blocking;

/// How many chunks are made before a waiting sweep may go on.
const AT_ONCE: usize = chunks::BATCH;

/// Whether each of the gzip files that a Release lists is recorded as one member.
pub(crate) fn is_one_member(files: &[IndexFile]) -> bool {
    files.iter().all(|file| !file.listed || file.encoding != Encoding::Members)
}

/// Makes what the live generation lacks in the present form, and has it listed with the next head.
///
/// # Errors
/// [`FlowError`] from the stores; the suite is unchanged then.
pub(crate) async fn change(
    repository: &Arc<Repository>,
    desk: &Arc<Desk>,
) -> Result<(), FlowError> {
    let (shared, at_desk) = (Arc::clone(repository), Arc::clone(desk));
    blocking(move || {
        let begun = std::time::Instant::now();
        // A publish batch that read the form before it changed may have brought back chunks without
        // runs.
        if !give_runs(&shared, &at_desk, &at_desk.live_indices().without_runs())?
            || at_desk.gz() == Encoding::Gz
        {
            return Ok(());
        }
        let lagging = at_desk.follow_up(|pending| pending.lagging());
        let Some(lagging) = formed(&shared, &at_desk, &lagging)? else { return Ok(()) };
        at_desk.change_form(lagging);
        let milliseconds = begun.elapsed().as_millis() as u64;
        info!(suite = %at_desk.suite, milliseconds, "gzip files are one member from the next head on");
        Ok(())
    })
    .await
}

/// Makes missing runs, a few at a time; gives `false` when the suite was closed before the end.
fn give_runs(
    repository: &Repository,
    desk: &Desk,
    chunks: &[Arc<Chunk>],
) -> Result<bool, FlowError> {
    for batch in chunks.chunks(AT_ONCE) {
        let _unswept = repository.sweeping.read();
        if !chunks::give_runs(repository, batch, &|| !desk.is_closed())? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// These files in the present form; `None` when the suite was closed meanwhile.
fn formed(
    repository: &Repository,
    desk: &Desk,
    files: &[IndexFile],
) -> Result<Option<Vec<IndexFile>>, FlowError> {
    let mut formed = Vec::new();
    for file in files {
        if file.encoding != Encoding::Members {
            formed.push(file.clone());
            continue;
        }
        let found = repository.catalogue.find_chunks(&file.chunks)?;
        let found: HashMap<_, _> =
            found.into_iter().map(|one| (one.key, Chunk::new(one))).collect();
        let lost = |key| FlowError::Internal(format!("chunk {key} is lost").into());
        let chunk = |key| found.get(key).cloned().ok_or_else(|| lost(*key));
        let chunks = file.chunks.iter().map(chunk).collect::<Result<Vec<_>, _>>()?;
        if !give_runs(repository, desk, &chunks)? {
            return Ok(None);
        }
        let mut hash = ResumableHash::new(Encoding::Gz);
        hash.read_on(repository.pool.as_ref(), &chunks)?;
        let unmade =
            || FlowError::Internal(format!("{} has chunks without runs", file.path).into());
        let (size_bytes, digest) = hash.finish(&chunks).ok_or_else(unmade)?;
        formed.push(IndexFile { encoding: Encoding::Gz, size_bytes, digest, ..file.clone() });
    }
    Ok(Some(formed))
}
