//! Chunk: stanzas are rendered, proven by a second reader, compressed once for each encoding, and kept
//! in packs: one file and one fsync for many chunks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::debian::{framing, packages};
use crate::digest::Digest;
use crate::domain::{Package, StoredChunk, layout};
use crate::flow::desk::Desk;
use crate::flow::{FlowError, Repository, lock};
use crate::pool::{Kind, Pool};

/// A chunk that is to be made.
pub(crate) struct Wanted {
    /// Its name.
    pub key: Digest,
    /// What it lists, in order.
    pub packages: Vec<Arc<Package>>,
}

/// A pack is closed when it has grown to this. Unit: bytes.
const PACK_BYTES: usize = 32 << 20;
/// How many chunks are made before the queue is looked at again.
const BATCH: usize = 32;

/// Makes chunks and keeps them; `None` when `may_go_on` said no on the way (what was made is spare).
///
/// # Errors
/// [`FlowError`] from the stores, or when a chunk does not prove to be what it should.
pub(crate) fn make(
    repository: &Repository,
    desk: &Desk,
    wanted: Vec<Wanted>,
    may_go_on: &dyn Fn() -> bool,
) -> Result<Option<Vec<StoredChunk>>, FlowError> {
    let mut pack = Pack::default();
    let mut made = Vec::new();
    for batch in wanted.chunks(BATCH) {
        if !may_go_on() {
            made.extend(pack.keep(repository.pool.as_ref())?);
            lock(&desk.spare).extend(made.into_iter().map(|chunk| (chunk.key, chunk)));
            return Ok(None);
        }
        for compressed in compress_all(repository, batch)? {
            pack.push(compressed);
        }
        if pack.bytes.len() >= PACK_BYTES {
            made.extend(std::mem::take(&mut pack).keep(repository.pool.as_ref())?);
        }
    }
    made.extend(pack.keep(repository.pool.as_ref())?);
    Ok(Some(made))
}

struct Compressed {
    key: Digest,
    plain_bytes: usize,
    gz: Vec<u8>,
    xz: framing::XzBlock,
}

/// Compresses on every core.
fn compress_all(repository: &Repository, batch: &[Wanted]) -> Result<Vec<Compressed>, FlowError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(batch.len());
    if threads <= 1 {
        return batch.iter().map(|wanted| compress(repository, wanted)).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(wanted) = batch.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(compress(repository, wanted));
        }
        done
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let parts = workers.into_iter().map(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| vec![Err(FlowError::Internal("a compressor stopped".into()))])
        });
        parts.flatten().collect()
    })
}

fn compress(repository: &Repository, wanted: &Wanted) -> Result<Compressed, FlowError> {
    let digests: Vec<_> = wanted.packages.iter().map(|package| package.digest).collect();
    let plain = repository.catalogue.read_stanzas(&digests)?.concat();
    prove(&plain, &wanted.packages)?;
    let internal = |error: framing::FramingError| FlowError::Internal(error.to_string());
    let xz = framing::xz_block(plain.as_bytes(), framing::XZ_DEFAULT_PRESET).map_err(internal)?;
    let gz = framing::gzip_member(plain.as_bytes());
    Ok(Compressed { key: wanted.key, plain_bytes: plain.len(), gz, xz })
}

/// Reads the rendered stanzas back with a parser that shares nothing with the renderer: one malformed
/// stanza would make apt drop every package of every repository on every host.
fn prove(plain: &str, expected: &[Arc<Package>]) -> Result<(), FlowError> {
    let proven = packages::prove(plain.as_bytes())
        .map_err(|error| FlowError::Internal(format!("an index did not read back: {error}")))?;
    let same = |proven: &packages::Proven, package: &Package| {
        let path = layout::pool_path(
            package.kind,
            &package.name,
            package.version.without_epoch(),
            &package.architecture,
            &package.digest,
        );
        proven.name == package.name
            && proven.version == package.version
            && proven.architecture == package.architecture
            && proven.filename == path
            && proven.size_bytes == package.size_bytes
            && proven.digest == package.digest
    };
    let whole = proven.len() == expected.len()
        && proven.iter().zip(expected).all(|(proven, package)| same(proven, package));
    if whole { Ok(()) } else { Err(FlowError::Internal("an index read back differently".into())) }
}

#[derive(Default)]
struct Pack {
    bytes: Vec<u8>,
    chunks: Vec<StoredChunk>,
}

impl Pack {
    fn push(&mut self, compressed: Compressed) {
        let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        self.chunks.push(StoredChunk {
            key: compressed.key,
            pack: compressed.key,
            offset: self.bytes.len() as u64,
            plain_bytes: length(compressed.plain_bytes),
            gz_bytes: length(compressed.gz.len()),
            xz_bytes: length(compressed.xz.bytes.len()),
            xz_unpadded_bytes: u32::try_from(compressed.xz.unpadded_bytes).unwrap_or(u32::MAX),
        });
        self.bytes.extend_from_slice(&compressed.gz);
        self.bytes.extend_from_slice(&compressed.xz.bytes);
    }

    /// Makes the pack durable; only now is its own name known.
    fn keep(self, pool: &dyn Pool) -> Result<Vec<StoredChunk>, FlowError> {
        if self.chunks.is_empty() {
            return Ok(Vec::new());
        }
        let pack = pool.keep(Kind::Pack, &self.bytes)?;
        Ok(self.chunks.into_iter().map(|chunk| StoredChunk { pack, ..chunk }).collect())
    }
}

/// A chunk's bytes.
pub(crate) struct ChunkBytes {
    /// Its gzip member.
    pub gz: Vec<u8>,
    /// Its xz block.
    pub xz: Vec<u8>,
    plain_bytes: u64,
}

impl ChunkBytes {
    /// Its stanzas.
    pub(crate) fn plain(&self) -> Result<Vec<u8>, FlowError> {
        gunzip(&self.gz, self.plain_bytes)
    }
}

/// Inflates a chunk's gzip member.
pub(crate) fn gunzip(gz: &[u8], plain_bytes: u64) -> Result<Vec<u8>, FlowError> {
    framing::gunzip_member(gz, plain_bytes)
        .map_err(|error| FlowError::Internal(format!("a stored chunk is damaged: {error}")))
}

/// Reads a chunk from its pack.
pub(crate) fn read(pool: &dyn Pool, chunk: &StoredChunk) -> Result<ChunkBytes, FlowError> {
    let (gz, xz) = (u64::from(chunk.gz_bytes), u64::from(chunk.xz_bytes));
    let lost = || FlowError::Internal(format!("pack {} is lost", chunk.pack));
    let mut bytes = pool
        .read(Kind::Pack, &chunk.pack, chunk.offset, gz.saturating_add(xz))?
        .ok_or_else(lost)?;
    let xz = bytes.split_off(bytes.len().min(chunk.gz_bytes as usize));
    Ok(ChunkBytes { gz: bytes, xz, plain_bytes: u64::from(chunk.plain_bytes) })
}
