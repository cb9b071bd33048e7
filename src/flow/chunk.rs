//! Chunk: stanzas that were rendered and proven are compressed and kept in packs: one file and one fsync
//! for many chunks.

use std::sync::{Arc, OnceLock};

use crate::debian::framing;
use crate::digest::Digest;
use crate::domain::{Encoding, Package, Shape, StoredBlock, StoredChunk};
use crate::flow::cores::on_every_core;
use crate::flow::{FlowError, Repository, render};
use crate::pool::{Kind, Pool};

/// A chunk that is to be made.
pub(crate) struct Wanted {
    /// Its name.
    pub key: Digest,
    /// What its stanzas are.
    pub shape: Shape,
    /// What it lists, in order.
    pub packages: Vec<Arc<Package>>,
}

/// A durable chunk. Its xz block comes later than it does, and is seen by all who share it.
#[derive(Debug)]
pub(crate) struct Chunk {
    stored: StoredChunk,
    block: OnceLock<StoredBlock>,
}

impl Chunk {
    /// A chunk as it was recorded.
    pub(crate) fn new(stored: StoredChunk) -> Arc<Self> {
        let block = stored.xz.map_or_else(OnceLock::new, OnceLock::from);
        Arc::new(Self { stored, block })
    }

    /// Its name.
    pub(crate) fn key(&self) -> Digest {
        self.stored.key
    }

    /// Its xz block, once it is made.
    pub(crate) fn block(&self) -> Option<&StoredBlock> {
        self.block.get()
    }

    /// Notes that its xz block is durable. What was noted first stays.
    pub(crate) fn blocked(&self, block: StoredBlock) {
        let _ = self.block.set(block);
    }

    /// Where it lies, as it is recorded.
    pub(crate) fn stored(&self) -> StoredChunk {
        StoredChunk { xz: self.block.get().copied(), ..self.stored.clone() }
    }

    /// Size of its stanzas. Unit: bytes.
    pub(crate) fn plain_bytes(&self) -> u32 {
        self.stored.plain_bytes
    }

    /// How many lines its stanzas have.
    pub(crate) fn plain_lines(&self) -> u32 {
        self.stored.plain_lines
    }

    /// Reads its bytes in an encoding into `buffer`, which holds nothing else afterwards.
    pub(crate) fn read(
        &self,
        pool: &dyn Pool,
        encoding: Encoding,
        buffer: &mut Vec<u8>,
    ) -> Result<(), FlowError> {
        read_stored(pool, &self.stored(), encoding, buffer)
    }
}

/// Reads the bytes of a chunk in an encoding into `buffer`, which holds nothing else afterwards.
pub(crate) fn read_stored(
    pool: &dyn Pool,
    stored: &StoredChunk,
    encoding: Encoding,
    buffer: &mut Vec<u8>,
) -> Result<(), FlowError> {
    let lost = || FlowError::Internal(format!("chunk {} has no such bytes", stored.key));
    if encoding == Encoding::Plain && !stored.is_plain_kept() {
        let mut gz = Vec::new();
        read_stored(pool, stored, Encoding::Gz, &mut gz)?;
        let plain = framing::gunzip_member(&gz, u64::from(stored.plain_bytes));
        *buffer = plain.map_err(|error| FlowError::Internal(error.to_string()))?;
        return Ok(());
    }
    let (pack, offset, length) = stored.place(encoding).ok_or_else(lost)?;
    let missing = || FlowError::Internal(format!("pack {pack} is lost"));
    pool.read_into(Kind::Pack, &pack, offset, length, buffer)?.then_some(()).ok_or_else(missing)
}

/// A pack is closed when it has grown to this. Unit: bytes.
const PACK_BYTES: usize = 8 << 20;
/// How many chunks are made before the queue is looked at again.
pub(crate) const BATCH: usize = 32;
/// What making a batch of chunks holds: as stanzas, as text and compressed. Unit: bytes.
pub(crate) const BATCH_BYTES: u64 = 16 << 20;
/// What the encoder of a block holds: twelve times its dictionary, which is as large as the chunk, and its
/// tables. Unit: bytes.
const BLOCK_BYTES: u64 = 6 << 20;
/// Up to this many bytes of new stanzas get their xz blocks at once: for more, making them would take
/// longer than the rest of a publication. Unit: bytes.
const AT_ONCE_BYTES: usize = 24 * 1024;

/// A chunk that was rendered and proven.
pub(crate) struct Rendered {
    /// Its name.
    pub key: Digest,
    /// Its stanzas.
    pub plain: Arc<Vec<u8>>,
}

/// A chunk that was compressed, but is not durable.
pub(crate) struct Compressed {
    /// Its name.
    pub key: Digest,
    /// Its stanzas.
    pub plain: Arc<Vec<u8>>,
    /// Its gzip member.
    pub gz: Vec<u8>,
    /// Its xz block, if it was small enough to make it at once.
    pub xz: Option<framing::XzBlock>,
    /// Whether the stanzas are kept as they are, too. If not, whoever wants them unpacks the gzip member.
    pub keeps_plain: bool,
}

