//! Chunk: stanzas that were rendered and proven are compressed and kept in packs: one file and one fsync
//! for many chunks.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::debian::framing;
use crate::digest::Digest;
use crate::domain::{Encoding, Package, Shape, StoredBlock, StoredChunk, StoredMember, StoredRun};
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

/// A durable chunk. Its xz block comes later than it does, and so does the run of one that an earlier build
/// made; both are seen by all who share it.
#[derive(Debug)]
pub(crate) struct Chunk {
    stored: StoredChunk,
    run: OnceLock<StoredRun>,
    block: OnceLock<StoredBlock>,
}

impl Chunk {
    /// A chunk as it was recorded.
    pub(crate) fn new(stored: StoredChunk) -> Arc<Self> {
        let run = stored.run.map_or_else(OnceLock::new, OnceLock::from);
        let block = stored.xz.map_or_else(OnceLock::new, OnceLock::from);
        Arc::new(Self { stored, run, block })
    }

    /// Its name.
    pub(crate) fn key(&self) -> Digest {
        self.stored.key
    }

    /// Its run of deflate blocks, once it is made.
    pub(crate) fn run(&self) -> Option<&StoredRun> {
        self.run.get()
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
        let (run, xz) = (self.run.get().copied(), self.block.get().copied());
        StoredChunk { run, xz, ..self.stored.clone() }
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
    if let Some((pack, offset, length)) = stored.place(encoding) {
        let missing = || FlowError::Internal(format!("pack {pack} is lost"));
        let is_read = pool.read_into(Kind::Pack, &pack, offset, length, buffer)?;
        return is_read.then_some(()).ok_or_else(missing);
    }
    let (mut gz, plain_bytes) = (Vec::new(), u64::from(stored.plain_bytes));
    let internal = |error: framing::FramingError| FlowError::Internal(error.to_string());
    *buffer = match (encoding, stored.run) {
        (Encoding::Plain, Some(run)) => {
            read_stored(pool, stored, Encoding::Gz, &mut gz)?;
            framing::gunzip_run(&gz, plain_bytes, run.crc32).map_err(internal)?
        }
        (Encoding::Plain, None) if stored.member.is_some() => {
            read_stored(pool, stored, Encoding::Members, &mut gz)?;
            framing::gunzip_member(&gz, plain_bytes).map_err(internal)?
        }
        (Encoding::Members, Some(run)) => {
            read_stored(pool, stored, Encoding::Gz, &mut gz)?;
            framing::member_of_run(&gz, run.crc32, plain_bytes)
        }
        _ => return Err(lost()),
    };
    Ok(())
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
    /// The same by deflate.
    pub gz: Deflated,
    /// Its xz block, if it was small enough to make it at once.
    pub xz: Option<framing::XzBlock>,
    /// Whether the stanzas are kept as they are, too. If not, whoever wants them unpacks the run.
    pub keeps_plain: bool,
}

/// What deflate made of a chunk.
pub(crate) enum Deflated {
    /// Blocks, for a file of one member.
    Run(framing::GzipRun),
    /// A whole file.
    Member(Vec<u8>),
    /// It is given out as it is alone.
    Nothing,
}

impl Deflated {
    /// What is kept of it.
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Run(run) => &run.bytes,
            Self::Member(bytes) => bytes,
            Self::Nothing => &[],
        }
    }
}

impl Compressed {
    /// Its bytes in an encoding, where they are at hand.
    pub(crate) fn at_hand(&self, encoding: Encoding) -> Option<Cow<'_, [u8]>> {
        match (encoding, &self.gz) {
            (Encoding::Plain, _) => Some(Cow::Borrowed(&self.plain)),
            (Encoding::Gz, Deflated::Run(run)) => Some(Cow::Borrowed(&run.bytes)),
            (Encoding::Members, Deflated::Run(framing::GzipRun { bytes, crc32 })) => {
                let plain_bytes = self.plain.len() as u64;
                Some(Cow::Owned(framing::member_of_run(bytes, *crc32, plain_bytes)))
            }
            (Encoding::Members, Deflated::Member(bytes)) => Some(Cow::Borrowed(bytes)),
            (Encoding::Xz, _) => self.xz.as_ref().map(|xz| Cow::Borrowed(&*xz.bytes)),
            _ => None,
        }
    }
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

/// A chunk's run of deflate blocks, and its xz block if that was made at once.
pub(crate) type Forms = (framing::GzipRun, Option<framing::XzBlock>);

/// Compresses chunks on every core.
pub(crate) fn compress(rendered: &[Rendered]) -> Result<Vec<Forms>, FlowError> {
    let total = rendered.iter().map(|one| one.plain.len()).fold(0, usize::saturating_add);
    let internal = |error: framing::FramingError| FlowError::Internal(error.to_string());
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

/// Chunks on their way into one file: first all that deflate made, then all xz blocks, then all stanzas, so
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
        let size = chunk.plain.len().saturating_add(chunk.gz.bytes().len()).saturating_add(xz);
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
        let gz: Vec<_> = self.chunks.iter().map(|chunk| append(chunk.gz.bytes())).collect();
        let xz = self.chunks.iter().map(|chunk| chunk.xz.as_ref().map(|xz| append(&xz.bytes)));
        let xz: Vec<_> = xz.collect();
        let plain = self.chunks.iter().map(|one| one.keeps_plain.then(|| append(&one.plain)));
        let plain: Vec<_> = plain.collect();
        let pack = pool.keep(Kind::Pack, &bytes)?;
        let places = gz.into_iter().zip(xz).zip(plain);
        let stored = self.chunks.iter().zip(places).map(|(chunk, ((offset, xz), plain))| {
            let block = chunk.xz.as_ref().zip(xz);
            let gz_bytes = short(chunk.gz.bytes().len());
            let (member, run) = match &chunk.gz {
                Deflated::Run(run) => (None, Some(stored_run(pack, offset, run))),
                Deflated::Member(_) => (Some(StoredMember { offset, bytes: gz_bytes }), None),
                Deflated::Nothing => (None, None),
            };
            StoredChunk {
                key: chunk.key,
                pack,
                plain_offset: plain,
                plain_bytes: short(chunk.plain.len()),
                plain_lines: short(chunk.plain.iter().filter(|byte| **byte == b'\n').count()),
                member,
                run,
                xz: block.map(|(xz, offset)| stored_block(pack, offset, xz)),
            }
        });
        Ok(stored.collect())
    }
}

fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn stored_run(pack: Digest, offset: u64, run: &framing::GzipRun) -> StoredRun {
    StoredRun { pack, offset, bytes: short(run.bytes.len()), crc32: run.crc32 }
}

fn stored_block(pack: Digest, offset: u64, xz: &framing::XzBlock) -> StoredBlock {
    StoredBlock {
        pack,
        offset,
        bytes: short(xz.bytes.len()),
        unpadded_bytes: u32::try_from(xz.unpadded_bytes).unwrap_or(u32::MAX),
    }
}

/// Makes the runs of those of these chunks that have none, because an earlier build made them; whether it was
/// let go on to the end. The caller keeps the sweep out.
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
        // Where another suite was first, what it recorded counts.
        let recorded = repository.catalogue.find_chunks(&keys.collect::<Vec<_>>())?;
        let recorded: HashMap<_, _> = recorded.iter().map(|one| (one.key, one.run)).collect();
        for chunk in batch {
            let run = recorded.get(&chunk.key()).copied().flatten();
            let lost = || FlowError::Internal(format!("chunk {} is not recorded", chunk.key()));
            let _ = chunk.run.set(run.ok_or_else(lost)?);
        }
    }
    Ok(true)
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
