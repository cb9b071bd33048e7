//! Indices: the files that a generation's Release lists, assembled from chunks. Whatever did not
//! change since the last generation is neither read nor made again.

use crate::flow::publish::chunks;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::catalogue::SuiteState;
use crate::debian::PackageKind;
use crate::digest::Digest;
use crate::domain::package_set::Rank;
use crate::domain::rope::{self, Piece, Stretch};
use crate::domain::{Encoding, Index, IndexPlace, Move, PackageSet, StoredChunk, SuiteSpec};
use crate::flow::error::FlowError;
use crate::flow::index::chunk::{Chunk, Pack};
use crate::flow::index::live::{Fresh, Hashed, LiveIndices, Rope, path};
use crate::flow::index::resumable_hash::ResumableHash;
use crate::flow::publish::chunks::Wanted;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::flow::threads::lock;
use crate::pool::Pool;

/// The indices of a generation that is being made.
pub(crate) struct Built {
    /// The indices.
    pub live_indices: LiveIndices,
    /// Chunks that are durable but not yet recorded.
    pub new_chunks: Vec<StoredChunk>,
    /// How long it took until the chunks were durable; the rest of the time went into digests.
    pub chunks_ms: f64,
}

/// What indices are made from.
pub(crate) struct From<'f> {
    /// What the suite is.
    pub spec: &'f SuiteSpec,
    /// The indices of before.
    pub before: LiveIndices,
}

/// An index that is being built; some of its chunks may not be made yet.
struct Plan {
    index: Index,
    pieces: Vec<Piece>,
    /// How many of its first chunks are those of `before`.
    same: usize,
    before: Option<Arc<Rope>>,
}

/// Known chunks, by key.
#[derive(Default)]
struct Known {
    /// From the previous live indices, from the catalogue, or just made.
    chunks: HashMap<Digest, Arc<Chunk>>,
    /// Chunks that were just made and are still in memory.
    fresh: Fresh,
    /// Chunks that are durable but not recorded.
    unrecorded: Vec<Digest>,
}

impl Known {
    /// Makes the missing runs; gives `false` when `may_go_on` ended it early.
    fn give_runs(
        &self,
        repository: &Repository,
        may_go_on: &dyn Fn() -> bool,
    ) -> Result<bool, FlowError> {
        let chunks: Vec<_> = self.chunks.values().cloned().collect();
        chunks::give_runs(repository, &chunks, may_go_on)
    }
}

/// Builds every index of the second contents, which differ from the first by `moves`; `None` when
/// `may_go_on` gave `false`.
///
/// # Errors
/// [`FlowError`] from the stores, or when a chunk does not read back as expected.
pub(crate) fn build(
    repository: &Repository,
    desk: &Desk,
    From { spec, before }: From<'_>,
    (old, contents): (&PackageSet, &PackageSet),
    moves: &[Move],
    may_go_on: &dyn Fn() -> bool,
) -> Result<Option<Built>, FlowError> {
    let begun = std::time::Instant::now();
    let (mut wanted, mut known) = (Vec::new(), Known::default());
    let index = |index| {
        let changed = rope::changed(old, contents, &index, moves);
        plan(contents, index, &before, &changed, &mut wanted, &mut known)
    };
    let plans: Vec<_> = indices(spec, contents).map(index).collect();
    recall(repository, desk, &mut wanted, &mut known)?;
    // A rollback may use chunks again that an earlier build made.
    let gz = desk.gz();
    if gz == Encoding::Gz && !known.give_runs(repository, may_go_on)? {
        return Ok(None);
    }
    let hashed = if wanted.len() > chunks::BATCH {
        if !make(repository, desk, wanted, &mut known, may_go_on)? {
            return Ok(None);
        }
        Vec::new()
    } else if may_go_on() {
        make_few(repository, desk, &wanted, &mut known, (&plans, gz))?
    } else {
        return Ok(None);
    };
    let chunks_ms = begun.elapsed().as_secs_f64() * 1000.0;
    let live_indices = assemble(repository.pool.as_ref(), plans, hashed, &known, gz)?;
    if !may_go_on() {
        return Ok(None);
    }
    let stored = |key: &Digest| known.chunks.get(key).map(|chunk| chunk.stored());
    let new_chunks = known.unrecorded.iter().filter_map(stored).collect();
    Ok(Some(Built { live_indices, new_chunks, chunks_ms }))
}

