//! Resumable hash: the digests of index files, computed chunk by chunk. The state of the hash is
//! kept at each boundary, so that a changed file is hashed from the change on and not from its
//! beginning.

use std::sync::Arc;
use std::sync::mpsc::{channel, sync_channel};

use crate::debian::framing;
use crate::digest::{Digest, Hasher};
use crate::domain::{Encoding, StoredBlock, StoredRun};
use crate::flow::error::FlowError;
use crate::flow::index::chunk::Chunk;
use crate::pool::Pool;

/// From this many chunks on, chunks are read ahead.
const AHEAD_FROM: usize = 16;
/// How many are read at once: about a megabyte. Three times that is in memory.
const AHEAD: usize = 8;

/// A file in one encoding, hashed up to some chunk.
#[derive(Clone)]
pub(crate) struct ResumableHash {
    encoding: Encoding,
    /// The state after each number of chunks, beginning with none.
    states: Vec<Counted>,
}

#[derive(Clone, Default)]
struct Counted {
    hasher: Hasher,
    size_bytes: u64,
}

impl Counted {
    fn take(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.size_bytes = self.size_bytes.saturating_add(bytes.len() as u64);
    }
}

impl ResumableHash {
    /// The hash of a file, without any chunk yet.
    pub(crate) fn new(encoding: Encoding) -> Self {
        let mut first = Counted::default();
        match encoding {
            Encoding::Gz => first.take(&framing::GZIP_HEADER),
            Encoding::Xz => first.take(&framing::XZ_HEADER),
            Encoding::Plain | Encoding::Members => {}
        }
        Self { encoding, states: vec![first] }
    }

    /// The encoding of the file.
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// This hash, over no more than the first `chunks` chunks.
    pub(crate) fn of_first(&self, chunks: usize) -> Self {
        let known = self.states.get(..=chunks).unwrap_or(&self.states);
        Self { encoding: self.encoding, states: known.to_vec() }
    }

    /// How many chunks are hashed.
    pub(crate) fn taken(&self) -> usize {
        self.states.len().saturating_sub(1)
    }

    /// Hashes the next chunk.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        let mut next = self.states.last().cloned().unwrap_or_default();
        next.take(bytes);
        self.states.push(next);
    }

    /// Hashes the missing chunks up to `count`. `read` puts each into a buffer, which is used
    /// again.
    pub(crate) fn go_on(
        &mut self,
        count: usize,
        mut read: impl FnMut(usize, Encoding, &mut Vec<u8>) -> Result<(), FlowError> + Send,
    ) -> Result<(), FlowError> {
        let (first, encoding) = (self.taken(), self.encoding);
        if encoding == Encoding::Plain && count.saturating_sub(first) >= AHEAD_FROM {
            return self.go_on_ahead(count, read);
        }
        let mut buffer = Vec::new();
        for at in first..count {
            read(at, encoding, &mut buffer)?;
            self.take(&buffer);
        }
        Ok(())
    }

    /// The same with a second thread that reads ahead, because reading takes a third of the time
    /// for a file of tens of megabytes. Many chunks are handed over at once, because waking a
    /// thread takes as long as hashing one of them.
    fn go_on_ahead(
        &mut self,
        count: usize,
        mut read: impl FnMut(usize, Encoding, &mut Vec<u8>) -> Result<(), FlowError> + Send,
    ) -> Result<(), FlowError> {
        let (first, encoding) = (self.taken(), self.encoding);
        std::thread::scope(|scope| {
            let (full, filled) = sync_channel::<Result<Vec<Vec<u8>>, FlowError>>(1);
            let (empty, emptied) = channel::<Vec<Vec<u8>>>();
            scope.spawn(move || {
                for begin in (first..count).step_by(AHEAD) {
                    let mut buffers = emptied.try_recv().unwrap_or_default();
                    buffers.resize(count.saturating_sub(begin).min(AHEAD), Vec::new());
                    let mut places = (begin..).zip(&mut buffers);
                    let done = places.try_for_each(|(at, buffer)| read(at, encoding, buffer));
                    let failed = done.is_err();
                    if full.send(done.map(|()| buffers)).is_err() || failed {
                        return;
                    }
                }
            });
            while self.taken() < count {
                let stopped = |_| FlowError::Internal("a reading thread stopped".into());
                let buffers = filled.recv().map_err(stopped)??;
                buffers.iter().for_each(|buffer| self.take(buffer));
                // The reader may have ended already.
                let _ = empty.send(buffers);
            }
            Ok(())
        })
    }

    /// Hashes the missing ones of `chunks`, read from the pool.
    ///
    /// # Errors
    /// [`FlowError`] from the pool.
    pub(crate) fn read_on(
        &mut self,
        pool: &dyn Pool,
        chunks: &[Arc<Chunk>],
    ) -> Result<(), FlowError> {
        self.go_on(chunks.len(), |at, encoding, buffer| match chunks.get(at) {
            Some(chunk) => chunk.read(pool, encoding, buffer),
            None => Ok(()),
        })
    }

    /// The size and digest of a whole file that is made of these chunks, all of them read.
    ///
    /// # Errors
    /// [`FlowError`] from the pool.
    pub(crate) fn of_whole(
        pool: &dyn Pool,
        encoding: Encoding,
        chunks: &[Arc<Chunk>],
    ) -> Result<Option<(u64, Digest)>, FlowError> {
        let mut hash = Self::new(encoding);
        hash.read_on(pool, chunks)?;
        Ok(hash.finish(chunks))
    }

    /// Size in bytes and digest of the whole file; `None` while it is not complete in this
    /// encoding.
    pub(crate) fn finish(&self, chunks: &[Arc<Chunk>]) -> Option<(u64, Digest)> {
        if self.taken() != chunks.len() {
            return None;
        }
        let mut whole = self.states.last()?.clone();
        match self.encoding {
            Encoding::Plain => {}
            Encoding::Members if chunks.is_empty() => whole.take(&framing::EMPTY_GZIP),
            Encoding::Members => {}
            Encoding::Gz => {
                let sizes = |chunk: &Arc<Chunk>| Some((*chunk.run()?, chunk.plain_bytes()));
                let sizes = chunks.iter().map(sizes).collect::<Option<Vec<_>>>()?;
                whole.take(&gzip_tail(sizes.into_iter()));
            }
            Encoding::Xz => {
                let sizes = |chunk: &Arc<Chunk>| Some((*chunk.block()?, chunk.plain_bytes()));
                let sizes = chunks.iter().map(sizes).collect::<Option<Vec<_>>>()?;
                whole.take(&xz_tail(sizes.into_iter()));
            }
        }
        Some((whole.size_bytes, whole.hasher.finish()))
    }
}

/// The end of the gzip file that has these runs, each with the size of its stanzas.
pub(crate) fn gzip_tail(runs: impl Iterator<Item = (StoredRun, u32)>) -> Vec<u8> {
    let sizes = |(run, plain): (StoredRun, u32)| (run.crc32, plain.into());
    framing::gzip_tail(runs.map(sizes)).to_vec()
}

/// The index and the footer of the xz stream that has these blocks, each with the size of its
/// stanzas.
pub(crate) fn xz_tail(blocks: impl Iterator<Item = (StoredBlock, u32)>) -> Vec<u8> {
    let sizes =
        |(block, plain): (StoredBlock, u32)| (u64::from(block.unpadded_bytes), plain.into());
    framing::xz_tail(blocks.map(sizes))
}
