//! Contents file: one `Contents` as a rope. An edit rewrites the chunks that hold its paths, and the
//! following ones until a cut is at its old place.

use crate::flow::publish::chunks;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::cause::Cause;
use crate::debian::contents::{ContentsEdit, ContentsError, merge, path_of};
use crate::debian::framing;
use crate::digest::Digest;
use crate::domain::contents_cut::{Cutter, shares};
use crate::domain::rope::side_key;
use crate::domain::{Encoding, IndexFile};
use crate::flow::error::FlowError;
use crate::flow::index::chunk::{Chunk, Compressed, Deflated, Pack};
use crate::flow::index::resumable_hash::ResumableHash;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::pool::Pool;

/// One `Contents`.
pub(in crate::flow) struct ContentsFile {
    pieces: Vec<Piece>,
    plain: ResumableHash,
    gz: ResumableHash,
}

#[derive(Clone)]
struct Piece {
    /// The path of its first line.
    first: Vec<u8>,
    chunk: Arc<Chunk>,
}

impl Default for ContentsFile {
    fn default() -> Self {
        let (plain, gz) = (ResumableHash::new(Encoding::Plain), ResumableHash::new(Encoding::Gz));
        Self { pieces: Vec::new(), plain, gz }
    }
}

impl ContentsFile {
    /// A recorded file, from its chunks. Reads all of them.
    ///
    /// # Errors
    /// [`FlowError`] from the pool.
    pub(in crate::flow) fn of_chunks(
        repository: &Repository,
        chunks: Vec<Arc<Chunk>>,
    ) -> Result<Self, FlowError> {
        let pool = repository.pool.as_ref();
        give_runs(repository, &chunks)?;
        let mut file = Self::default();
        let mut text = Vec::new();
        for chunk in &chunks {
            chunk.read(pool, Encoding::Plain, &mut text)?;
            file.plain.take(&text);
            file.pieces.push(Piece { first: first_path(&text), chunk: Arc::clone(chunk) });
        }
        file.gz.read_on(pool, &chunks)?;
        Ok(file)
    }

    /// Applies edits, which are sorted.
    ///
    /// # Errors
    /// [`FlowError`] from the stores, or when a run of lines does not read back; the file is
    /// unchanged then.
    pub(in crate::flow) fn edit(
        &mut self,
        writer: &mut Writer<'_>,
        edits: &[ContentsEdit<'_>],
    ) -> Result<(), FlowError> {
        let firsts: Vec<_> = self.pieces.iter().map(|piece| piece.first.as_slice()).collect();
        let mut cutter = Cutter::default();
        let mut new = Vec::new();
        let mut text = Vec::new();
        if self.pieces.is_empty() {
            cut(&merge(&[], edits).map_err(internal)?, &mut cutter, writer, &mut new)?;
        }
        for (piece, share) in self.pieces.iter().zip(shares(&firsts, edits)) {
            if share.is_empty() && cutter.is_between() {
                new.push(Slot::Kept(piece.clone()));
                continue;
            }
            piece.chunk.read(writer.pool(), Encoding::Plain, &mut text)?;
            let edits = edits.get(share).unwrap_or_default();
            cut(&merge(&text, edits).map_err(internal)?, &mut cutter, writer, &mut new)?;
        }
        if let Some(last) = cutter.finish() {
            new.push(writer.write(last)?);
        }
        writer.keep()?;
        self.pieces = new.into_iter().map(|slot| writer.piece(slot)).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Computes the digests of the files, from the first chunk that is not one of `before`.
    ///
    /// # Errors
    /// [`FlowError`] from the pool.
    pub(in crate::flow) fn hash(
        &mut self,
        repository: &Repository,
        before: &[Digest],
    ) -> Result<(), FlowError> {
        let chunks = self.chunks();
        give_runs(repository, &chunks)?;
        let same = chunks.iter().zip(before).take_while(|(new, old)| new.key() == **old).count();
        for hash in [&mut self.plain, &mut self.gz] {
            *hash = hash.of_first(same);
            hash.read_on(repository.pool.as_ref(), &chunks)?;
        }
        Ok(())
    }

    /// The keys of its chunks, in order.
    pub(in crate::flow) fn keys(&self) -> Vec<Digest> {
        self.pieces.iter().map(|piece| piece.chunk.key()).collect()
    }

    fn chunks(&self) -> Vec<Arc<Chunk>> {
        self.pieces.iter().map(|piece| Arc::clone(&piece.chunk)).collect()
    }

    /// Its files: none when it has no lines.
    pub(in crate::flow) fn files(
        &self,
        path: impl Fn(Encoding) -> String,
        made_of: u64,
    ) -> Vec<IndexFile> {
        let chunks = self.chunks();
        if chunks.is_empty() {
            return Vec::new();
        }
        let keys: Arc<[Digest]> = self.keys().into();
        let file = |(encoding, hash): (Encoding, &ResumableHash)| {
            let (size_bytes, digest) = hash.finish(&chunks)?;
            Some(IndexFile {
                path: path(encoding),
                encoding,
                size_bytes,
                digest,
                chunks: Arc::clone(&keys),
                listed: true,
                made_of: Some(made_of),
            })
        };
        let hashes = [(Encoding::Plain, &self.plain), (Encoding::Gz, &self.gz)];
        hashes.into_iter().filter_map(file).collect()
    }
}

/// Makes the missing runs, because chunks of an earlier build may be used again.
fn give_runs(repository: &Repository, chunks: &[Arc<Chunk>]) -> Result<(), FlowError> {
    let _unswept = repository.sweeping.read();
    chunks::give_runs(repository, chunks, &|| true).map(drop)
}

fn cut(
    run: &[u8],
    cutter: &mut Cutter,
    writer: &mut Writer<'_>,
    new: &mut Vec<Slot>,
) -> Result<(), FlowError> {
    for line in run.split_inclusive(|byte| *byte == b'\n') {
        if let Some(chunk) = cutter.take(line) {
            new.push(writer.write(chunk)?);
        }
    }
    Ok(())
}

fn first_path(text: &[u8]) -> Vec<u8> {
    path_of(text.split(|byte| *byte == b'\n').next().unwrap_or_default()).to_vec()
}

fn internal(error: ContentsError) -> FlowError {
    FlowError::Internal(Cause::of(error))
}

/// A piece of a file that is being edited.
enum Slot {
    /// An unchanged piece.
    Kept(Piece),
    /// A new piece: the path of its first line and its key. It may not be durable yet.
    Made(Vec<u8>, Digest),
}

/// Makes chunks and stores them. The desk notes what is stored until it is recorded.
pub(in crate::flow) struct Writer<'w> {
    repository: &'w Repository,
    desk: &'w Desk,
    pack: Pack,
    /// The chunks of the present edits; `None` for one that is not durable yet.
    known: HashMap<Digest, Option<Arc<Chunk>>>,
}

impl<'w> Writer<'w> {
    /// A writer for the files of a suite.
    pub(in crate::flow) fn new(repository: &'w Repository, desk: &'w Desk) -> Self {
        Self { repository, desk, pack: Pack::default(), known: HashMap::new() }
    }