/// The live indices, from recorded chunks, with gzip files in the form `gz`. `None` when a chunk is
/// not recorded, because another version of this program cut the indices differently; the next
/// change makes it then.
///
/// # Errors
/// [`FlowError`] from the stores.
pub(crate) fn recorded(
    repository: &Repository,
    state: &SuiteState,
    gz: Encoding,
) -> Result<Option<LiveIndices>, FlowError> {
    let (mut wanted, mut known) = (Vec::new(), Known::default());
    let nothing = LiveIndices::default();
    let unchanged = BTreeSet::new();
    let index = |index| plan(&state.contents, index, &nothing, &unchanged, &mut wanted, &mut known);
    let plans: Vec<_> = indices(&state.spec, &state.contents).map(index).collect();
    let keys: Vec<_> = wanted.iter().map(|one| one.key).collect();
    for chunk in repository.catalogue.find_chunks(&keys)? {
        known.chunks.insert(chunk.key, Chunk::new(chunk));
    }
    if keys.iter().any(|key| !known.chunks.contains_key(key)) {
        return Ok(None);
    }
    if gz == Encoding::Gz {
        let _unswept = repository.sweeping.read();
        known.give_runs(repository, &|| true)?;
    }
    assemble(repository.pool.as_ref(), plans, Vec::new(), &known, gz).map(Some)
}

/// The path of each index of a suite below its directory.
pub(crate) fn plain_paths(spec: &SuiteSpec, contents: &PackageSet) -> impl Iterator<Item = String> {
    indices(spec, contents).map(|index| path(&index, Encoding::Plain))
}

/// Every chunk of what a suite lists, as it is cut now.
pub(crate) fn every_chunk(spec: &SuiteSpec, contents: &PackageSet) -> Vec<Wanted> {
    let (mut wanted, mut known) = (Vec::new(), Known::default());
    let (nothing, unchanged) = (LiveIndices::default(), BTreeSet::new());
    for index in indices(spec, contents) {
        plan(contents, index, &nothing, &unchanged, &mut wanted, &mut known);
    }
    wanted
}

/// Every index of a suite: also those of the installer if it has udebs, and those of translations
/// if long descriptions are separate.
fn indices<'s>(
    spec: &'s SuiteSpec,
    contents: &PackageSet,
) -> impl Iterator<Item = Index> + use<'s> {
    let kinds: &'static [_] = match contents.has_udebs() {
        true => &[PackageKind::Deb, PackageKind::Udeb],
        false => &[PackageKind::Deb],
    };
    let packages = spec.components.iter().flat_map(move |component| {
        spec.architectures.iter().flat_map(move |architecture| {
            kinds.iter().map(|kind| {
                let (component, architecture) = (component.clone(), architecture.clone());
                let place = IndexPlace { component, architecture, kind: *kind };
                let is_short = spec.translations && *kind == PackageKind::Deb;
                Index::Packages { place, is_short }
            })
        })
    });
    let translated = spec.components.iter().filter(|_| spec.translations);
    packages.chain(translated.cloned().map(|component| Index::Translation { component }))
}

