//! Live indices: the indices of the live generation, as a suite's writer keeps them in memory, and
//! their files.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::debian::PackageKind;
use crate::debian::pdiff::FileMark;
use crate::digest::Digest;
use crate::domain::layout::{installer_path, packages_path, patches_directory, translation_path};
use crate::domain::rope::Piece;
use crate::domain::{Encoding, Index, IndexFile, IndexPlace};
use crate::flow::error::FlowError;
use crate::flow::index::chunk::{Chunk, Compressed};
use crate::flow::index::resumable_hash::ResumableHash;
use crate::pool::Pool;

/// Every index of a suite, as its writer keeps them in memory.
#[derive(Clone, Default)]
pub(crate) struct LiveIndices {
    ropes: BTreeMap<Index, Arc<Rope>>,
}

/// Chunks that were just made and are still in memory.
pub(crate) type Fresh = HashMap<Digest, Arc<Compressed>>;

/// The files of an index that a publication needs, hashed to their end.
pub(crate) struct Hashed {
    /// The plain file.
    pub plain: ResumableHash,
    /// The gzip file, in the requested form.
    pub gz: ResumableHash,
}

/// One index.
pub(crate) struct Rope {
    pieces: Vec<Piece>,
    chunks: Vec<Arc<Chunk>>,
    plain: ResumableHash,
    gz: ResumableHash,
    xz: ResumableHash,
}

/// An index to which patches may lead.
pub(crate) struct Patchable {
    /// The path of the plain file, below the suite's directory.
    pub path: String,
    /// The directory of its patches and their list.
    pub directory: String,
    /// What identifies the plain file.
    pub mark: FileMark,
    /// Size in the encoding that apt prefers. Unit: bytes.
    pub compressed_bytes: u64,
    /// Its chunks, in order.
    pub chunks: Vec<Arc<Chunk>>,
}

impl Rope {
    /// An index of these chunks, of which the first `same` are those of `before`. Its files are
    /// hashed from there on, plain and compressed in parallel; `hashed` has those that are hashed
    /// already. `gz` is the form of its gzip file; if that of `before` has another form, it is
    /// hashed from its beginning.
    ///
    /// # Errors
    /// [`FlowError`] from the pool.
    pub(crate) fn grown(
        pool: &dyn Pool,
        before: Option<&Self>,
        same: usize,
        chunks: Vec<Arc<Chunk>>,
        hashed: Option<Hashed>,
        fresh: &Fresh,
        gz: Encoding,
    ) -> Result<Self, FlowError> {
        let hash = |encoding| Self::hash_of_first(before, same, encoding);
        let (mut plain, mut gz) = match hashed {
            Some(Hashed { plain, gz }) => (plain, gz),
            None => (hash(Encoding::Plain), hash(gz)),
        };
        let mut xz = hash(Encoding::Xz);
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| go_on(pool, &mut plain, &chunks, fresh));
            let compressed = go_on(pool, &mut gz, &chunks, fresh)
                .and_then(|()| go_on_blocks(pool, &mut xz, &chunks, fresh));
            let stopped = |_| Err(FlowError::Internal("a hashing thread stopped".into()));
            reading.join().unwrap_or_else(stopped).and(compressed)
        })?;
        Ok(Self { pieces: Vec::new(), chunks, plain, gz, xz })
    }

    /// The same index, with these pieces.
    pub(crate) fn of(self, pieces: Vec<Piece>) -> Self {
        Self { pieces, ..self }
    }

    /// The hash of a file of `before` over its first `same` chunks, or a new one.
    pub(crate) fn hash_of_first(
        before: Option<&Self>,
        same: usize,
        encoding: Encoding,
    ) -> ResumableHash {
        match before.and_then(|before| before.hash(encoding)) {
            Some(hash) => hash.of_first(same),
            None => ResumableHash::new(encoding),
        }
    }

    /// The form of its gzip file.
    pub(crate) fn gz(&self) -> Encoding {
        self.gz.encoding()
    }

    /// Its pieces, in order.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Its chunks, in order.
    pub(crate) fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    /// Whether it has as many pieces as these.
    pub(crate) fn is_as_long(&self, pieces: &[Piece]) -> bool {
        self.pieces.len() == pieces.len()
    }

    fn hashes(&self) -> [&ResumableHash; 3] {
        [&self.plain, &self.gz, &self.xz]
    }

    fn hash(&self, encoding: Encoding) -> Option<&ResumableHash> {
        self.hashes().into_iter().find(|hash| hash.encoding() == encoding)
    }
}

fn go_on(
    pool: &dyn Pool,
    hash: &mut ResumableHash,
    chunks: &[Arc<Chunk>],
    fresh: &Fresh,
) -> Result<(), FlowError> {
    hash.go_on(chunks.len(), |at, encoding, buffer| {
        let Some(chunk) = chunks.get(at) else { return Ok(()) };
        let fresh = fresh.get(&chunk.key());
        match fresh.and_then(|fresh| fresh.at_hand(encoding)) {
            Some(bytes) => {
                buffer.clear();
                buffer.extend_from_slice(&bytes);
                Ok(())
            }
            None => chunk.read(pool, encoding, buffer),
        }
    })
}

/// The same for xz, if every block is there.
fn go_on_blocks(
    pool: &dyn Pool,
    hash: &mut ResumableHash,
    chunks: &[Arc<Chunk>],
    fresh: &Fresh,
) -> Result<(), FlowError> {
    if chunks.iter().any(|chunk| chunk.block().is_none()) {
        return Ok(());
    }
    go_on(pool, hash, chunks, fresh)
}

