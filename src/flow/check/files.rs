//! Files: the index files of every generation, chunk by chunk in their encoding.

use std::collections::BTreeSet;

use crate::catalogue::{CatalogueError, FiledIndex, IndexRecord};
use crate::domain::StoredChunk;
use crate::flow::check::found::{Checked, Finding, Stores};
use crate::flow::error::{Damage, FlowError};
use crate::flow::index::chunk::Chunk;
use crate::flow::index::resumable_hash::ResumableHash;
use crate::flow::threads::on_every_core;

/// How many are looked at in one go.
const AT_ONCE: u32 = 64;

/// Checks every index file; those of packs that are `bad` are known to be.
pub(super) fn check(
    stores: Stores<'_>,
    checked: &mut Checked,
    bad: &BTreeSet<Damage>,
    advance: &mut dyn FnMut(usize),
) -> Result<(), FlowError> {
    let mut last = 0;
    loop {
        let files = stores.catalogue.list_filed(last, AT_ONCE)?;
        let Some(end) = files.last() else { return Ok(()) };
        last = end.id;
        let found = on_every_core(&files, |file| of_file(stores, file, bad))?;
        checked.findings.extend(found.into_iter().flatten());
        checked.files = checked.files.saturating_add(files.len() as u64);
        advance(files.len());
    }
}

/// What is wrong with an index file.
///
/// # Errors
/// [`FlowError`] when a store cannot be read at all.
pub(in crate::flow) fn of_file(
    stores: Stores<'_>,
    filed: &FiledIndex,
    bad: &BTreeSet<Damage>,
) -> Result<Option<Finding>, FlowError> {
    let FiledIndex { suite, path, generation, .. } = filed;
    let finding = |problem: &dyn std::fmt::Display, damage| {
        let text = format!("{path} of {suite}, first listed by generation {generation}: {problem}");
        Ok(Some(Finding { text, damage }))
    };
    let own = Damage::Index(filed.id);
    let record = match stores.catalogue.read_filed(filed.id) {
        Ok(Some(record)) => record,
        // It was forgotten a moment ago.
        Ok(None) => return Ok(None),
        Err(problem @ CatalogueError::Damaged(_)) => return finding(&problem, vec![own]),
        Err(problem) => return Err(problem.into()),
    };
    match is_whole(stores, &record) {
        Ok(true) => Ok(None),
        Ok(false) => finding(&"it has another digest", vec![own]),
        Err(FlowError::Damaged(damage, _)) if bad.contains(&damage) => Ok(None),
        Err(FlowError::Damaged(damage, cause)) => finding(&cause, vec![damage]),
        Err(problem) => Err(problem),
    }
}

/// Whether a file is what its digest says.
fn is_whole(stores: Stores<'_>, record: &IndexRecord) -> Result<bool, FlowError> {
    let chunks: Vec<_> =
        record.chunks.iter().map(|chunk| Chunk::new(StoredChunk::clone(chunk))).collect();
    let mut hash = ResumableHash::new(record.file.encoding);
    hash.go_on(chunks.len(), |at, encoding, buffer| {
        let Some(chunk) = chunks.get(at) else { return Ok(()) };
        chunk.read(stores.pool, encoding, buffer)?;
        stores.tell(buffer.len() as u64)
    })?;
    let found = hash.finish(&chunks);
    Ok(found == Some((record.file.size_bytes, record.file.digest)))
}