/// Cuts one index where it changed.
fn plan(
    contents: &PackageSet,
    index: Index,
    before: &LiveIndices,
    changed: &BTreeSet<Rank>,
    wanted: &mut Vec<Wanted>,
    known: &mut Known,
) -> Plan {
    let before = before.rope(&index);
    let shape = index.shape();
    let old = before.as_ref().map_or(&[][..], |rope| rope.pieces());
    let mut pieces = Vec::new();
    for stretch in rope::recut(contents, &index, old, changed) {
        match stretch {
            Stretch::Kept(range) => pieces.extend_from_slice(old.get(range).unwrap_or_default()),
            Stretch::Cut(first, packages) => {
                let key = rope::chunk_key(shape, &packages);
                pieces.push(Piece { first, key });
                wanted.push(Wanted { key, shape, packages });
            }
        }
    }
    if let Some(rope) = &before {
        known.chunks.extend(rope.chunks().iter().map(|chunk| (chunk.key(), Arc::clone(chunk))));
    }
    let same = old.iter().zip(&pieces).take_while(|(old, new)| old.key == new.key).count();
    Plan { index, pieces, same, before }
}

/// Leaves in `wanted` the chunks that do not exist yet: neither in the previous live indices, nor
/// in the catalogue, nor left by a batch that made way or failed after its chunks were durable.
fn recall(
    repository: &Repository,
    desk: &Desk,
    wanted: &mut Vec<Wanted>,
    known: &mut Known,
) -> Result<(), FlowError> {
    let mut seen = BTreeSet::new();
    wanted.retain(|one| !known.chunks.contains_key(&one.key) && seen.insert(one.key));
    let keys: Vec<_> = wanted.iter().map(|one| one.key).collect();
    for chunk in repository.catalogue.find_chunks(&keys)? {
        known.chunks.insert(chunk.key, Chunk::new(chunk));
    }
    let spare = lock(&desk.spare);
    for key in keys {
        if !known.chunks.contains_key(&key)
            && let Some(chunk) = spare.get(&key)
        {
            known.chunks.insert(key, Chunk::new(chunk.clone()));
            known.unrecorded.push(key);
        }
    }
    wanted.retain(|one| !known.chunks.contains_key(&one.key));
    Ok(())
}

/// Makes chunks and stores them; gives `false` when `may_go_on` ended it early. The chunks are
/// spare until they are recorded.
fn make(
    repository: &Repository,
    desk: &Desk,
    wanted: Vec<Wanted>,
    known: &mut Known,
    may_go_on: &dyn Fn() -> bool,
) -> Result<bool, FlowError> {
    let mut pack = Pack::default();
    for batch in wanted.chunks(chunks::BATCH) {
        if !may_go_on() {
            keep(repository, desk, pack, known)?;
            return Ok(false);
        }
        // Lent for one batch only, so that a change of another suite waits no longer than a batch
        // takes.
        let _loan = repository.memory.encode(chunks::BATCH_BYTES);
        let rendered = chunks::render(repository, batch)?;
        let forms = chunks::compress(&rendered)?;
        chunks::join(&rendered, forms).for_each(|compressed| pack.push(compressed));
        if pack.is_full() {
            keep(repository, desk, std::mem::take(&mut pack), known)?;
        }
    }
    keep(repository, desk, pack, known)?;
    Ok(true)
}

/// Makes and stores the few chunks of an ordinary change, and hashes the files at the same time.
/// The plain files take longest, so their hashing begins first. The chunks stay in memory.
fn make_few(
    repository: &Repository,
    desk: &Desk,
    wanted: &[Wanted],
    known: &mut Known,
    (plans, gz_form): (&[Plan], Encoding),
) -> Result<Vec<Hashed>, FlowError> {
    let _loan = repository.memory.encode(chunks::held_bytes(wanted));
    let rendered = chunks::render(repository, wanted)?;
    let (made, plain) = {
        let (pool, known) = (repository.pool.as_ref(), &*known);
        let plain = rendered.iter().map(|one| (one.key, Cow::Borrowed(one.plain.as_slice())));
        let at_hand: AtHand<'_> = plain.collect();
        let hash = |encoding, at_hand: &AtHand<'_>| -> Result<Vec<ResumableHash>, FlowError> {
            plans.iter().map(|plan| plan.hash(pool, known, encoding, at_hand)).collect()
        };
        std::thread::scope(|scope| {
            let plain = scope.spawn(|| hash(Encoding::Plain, &at_hand));
            let made = chunks::compress(&rendered).and_then(|forms| {
                let fresh: Vec<_> = chunks::join(&rendered, forms).collect();
                let mut pack = Pack::default();
                fresh.iter().for_each(|compressed| pack.push(Arc::clone(compressed)));
                let kept = pack.keep(pool)?;
                let at_hand = fresh.iter().filter_map(|one| Some((one.key, one.at_hand(gz_form)?)));
                let gz = hash(gz_form, &at_hand.collect())?;
                Ok((fresh, kept, gz))
            });
            let stopped = |_| Err(FlowError::Internal("a hashing thread stopped".into()));
            (made, plain.join().unwrap_or_else(stopped))
        })
    };
    let (fresh, kept, gz) = made?;
    note(desk, kept, known);
    known.fresh.extend(fresh.into_iter().map(|compressed| (compressed.key, compressed)));
    Ok(plain?.into_iter().zip(gz).map(|(plain, gz)| Hashed { plain, gz }).collect())
}

