//! Follow: xz blocks, and other files that hosts can do without for some seconds, are made after a
//! change, because they take longer than a change may. A head that is signed again lists them.

use crate::flow::followup::pace::REST;
use crate::flow::publish::chunks;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tracing::{error, info};

use crate::catalogue::SuiteState;
use crate::digest::Digest;
use crate::domain::{Change, IndexFile};
use crate::flow::error::{Damage, FlowError};
use crate::flow::followup::{form, patches};
use crate::flow::index::chunk::Chunk;
use crate::flow::index::live::LiveIndices;
use crate::flow::index::resumable_hash::ResumableHash;
use crate::flow::publish::{generation, indices};
use crate::flow::repair::chunk;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::flow::suite::queue::Job;
use crate::flow::threads::blocking;

/// How many blocks share a pack; a change that arrives meanwhile does not wait for them.
const BLOCKS_AT_ONCE: usize = 16;
/// How long to wait before a failed attempt is repeated.
const AGAIN: Duration = Duration::from_secs(20);

/// Makes the follow-up files of a suite until its desk is closed.
pub(crate) async fn follow(repository: Weak<Repository>, desk: Arc<Desk>) {
    loop {
        let Some(shared) = repository.upgrade() else { return };
        if desk.is_closed() {
            return;
        }
        let done = catch_up(&shared, &desk).await;
        let moved = desk.moved.notified();
        match done {
            Ok(()) => {
                drop(shared);
                moved.await;
            }
            Err(problem) => {
                error!(suite = %desk.suite, %problem, "what follows a change failed; it is tried again");
                shared.note_damage(&problem);
                drop(shared);
                // A change that arrives meanwhile ends the wait.
                let _ = tokio::time::timeout(AGAIN, moved).await;
            }
        }
        tokio::time::sleep(REST).await;
    }
}

/// Makes the missing files of the live generation, and has them listed.
async fn catch_up(repository: &Arc<Repository>, desk: &Arc<Desk>) -> Result<(), FlowError> {
    warm(repository, desk).await?;
    form::change(repository, desk).await?;
    loop {
        let missing = desk.live_indices().unblocked();
        if missing.is_empty() || desk.is_closed() {
            break;
        }
        let batch: Vec<_> = missing.into_iter().take(BLOCKS_AT_ONCE).collect();
        let shared = Arc::clone(repository);
        blocking(move || block(&shared, &batch)).await?;
    }
    let (shared, at_desk) = (Arc::clone(repository), Arc::clone(desk));
    let beside = blocking(move || {
        at_desk.hash_pending_files(shared.pool.as_ref())?;
        Ok(make_beside(&shared, &at_desk))
    });
    // A failure here does not keep xz from being listed.
    let beside = beside.await?;
    if !generation::is_complete(desk) {
        complete(repository, desk).await?;
    }
    beside
}

/// Makes the patches to the indices of the live generation, until another one is live.
fn make_beside(repository: &Repository, desk: &Desk) -> Result<(), FlowError> {
    let live = desk.live();
    patches::patch(repository, desk, &|| !desk.is_closed() && desk.live() == live)
}

/// Reads the indices of a newly opened suite into memory, for its next change.
async fn warm(repository: &Arc<Repository>, desk: &Arc<Desk>) -> Result<(), FlowError> {
    if !desk.live_indices().is_empty() || desk.state().head.is_none() {
        return Ok(());
    }
    let (shared, at_desk) = (Arc::clone(repository), Arc::clone(desk));
    blocking(move || {
        let begun = std::time::Instant::now();
        let state = at_desk.state();
        let Some(head) = &state.head else { return Ok(()) };
        let listed = shared.catalogue.list_indices(&at_desk.suite, head.generation)?;
        let recorded = indices::recorded(&shared, &state, at_desk.gz())?;
        let live_indices = match recorded {
            Some(indices) => match rotten(&at_desk, &indices, &listed) {
                None => indices,
                Some(chunks) => {
                    shared.forget_chunks(&chunks)?;
                    anew(&shared, &at_desk, &state)?
                }
            },
            None if lacks_files(&state, &listed) => anew(&shared, &at_desk, &state)?,
            // Another version of this program cut the indices differently; the next change makes
            // them then.
            None => return Ok(()),
        };
        let listed = sound(&shared, &at_desk, &live_indices, listed)?;
        if Arc::ptr_eq(&state, &at_desk.state()) {
            at_desk.offer_live_indices(live_indices, &listed);
        }
        let milliseconds = begun.elapsed().as_millis() as u64;
        info!(suite = %at_desk.suite, milliseconds, "indices are in memory");
        Ok(())
    })
    .await
}

