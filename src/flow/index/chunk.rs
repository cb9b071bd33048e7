//! Chunk: a piece of an index, and packs of chunks: one file and one fsync for many of them.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use crate::debian::framing;
use crate::digest::Digest;
use crate::domain::{Encoding, StoredBlock, StoredChunk, StoredMember, StoredRun};
use crate::flow::error::FlowError;
use crate::pool::{Kind, Pool, PoolError};

/// A durable chunk. Its xz block is made later, and so is the run of a chunk that an earlier build
/// made. All holders of the chunk see both.
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

    /// Its key.
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

    /// Notes that its xz block is durable. Only the first call counts.
    pub(crate) fn blocked(&self, block: StoredBlock) {
        let _ = self.block.set(block);
    }

    /// Notes that its run is durable. Only the first call counts.
    pub(crate) fn ran(&self, run: StoredRun) {
        let _ = self.run.set(run);
    }

    /// Its record, with all places where its bytes are stored.
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

    /// Replaces the content of `buffer` by its bytes in an encoding.
    pub(crate) fn read(
        &self,
        pool: &dyn Pool,
        encoding: Encoding,
        buffer: &mut Vec<u8>,
    ) -> Result<(), FlowError> {
        read_stored(pool, &self.stored(), encoding, buffer)
    }
}

/// Replaces the content of `buffer` by the bytes of a chunk in an encoding.
pub(crate) fn read_stored(
    pool: &dyn Pool,
    stored: &StoredChunk,
    encoding: Encoding,
    buffer: &mut Vec<u8>,
) -> Result<(), FlowError> {
    let lost = || FlowError::lost_chunk(&stored.key);
    if let Some((pack, offset, length)) = stored.place(encoding) {
        let missing = || FlowError::lost_pack(&pack);
        return match pool.read_into(Kind::Pack, &pack, offset, length, buffer) {
            Ok(true) => Ok(()),
            Ok(false) => Err(missing()),
            Err(PoolError::OutOfRange { .. }) => Err(lost()),
            Err(problem) => Err(problem.into()),
        };
    }
    let (mut gz, plain_bytes) = (Vec::new(), u64::from(stored.plain_bytes));
    // The pack is sound, so these are not the bytes that were meant.
    let other = |_: framing::FramingError| lost();
    *buffer = match (encoding, stored.run) {
        (Encoding::Plain, Some(run)) => {
            read_stored(pool, stored, Encoding::Gz, &mut gz)?;
            framing::gunzip_run(&gz, plain_bytes, run.crc32).map_err(other)?
        }
        (Encoding::Plain, None) if stored.member.is_some() => {
            read_stored(pool, stored, Encoding::Members, &mut gz)?;
            framing::gunzip_member(&gz, plain_bytes).map_err(other)?
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
/// A chunk that is compressed, but not durable yet.
pub(crate) struct Compressed {
    /// Its key.
    pub key: Digest,
    /// Its stanzas.
    pub plain: Arc<Vec<u8>>,
    /// Its stanzas, compressed by deflate.
    pub gz: Deflated,
    /// Its xz block, if it was small enough to make it at once.
    pub xz: Option<framing::XzBlock>,
    /// Whether the stanzas are also stored uncompressed. If not, readers unpack the run.
    pub keeps_plain: bool,
}

/// A chunk as compressed by deflate.
pub(crate) enum Deflated {
    /// Blocks, for a file of one member.
    Run(framing::GzipRun),
    /// A whole gzip file.
    Member(Vec<u8>),
    /// Nothing, because the chunk is served only uncompressed.
    Nothing,
}

impl Deflated {
    /// The bytes to be stored.
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Run(run) => &run.bytes,
            Self::Member(bytes) => bytes,
            Self::Nothing => &[],
        }
    }
}

impl Compressed {
    /// Its bytes in an encoding, if they are in memory.
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

/// Chunks to be written into one file: first all data from deflate, then all xz blocks, then all
/// stanzas, so that neighbours in an index are neighbours on the disk.
#[derive(Default)]
pub(crate) struct Pack {
    chunks: Vec<Arc<Compressed>>,
    bytes: usize,
}

impl Pack {
    /// Adds a chunk.
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

    /// Makes the pack durable. Its name is the digest of all its bytes, so it is known only now.
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

pub(crate) fn stored_run(pack: Digest, offset: u64, run: &framing::GzipRun) -> StoredRun {
    StoredRun { pack, offset, bytes: short(run.bytes.len()), crc32: run.crc32 }
}

pub(crate) fn stored_block(pack: Digest, offset: u64, xz: &framing::XzBlock) -> StoredBlock {
    StoredBlock {
        pack,
        offset,
        bytes: short(xz.bytes.len()),
        unpadded_bytes: u32::try_from(xz.unpadded_bytes).unwrap_or(u32::MAX),
    }
}
