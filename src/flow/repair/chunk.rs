//! Chunk: what the catalogue says of where chunks lie is compared with what the stanzas give, and
//! recorded anew where it is wrong. The files that are made of such chunks are whole again then, of
//! all generations.

use std::collections::HashMap;

use crate::debian::framing;
use crate::digest::Digest;
use crate::domain::{Encoding, PackageSet, StoredChunk, SuiteSpec};
use crate::flow::check::files;
use crate::flow::check::found::Stores;
use crate::flow::error::FlowError;
use crate::flow::index::chunk::{read_stored, stored_block, stored_run};
use crate::flow::publish::chunks::{self, Rendered, Wanted};
use crate::flow::publish::indices;
use crate::flow::repository::Repository;
use crate::flow::state::damage::Fate;
use crate::pool::Kind;

/// How many generations of a suite are looked at for what a chunk held.
const GENERATIONS: u64 = 50;

/// Repairs what is recorded of one chunk.
///
/// # Errors
/// [`FlowError`] from the stores.
pub(super) fn repair(repository: &Repository, key: &Digest) -> Result<Fate, FlowError> {
    let unproven = mend(repository, &[*key])?;
    if unproven.is_empty() {
        return Ok(Fate::Repaired);
    }
    repository.forget_chunks(&unproven)?;
    Ok(Fate::of_forgotten())
}

/// Repairs an index file of some generation, by its row.
///
/// # Errors
/// [`FlowError`] from the stores.
pub(super) fn repair_file(repository: &Repository, id: u64) -> Result<Fate, FlowError> {
    // Whoever noted it may be wrong, or it was repaired meanwhile.
    if is_whole(repository, id)? {
        return Ok(Fate::Repaired);
    }
    let keys = match repository.catalogue.read_filed(id) {
        Ok(record) => record.map(|record| record.file.chunks.to_vec()).unwrap_or_default(),
        // It names chunks that are not there.
        Err(_) => Vec::new(),
    };
    let unproven = mend(repository, &keys)?;
    if is_whole(repository, id)? {
        return Ok(Fate::Repaired);
    }
    match unproven.is_empty() {
        // Its chunks are right, so what is recorded of the file itself is not.
        true => repository.forget_file(id)?,
        false => repository.forget_chunks(&unproven)?,
    }
    Ok(Fate::of_forgotten())
}

fn is_whole(repository: &Repository, id: u64) -> Result<bool, FlowError> {
    let filed = repository.catalogue.list_filed(id.saturating_sub(1), 1)?.pop();
    let Some(filed) = filed.filter(|filed| filed.id == id) else { return Ok(true) };
    let given = Stores { catalogue: &*repository.catalogue, pool: &*repository.pool, pace: None };
    Ok(files::of_file(given, &filed, &Default::default())?.is_none())
}

/// Compares what is recorded of these chunks with what the stanzas give, and records it anew where it
/// is wrong. Gives those of which nobody can say what they should be.
///
/// # Errors
/// [`FlowError`] from the stores.
pub(crate) fn mend(repository: &Repository, keys: &[Digest]) -> Result<Vec<Digest>, FlowError> {
    let recorded = repository.catalogue.find_chunks(keys)?;
    let mut left: HashMap<_, _> = recorded.into_iter().map(|one| (one.key, one)).collect();
    // A member of an earlier build is not made any more.
    let unmade: Vec<_> =
        left.extract_if(|_, one| one.member.is_some()).map(|(key, _)| key).collect();
    let states: Vec<_> = repository.desks().values().map(|desk| desk.state()).collect();
    for state in &states {
        mend_listed(repository, &state.spec, &state.contents, &mut left)?;
    }
    for state in &states {
        let last = state.last_generation;
        for generation in (last.saturating_sub(GENERATIONS).max(1)..last).rev() {
            if left.is_empty() {
                break;
            }
            let past = repository.catalogue.contents_at(&state.spec.name, generation)?;
            if let Some(contents) = past {
                mend_listed(repository, &state.spec, &contents, &mut left)?;
            }
        }
    }
    Ok(left.into_keys().chain(unmade).collect())
}

fn mend_listed(
    repository: &Repository,
    spec: &SuiteSpec,
    contents: &PackageSet,
    left: &mut HashMap<Digest, StoredChunk>,
) -> Result<(), FlowError> {
    if left.is_empty() {
        return Ok(());
    }
    let mut wanted = indices::every_chunk(spec, contents);
    wanted.retain(|one| left.contains_key(&one.key));
    for one in wanted {
        let Some(rendered) = rendered(repository, one)? else { continue };
        if let Some(recorded) = left.remove(&rendered.key) {
            mend_one(repository, &recorded, &rendered)?;
        }
    }
    Ok(())
}

/// A chunk as its stanzas give it; nothing where one of them is damaged, which is noted.
fn rendered(repository: &Repository, wanted: Wanted) -> Result<Option<Rendered>, FlowError> {
    let _loan = repository.memory.encode(chunks::BATCH_BYTES);
    match chunks::render(repository, &[wanted]) {
        Ok(made) => Ok(made.into_iter().next()),
        Err(problem) if problem.damage().is_some() => {
            repository.note_damage(&problem);
            Ok(None)
        }
        Err(problem) => Err(problem),
    }
}

fn mend_one(
    repository: &Repository,
    recorded: &StoredChunk,
    rendered: &Rendered,
) -> Result<(), FlowError> {
    let internal = FlowError::internal::<framing::FramingError>;
    let plain = &rendered.plain;
    let run = recorded.run.is_some().then(|| framing::gzip_run(plain));
    let xz = recorded.xz.is_some().then(|| framing::xz_block(plain, framing::XZ_DEFAULT_PRESET));
    let xz = xz.transpose().map_err(internal("compress a chunk"))?;
    let mut bytes = Vec::new();
    let mut lay = |part: &[u8]| {
        let offset = bytes.len() as u64;
        bytes.extend_from_slice(part);
        offset
    };
    let plain_offset = recorded.plain_offset.map(|_| lay(plain));
    let run = run.map(|run| (lay(&run.bytes), run));
    let xz = xz.map(|xz| (lay(&xz.bytes), xz));
    let reads = |encoding, wanted: &[u8]| {
        let mut found = Vec::new();
        read_stored(&*repository.pool, recorded, encoding, &mut found).is_ok() && found == wanted
    };
    let crc32 = recorded.run.map(|run| run.crc32);
    let is_sound = reads(Encoding::Plain, plain)
        && run
            .as_ref()
            .is_none_or(|(_, run)| crc32 == Some(run.crc32) && reads(Encoding::Gz, &run.bytes))
        && xz.as_ref().is_none_or(|(_, xz)| {
            recorded.xz.is_some_and(|block| u64::from(block.unpadded_bytes) == xz.unpadded_bytes)
                && reads(Encoding::Xz, &xz.bytes)
        });
    if is_sound {
        return Ok(());
    }
    // It is not swept between the two.
    let _unswept = repository.sweeping.read();
    let pack = repository.pool.keep(Kind::Pack, &bytes)?;
    let fit = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    repository.replace_chunk(&StoredChunk {
        key: recorded.key,
        pack,
        plain_offset,
        plain_bytes: fit(plain.len()),
        plain_lines: fit(plain.iter().filter(|byte| **byte == b'\n').count()),
        member: None,
        run: run.map(|(offset, run)| stored_run(pack, offset, &run)),
        xz: xz.map(|(offset, xz)| stored_block(pack, offset, &xz)),
    })
}