/// What making these few chunks holds: as stanzas, as text, compressed, in a pack. Unit: bytes.
pub(crate) fn held_bytes(wanted: &[Wanted]) -> u64 {
    let packages = wanted.iter().flat_map(|wanted| &wanted.packages);
    let stanzas = packages.map(|package| u64::from(package.stanza_bytes));
    stanzas.fold(0, u64::saturating_add).saturating_mul(4)
}

/// Renders chunks on every core, in the order asked for.
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

/// A chunk's gzip member, and its xz block if that was made at once.
pub(crate) type Forms = (Vec<u8>, Option<framing::XzBlock>);

/// Compresses chunks on every core.
pub(crate) fn compress(rendered: &[Rendered]) -> Result<Vec<Forms>, FlowError> {
    let total = rendered.iter().map(|one| one.plain.len()).fold(0, usize::saturating_add);
    let internal = |error: framing::FramingError| FlowError::Internal(error.to_string());
    on_every_core(rendered, |Rendered { plain, .. }| {
        let xz = (total <= AT_ONCE_BYTES)
            .then(|| framing::xz_block(plain, framing::XZ_DEFAULT_PRESET))
            .transpose()
            .map_err(internal)?;
        Ok((framing::gzip_member(plain), xz))
    })
}

/// Puts chunks and their compressed forms together.
pub(crate) fn join(
    rendered: &[Rendered],
    forms: Vec<Forms>,
) -> impl Iterator<Item = Arc<Compressed>> {
    let whole = |(Rendered { key, plain }, (gz, xz)): (&Rendered, Forms)| {
        Arc::new(Compressed { key: *key, plain: Arc::clone(plain), gz, xz, keeps_plain: true })
    };
    rendered.iter().zip(forms).map(whole)
}

/// Chunks on their way into one file: first all gzip members, then all xz blocks, then all stanzas, so
/// that neighbours in an index are neighbours on the disk.
#[derive(Default)]
pub(crate) struct Pack {
    chunks: Vec<Arc<Compressed>>,
    bytes: usize,
}

impl Pack {
    /// Puts a chunk in.
    pub(crate) fn push(&mut self, chunk: Arc<Compressed>) {
        let xz = chunk.xz.as_ref().map_or(0, |xz| xz.bytes.len());
        let size = chunk.plain.len().saturating_add(chunk.gz.len()).saturating_add(xz);
        self.bytes = self.bytes.saturating_add(size);
        self.chunks.push(chunk);
    }

    /// Whether it has grown to the size of a pack.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= PACK_BYTES
    }

    /// Makes the pack durable; only now is its own name known.
    pub(crate) fn keep(self, pool: &dyn Pool) -> Result<Vec<StoredChunk>, FlowError> {
        if self.chunks.is_empty() {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::with_capacity(self.bytes);
        let mut append = |part: &[u8]| {
            let offset = bytes.len() as u64;
            bytes.extend_from_slice(part);
            offset
        };
        let gz: Vec<_> = self.chunks.iter().map(|chunk| append(&chunk.gz)).collect();
        let xz = self.chunks.iter().map(|chunk| chunk.xz.as_ref().map(|xz| append(&xz.bytes)));
        let xz: Vec<_> = xz.collect();
        let plain = self.chunks.iter().zip(&gz).map(|(chunk, gz)| match chunk.keeps_plain {
            true => append(&chunk.plain),
            false => *gz,
        });
        let plain: Vec<_> = plain.collect();
        let pack = pool.keep(Kind::Pack, &bytes)?;
        let places = gz.into_iter().zip(xz).zip(plain);
        let stored = self.chunks.iter().zip(places).map(|(chunk, ((gz_offset, xz), plain))| {
            let block = chunk.xz.as_ref().zip(xz);
            StoredChunk {
                key: chunk.key,
                pack,
                plain_offset: plain,
                plain_bytes: short(chunk.plain.len()),
                plain_lines: short(chunk.plain.iter().filter(|byte| **byte == b'\n').count()),
                gz_offset,
                gz_bytes: short(chunk.gz.len()),
                xz: block.map(|(xz, offset)| stored_block(pack, offset, xz)),
            }
        });
        Ok(stored.collect())
    }
}

fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn stored_block(pack: Digest, offset: u64, xz: &framing::XzBlock) -> StoredBlock {
    StoredBlock {
        pack,
        offset,
        bytes: short(xz.bytes.len()),
        unpadded_bytes: u32::try_from(xz.unpadded_bytes).unwrap_or(u32::MAX),
    }
}

/// Makes the xz blocks of these chunks and keeps them in one pack. The chunks do not know of them yet.
pub(crate) fn make_blocks(
    repository: &Repository,
    chunks: &[Arc<Chunk>],
) -> Result<Vec<(Digest, StoredBlock)>, FlowError> {
    let pool = repository.pool.as_ref();
    let _loan = repository.memory.encode(BLOCK_BYTES);
    let internal = |error: framing::FramingError| FlowError::Internal(error.to_string());
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