    fn pool(&self) -> &'w dyn Pool {
        self.repository.pool.as_ref()
    }

    fn write(&mut self, plain: Vec<u8>) -> Result<Slot, FlowError> {
        if self.desk.is_closed() {
            return Err(FlowError::Unavailable("the server is shutting down".into()));
        }
        // What is published is read back, by code that shares nothing with the code that cut it.
        if merge(&plain, &[]).map_err(internal)? != plain {
            return Err(FlowError::Internal("contents read back differently".into()));
        }
        let (key, first) = (side_key("contents", &plain), first_path(&plain));
        if let Entry::Vacant(new) = self.known.entry(key) {
            let recorded = self.repository.catalogue.find_chunks(&[key])?.pop().map(Chunk::new);
            let is_made = recorded.is_none();
            new.insert(recorded);
            if is_made {
                let gz = Deflated::Run(framing::gzip_run(&plain));
                // Only compressed: paths are small then, and hosts fetch them compressed.
                let made =
                    Compressed { key, plain: Arc::new(plain), gz, xz: None, keeps_plain: false };
                self.pack.push(Arc::new(made));
            }
        }
        if self.pack.is_full() {
            self.keep()?;
        }
        Ok(Slot::Made(first, key))
    }

    /// Makes the written chunks durable.
    fn keep(&mut self) -> Result<(), FlowError> {
        let _unswept = self.repository.sweeping.read();
        let kept = std::mem::take(&mut self.pack).keep(self.pool())?;
        self.desk.follow_up(|pending| pending.keep(&kept));
        for stored in kept {
            self.known.insert(stored.key, Some(Chunk::new(stored)));
        }
        Ok(())
    }

    fn piece(&self, slot: Slot) -> Result<Piece, FlowError> {
        match slot {
            Slot::Kept(piece) => Ok(piece),
            Slot::Made(first, key) => {
                let chunk = self.known.get(&key).cloned().flatten();
                let lost = || FlowError::Internal(format!("chunk {key} is lost").into());
                Ok(Piece { first, chunk: chunk.ok_or_else(lost)? })
            }
        }
    }
}
