//! Chunks: stanzas are rendered, proven and compressed, and runs are made that an earlier build did
//! not make.

use crate::cause::Cause;
use std::collections::HashMap;
use std::sync::Arc;

use crate::debian::framing;
use crate::digest::Digest;
use crate::domain::{Encoding, Package, Shape, StoredBlock};
use crate::flow::error::FlowError;
use crate::flow::index::chunk::{Chunk, Compressed, Deflated, stored_block, stored_run};
use crate::flow::publish::render;
use crate::flow::repository::Repository;
use crate::flow::threads::on_every_core;
use crate::pool::Kind;

/// How many chunks are made before the queue is checked again.
pub(crate) const BATCH: usize = 32;
/// Memory for making a batch of chunks: as stanzas, as text and compressed. Unit: bytes.
pub(crate) const BATCH_BYTES: u64 = 16 << 20;
/// Memory for the encoder of a block: twelve times its dictionary, which is as large as the chunk,
/// and its tables. Unit: bytes.
const BLOCK_BYTES: u64 = 6 << 20;
/// Up to this many bytes of new stanzas get their xz blocks at once: for more, making them would
/// take longer than the rest of a publication. Unit: bytes.
const AT_ONCE_BYTES: usize = 24 * 1024;

/// A chunk that is to be made.
pub(crate) struct Wanted {
    /// Its key.
    pub key: Digest,
    /// The kind of its stanzas.
    pub shape: Shape,
    /// Its packages, in order.
    pub packages: Vec<Arc<Package>>,
}

/// A chunk that was rendered and proven.
pub(crate) struct Rendered {
    /// Its key.
    pub key: Digest,
    /// Its stanzas.
    pub plain: Arc<Vec<u8>>,
}

/// Memory for making these few chunks: as stanzas, as text, compressed, and in a pack. Unit: bytes.
pub(crate) fn held_bytes(wanted: &[Wanted]) -> u64 {
    let packages = wanted.iter().flat_map(|wanted| &wanted.packages);
    let stanzas = packages.map(|package| u64::from(package.stanza_bytes));
    stanzas.fold(0, u64::saturating_add).saturating_mul(4)
}

/// Renders chunks on every core. The results are in the order of `wanted`.
pub(crate) fn render(
    repository: &Repository,
    wanted: &[Wanted],
) -> Result<Vec<Rendered>, FlowError> {
    on_every_core(wanted, |wanted| {
        let digests: Vec<_> = wanted.packages.iter().map(|package| package.digest).collect();
        let stanzas = repository.catalogue.read_stanzas(&digests)?;
        let plain = render::proven(wanted.shape, &wanted.packages, stanzas)?;
        Ok(Rendered { key: wanted.key, plain: Arc::new(plain.into_bytes()) })
    })
}

/// A chunk's run of deflate blocks, and its xz block if that was made at once.
pub(crate) type Forms = (framing::GzipRun, Option<framing::XzBlock>);

/// Compresses chunks on every core.
pub(crate) fn compress(rendered: &[Rendered]) -> Result<Vec<Forms>, FlowError> {
    let total = rendered.iter().map(|one| one.plain.len()).fold(0, usize::saturating_add);
    let internal = |error: framing::FramingError| FlowError::Internal(Cause::of(error));
    on_every_core(rendered, |Rendered { plain, .. }| {
        let xz = (total <= AT_ONCE_BYTES)
            .then(|| framing::xz_block(plain, framing::XZ_DEFAULT_PRESET))
            .transpose()
            .map_err(internal)?;
        Ok((framing::gzip_run(plain), xz))
    })
}

/// Puts chunks and their compressed forms together.
pub(crate) fn join(
    rendered: &[Rendered],
    forms: Vec<Forms>,
) -> impl Iterator<Item = Arc<Compressed>> {
    let whole = |(Rendered { key, plain }, (run, xz)): (&Rendered, Forms)| {
        let (plain, gz) = (Arc::clone(plain), Deflated::Run(run));
        Arc::new(Compressed { key: *key, plain, gz, xz, keeps_plain: true })
    };
    rendered.iter().zip(forms).map(whole)
}

/// Makes the missing runs of chunks that an earlier build made; gives `false` when `may_go_on`
/// ended it early. The caller holds `sweeping`.
///
/// # Errors
/// [`FlowError`] from the stores.
pub(crate) fn give_runs(
    repository: &Repository,
    chunks: &[Arc<Chunk>],
    may_go_on: &dyn Fn() -> bool,
) -> Result<bool, FlowError> {
    let missing: Vec<_> = chunks.iter().filter(|chunk| chunk.run().is_none()).collect();
    for batch in missing.chunks(BATCH) {
        if !may_go_on() {
            return Ok(false);
        }
        let _loan = repository.memory.encode(BATCH_BYTES);
        let pool = repository.pool.as_ref();
        let runs = on_every_core(batch, |chunk| {
            let mut plain = Vec::new();
            chunk.read(pool, Encoding::Plain, &mut plain)?;
            Ok(framing::gzip_run(&plain))
        })?;
        let offsets = runs.iter().scan(0, |end: &mut u64, run| {
            let offset = *end;
            *end = end.saturating_add(run.bytes.len() as u64);
            Some(offset)
        });
        let bytes: Vec<u8> = runs.iter().flat_map(|run| &run.bytes).copied().collect();
        let pack = pool.keep(Kind::Pack, &bytes)?;
        let stored = runs.iter().zip(offsets).map(|(run, offset)| stored_run(pack, offset, run));
        let keys = batch.iter().map(|chunk| chunk.key());
        repository.catalogue.record_runs(&keys.clone().zip(stored).collect::<Vec<_>>())?;
        // If another suite recorded its run first, that one counts.
        let recorded = repository.catalogue.find_chunks(&keys.collect::<Vec<_>>())?;
        let recorded: HashMap<_, _> = recorded.iter().map(|one| (one.key, one.run)).collect();
        for chunk in batch {
            let run = recorded.get(&chunk.key()).copied().flatten();
            let lost =
                || FlowError::Internal(format!("chunk {} is not recorded", chunk.key()).into());
            chunk.ran(run.ok_or_else(lost)?);
        }
    }
    Ok(true)
}

/// Makes the xz blocks of these chunks and stores them in one pack. The chunks do not show them
/// yet.
pub(crate) fn make_blocks(
    repository: &Repository,
    chunks: &[Arc<Chunk>],
) -> Result<Vec<(Digest, StoredBlock)>, FlowError> {
    let pool = repository.pool.as_ref();
    let _loan = repository.memory.encode(BLOCK_BYTES);
    let internal = |error: framing::FramingError| FlowError::Internal(Cause::of(error));
    let (mut bytes, mut blocks) = (Vec::new(), Vec::new());
    let mut plain = Vec::new();
    for chunk in chunks {
        chunk.read(pool, Encoding::Plain, &mut plain)?;
        let xz = framing::xz_block(&plain, framing::XZ_DEFAULT_PRESET).map_err(internal)?;
        let offset = bytes.len() as u64;
        bytes.extend_from_slice(&xz.bytes);
        blocks.push((chunk.key(), offset, xz));
    }
    let pack = pool.keep(Kind::Pack, &bytes)?;
    let placed = blocks.iter().map(|(key, offset, xz)| (*key, stored_block(pack, *offset, xz)));
    Ok(placed.collect())
}