/// The chunks of the indices that are not those that the live head lists, though they are made of
/// the same chunks.
fn rotten(desk: &Desk, indices: &LiveIndices, listed: &[IndexFile]) -> Option<Vec<Digest>> {
    let listed: BTreeMap<_, _> = listed.iter().map(|file| (&file.path, file)).collect();
    let differs = |file: &IndexFile| {
        listed.get(&file.path).is_some_and(|signed| {
            signed.chunks == file.chunks
                && signed.encoding == file.encoding
                && (signed.size_bytes, signed.digest) != (file.size_bytes, file.digest)
        })
    };
    let files = indices.files();
    let rotten: Vec<_> = files.iter().filter(|file| differs(file)).collect();
    for IndexFile { path, .. } in &rotten {
        error!(suite = %desk.suite, path, "an index is not the one that was signed; it is made anew");
    }
    let chunks: BTreeSet<_> = rotten.iter().flat_map(|file| file.chunks.iter().copied()).collect();
    (!chunks.is_empty()).then(|| chunks.into_iter().collect())
}

/// Those of the listed files that are what the head says: indices were held against it, the others
/// are now. Another one is forgotten, and made anew.
fn sound(
    repository: &Repository,
    desk: &Desk,
    indices: &LiveIndices,
    mut listed: Vec<IndexFile>,
) -> Result<Vec<IndexFile>, FlowError> {
    let indices: BTreeSet<_> = indices.files().into_iter().map(|file| file.path).collect();
    let mut lost = Vec::new();
    for file in listed.iter().filter(|file| !indices.contains(&file.path)) {
        if !is_sound(repository, file)? {
            error!(suite = %desk.suite, path = file.path, "a file is not the one that was signed; it is made anew");
            let unproven = chunk::mend(repository, &file.chunks)?;
            if unproven.is_empty() && is_sound(repository, file)? {
                continue;
            }
            // Where all chunks are right, what is recorded of the file is not.
            let is_known = !unproven.is_empty();
            lost.extend(if is_known { unproven } else { file.chunks.to_vec() });
        }
    }
    if !lost.is_empty() {
        repository.forget_chunks(&lost)?;
        listed.retain(|file| !file.chunks.iter().any(|key| lost.contains(key)));
    }
    Ok(listed)
}

fn is_sound(repository: &Repository, file: &IndexFile) -> Result<bool, FlowError> {
    let found = repository.catalogue.find_chunks(&file.chunks)?;
    let found: BTreeMap<_, _> = found.into_iter().map(|one| (one.key, Chunk::new(one))).collect();
    let chunks: Vec<_> =
        file.chunks.iter().filter_map(|key| found.get(key).map(Arc::clone)).collect();
    if chunks.len() != file.chunks.len() {
        return Ok(false);
    }
    match ResumableHash::of_whole(repository.pool.as_ref(), file.encoding, &chunks) {
        Ok(found) => Ok(found == Some((file.size_bytes, file.digest))),
        Err(FlowError::Damaged(Damage::Chunk(_), _)) => Ok(false),
        Err(problem) => Err(problem),
    }
}

/// Whether an index that the live head lists was forgotten, because its bytes are lost.
fn lacks_files(state: &SuiteState, listed: &[IndexFile]) -> bool {
    let listed: BTreeSet<_> = listed.iter().map(|file| file.path.as_str()).collect();
    indices::plain_paths(&state.spec, &state.contents).any(|path| !listed.contains(path.as_str()))
}

/// The indices of what is live; chunks that are not recorded are made anew. The next head lists
/// what differs.
fn anew(
    repository: &Repository,
    desk: &Desk,
    state: &SuiteState,
) -> Result<LiveIndices, FlowError> {
    let _unswept = repository.sweeping.read();
    let contents = (&state.contents, &state.contents);
    let from = indices::From { spec: &state.spec, before: desk.live_indices() };
    let built = indices::build(repository, desk, from, contents, &[], &|| true)?;
    let built = built.ok_or_else(|| FlowError::Internal("indices were not made".into()))?;
    repository.catalogue.record_chunks(&built.new_chunks)?;
    Ok(built.live_indices)
}

/// Makes the xz blocks of some chunks. They are durable first, then recorded, then visible to all
/// holders of the chunks.
fn block(repository: &Repository, batch: &[Arc<Chunk>]) -> Result<(), FlowError> {
    let _unswept = repository.sweeping.read();
    let blocks = chunks::make_blocks(repository, batch)?;
    repository.catalogue.record_blocks(&blocks)?;
    for (chunk, (_, block)) in batch.iter().zip(blocks) {
        chunk.blocked(block);
    }
    Ok(())
}

/// Has the completed files listed, if there are any, once a second is free for the new Date.
async fn complete(repository: &Arc<Repository>, desk: &Arc<Desk>) -> Result<(), FlowError> {
    loop {
        // Nobody asked for this head. The first refresh after the doubt has it looked at again.
        if repository.doubt().is_some() {
            return Ok(());
        }
        let state = desk.state();
        let Some(head) = &state.head else { return Ok(()) };
        // The head must be two seconds old, so that the new Date is above its own and below the
        // present second.
        let due = head.date.plus(2);
        if repository.now() >= due {
            break;
        }
        desk.pause(repository.clock.until(due)).await;
        if desk.is_closed() {
            return Ok(());
        }
    }
    let (job, answer) = Job::of_server(Change::Complete);
    if desk.submit(job).is_err() {
        return Ok(());
    }
    answer.await.map_or(Ok(()), |answered| answered.map(drop))
}