/// Bytes of chunks in one encoding that are in memory, by key.
type AtHand<'m> = HashMap<Digest, Cow<'m, [u8]>>;

impl Plan {
    /// The hash of a file, over all its chunks.
    fn hash(
        &self,
        pool: &dyn Pool,
        known: &Known,
        encoding: Encoding,
        at_hand: &AtHand<'_>,
    ) -> Result<ResumableHash, FlowError> {
        let mut hash = Rope::hash_of_first(self.before.as_deref(), self.same, encoding);
        hash.go_on(self.pieces.len(), |at, encoding, buffer| {
            let Some(Piece { key, .. }) = self.pieces.get(at) else { return Ok(()) };
            let lost = || FlowError::Internal(format!("chunk {key} is lost").into());
            match at_hand.get(key) {
                Some(bytes) => {
                    buffer.clear();
                    buffer.extend_from_slice(bytes);
                }
                None => known.chunks.get(key).ok_or_else(lost)?.read(pool, encoding, buffer)?,
            }
            Ok(())
        })?;
        Ok(hash)
    }
}

fn keep(
    repository: &Repository,
    desk: &Desk,
    pack: Pack,
    known: &mut Known,
) -> Result<(), FlowError> {
    let kept = pack.keep(repository.pool.as_ref())?;
    note(desk, kept, known);
    Ok(())
}

/// Notes durable chunks. They are spare until they are recorded.
fn note(desk: &Desk, kept: Vec<StoredChunk>, known: &mut Known) {
    let mut spare = lock(&desk.spare);
    for chunk in kept {
        known.unrecorded.push(chunk.key);
        spare.insert(chunk.key, chunk.clone());
        known.chunks.insert(chunk.key, Chunk::new(chunk));
    }
}

/// Assembles the indices, and hashes the files that are not hashed yet.
fn assemble(
    pool: &dyn Pool,
    plans: Vec<Plan>,
    hashed: Vec<Hashed>,
    known: &Known,
    gz: Encoding,
) -> Result<LiveIndices, FlowError> {
    let mut live_indices = LiveIndices::default();
    let mut hashed = hashed.into_iter();
    for Plan { index, pieces, same, before } in plans {
        let lost =
            |piece: &Piece| FlowError::Internal(format!("chunk {} is lost", piece.key).into());
        let find = |piece: &Piece| known.chunks.get(&piece.key).cloned().ok_or_else(|| lost(piece));
        let chunks = pieces.iter().map(find).collect::<Result<Vec<_>, _>>()?;
        let hashed = hashed.next();
        let rope = match before {
            Some(before)
                if same == pieces.len() && before.is_as_long(&pieces) && before.gz() == gz =>
            {
                before
            }
            before => {
                let (before, fresh) = (before.as_deref(), &known.fresh);
                let grown = Rope::grown(pool, before, same, chunks, hashed, fresh, gz)?;
                Arc::new(grown.of(pieces))
            }
        };
        live_indices.insert(index, rope);
    }
    Ok(live_indices)
}