/// The path of an index below its suite's directory.
pub(crate) fn path(index: &Index, encoding: Encoding) -> String {
    match index {
        Index::Packages { place: IndexPlace { component, architecture, kind }, .. } => match kind {
            PackageKind::Deb => packages_path(component, architecture, encoding),
            PackageKind::Udeb => installer_path(component, architecture, encoding),
        },
        Index::Translation { component } => translation_path(component, encoding),
    }
}

impl LiveIndices {
    /// One index.
    pub(crate) fn rope(&self, index: &Index) -> Option<Arc<Rope>> {
        self.ropes.get(index).cloned()
    }

    /// Adds an index.
    pub(crate) fn insert(&mut self, index: Index, rope: Arc<Rope>) {
        self.ropes.insert(index, rope);
    }

    /// Every file, in the encodings that are complete.
    pub(crate) fn files(&self) -> Vec<IndexFile> {
        let mut files = Vec::new();
        for (index, rope) in &self.ropes {
            let keys: Arc<[Digest]> = rope.chunks.iter().map(|chunk| chunk.key()).collect();
            for hash in rope.hashes() {
                let Some((size_bytes, digest)) = hash.finish(&rope.chunks) else { continue };
                let encoding = hash.encoding();
                files.push(IndexFile {
                    path: path(index, encoding),
                    encoding,
                    size_bytes,
                    digest,
                    chunks: Arc::clone(&keys),
                    listed: true,
                    made_of: None,
                });
            }
        }
        files
    }

    /// The indices to which patches may lead: those of hosts whose plain and xz files are complete.
    pub(crate) fn patchable(&self) -> Vec<Patchable> {
        let patchable = |(index, rope): (&Index, &Arc<Rope>)| {
            let Index::Packages { place, .. } = index else { return None };
            let IndexPlace { component, architecture, kind: PackageKind::Deb } = place else {
                return None;
            };
            let (size_bytes, digest) = rope.plain.finish(&rope.chunks)?;
            let (compressed_bytes, _) = rope.xz.finish(&rope.chunks)?;
            Some(Patchable {
                path: packages_path(component, architecture, Encoding::Plain),
                directory: patches_directory(component, architecture),
                mark: FileMark { digest, size_bytes },
                compressed_bytes,
                chunks: rope.chunks.clone(),
            })
        };
        self.ropes.iter().filter_map(patchable).collect()
    }

    /// Whether no index is in memory: the suite was just opened, or its last publish batch failed.
    pub(crate) fn is_empty(&self) -> bool {
        self.ropes.is_empty()
    }

    /// Whether both hold the same ropes, with the same chunks and hashes.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let pairs = self.ropes.values().zip(other.ropes.values());
        self.ropes.keys().eq(other.ropes.keys())
            && pairs.into_iter().all(|(a, b)| Arc::ptr_eq(a, b))
    }

    /// The form of its gzip files, the same for all.
    pub(crate) fn gz(&self) -> Encoding {
        self.ropes.values().next().map_or(Encoding::Gz, |rope| rope.gz())
    }

    /// The chunks whose xz blocks are not made, each once.
    pub(crate) fn unblocked(&self) -> Vec<Arc<Chunk>> {
        self.chunks_where(|chunk| chunk.block().is_none())
    }

    /// The chunks of an earlier build whose runs of deflate blocks are not made yet, each once.
    pub(crate) fn without_runs(&self) -> Vec<Arc<Chunk>> {
        self.chunks_where(|chunk| chunk.run().is_none())
    }

    fn chunks_where(&self, wanted: impl Fn(&Chunk) -> bool) -> Vec<Arc<Chunk>> {
        let all = self.ropes.values().flat_map(|rope| &rope.chunks);
        let found: BTreeMap<Digest, &Arc<Chunk>> =
            all.filter(|chunk| wanted(chunk)).map(|chunk| (chunk.key(), chunk)).collect();
        found.into_values().cloned().collect()
    }

    /// The same indices, with the xz files hashed whose blocks are all there, and with gzip files
    /// in this form. They keep their form while a chunk lacks its data in this one: a change that
    /// was made while the form changed may bring such a chunk back, and its run is made next.
    ///
    /// # Errors
    /// [`FlowError`] from the pool.
    pub(crate) fn followed_up(&self, pool: &dyn Pool, gz: Encoding) -> Result<Self, FlowError> {
        let gz = match gz {
            Encoding::Gz if !self.without_runs().is_empty() => self.gz(),
            gz => gz,
        };
        let nothing = Fresh::default();
        let mut ropes = BTreeMap::new();
        for (index, rope) in &self.ropes {
            if rope.xz.taken() == rope.chunks.len() && rope.gz() == gz {
                ropes.insert(index.clone(), Arc::clone(rope));
                continue;
            }
            let mut xz = rope.xz.clone();
            go_on_blocks(pool, &mut xz, &rope.chunks, &nothing)?;
            let mut gz = Rope::hash_of_first(Some(rope), rope.chunks.len(), gz);
            gz.read_on(pool, &rope.chunks)?;
            let (pieces, chunks) = (rope.pieces.clone(), rope.chunks.clone());
            let rope = Rope { pieces, chunks, plain: rope.plain.clone(), gz, xz };
            ropes.insert(index.clone(), Arc::new(rope));
        }
        Ok(Self { ropes })
    }
}
