//! Index: the files that a generation's Release lists, put together from chunks. What did not change
//! since the last generation is neither read nor made again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::catalogue::SuiteState;
use crate::debian::{PackageKind, PackageName};
use crate::digest::Digest;
use crate::domain::layout::{installer_path, packages_path};
use crate::domain::rope::{self, Piece, Stretch};
use crate::domain::{Contents, Encoding, IndexFile, IndexPlace, Move, StoredChunk, SuiteSpec};
use crate::flow::chunk::{self, Chunk, Compressed, Pack, Rendered, Wanted};
use crate::flow::desk::Desk;
use crate::flow::tracks::Track;
use crate::flow::{FlowError, Repository, lock};
use crate::pool::Pool;

/// Every index of a suite, as its writer keeps them in mind.
#[derive(Clone, Default)]
pub(crate) struct Lineup {
    ropes: BTreeMap<IndexPlace, Arc<Rope>>,
}

/// One index.
struct Rope {
    pieces: Vec<Piece>,
    chunks: Vec<Arc<Chunk>>,
    plain: Track,
    gz: Track,
    xz: Track,
}

/// The indices of a generation that is being made.
pub(crate) struct Built {
    /// They themselves.
    pub lineup: Lineup,
    /// Chunks that are durable but not yet recorded.
    pub new_chunks: Vec<StoredChunk>,
    /// How long it took until the chunks were durable; the rest went into digests.
    pub chunks_ms: f64,
}

/// One index on its way: some of its chunks may still have to be made.
struct Plan {
    place: IndexPlace,
    pieces: Vec<Piece>,
    /// How many chunks at its front are those of before.
    same: usize,
    before: Option<Arc<Rope>>,
}

/// What is known of chunks by key.
#[derive(Default)]
struct Known {
    /// In the lineup of before, in the catalogue, or made just now.
    chunks: HashMap<Digest, Arc<Chunk>>,
    /// What was made just now and is still at hand.
    fresh: HashMap<Digest, Arc<Compressed>>,
    /// Durable, and not recorded.
    unrecorded: Vec<Digest>,
}

/// Builds every index of `contents`, which came from what `before` shows by `moves`; `None` when
/// `may_go_on` said no on the way.
///
/// # Errors
/// [`FlowError`] from the stores, or when a chunk does not prove to be what it should.
pub(crate) fn build(
    repository: &Repository,
    desk: &Desk,
    spec: &SuiteSpec,
    contents: &Contents,
    moves: &[Move],
    may_go_on: &dyn Fn() -> bool,
) -> Result<Option<Built>, FlowError> {
    let begun = std::time::Instant::now();
    let before = desk.lineup();
    let (mut wanted, mut known) = (Vec::new(), Known::default());
    let place = |place| plan(contents, place, &before, moves, &mut wanted, &mut known);
    let plans: Vec<_> = places(spec, contents).map(place).collect();
    recall(repository, desk, &mut wanted, &mut known)?;
    if !make(repository, desk, wanted, &mut known, may_go_on)? {
        return Ok(None);
    }
    let chunks_ms = begun.elapsed().as_secs_f64() * 1000.0;
    let lineup = weave(repository.pool.as_ref(), plans, &known)?;
    if !may_go_on() {
        return Ok(None);
    }
    let stored = |key: &Digest| known.chunks.get(key).map(|chunk| chunk.stored());
    let new_chunks = known.unrecorded.iter().filter_map(stored).collect();
    Ok(Some(Built { lineup, new_chunks, chunks_ms }))
}

/// The indices of what is live, from what is recorded; `None` when a chunk is not, because another
/// version of this program has cut them otherwise. The next change makes it then.
///
/// # Errors
/// [`FlowError`] from the stores.
pub(crate) fn recorded(
    repository: &Repository,
    state: &SuiteState,
) -> Result<Option<Lineup>, FlowError> {
    let (mut wanted, mut known) = (Vec::new(), Known::default());
    let nothing = Lineup::default();
    let place = |place| plan(&state.contents, place, &nothing, &[], &mut wanted, &mut known);
    let plans: Vec<_> = places(&state.spec, &state.contents).map(place).collect();
    let keys: Vec<_> = wanted.iter().map(|one| one.key).collect();
    for chunk in repository.catalogue.find_chunks(&keys)? {
        known.chunks.insert(chunk.key, Chunk::new(chunk));
    }
    if keys.iter().any(|key| !known.chunks.contains_key(key)) {
        return Ok(None);
    }
    weave(repository.pool.as_ref(), plans, &known).map(Some)
}

/// Every index that a suite has: those of the installer where it has packages.
fn places<'s>(
    spec: &'s SuiteSpec,
    contents: &Contents,
) -> impl Iterator<Item = IndexPlace> + use<'s> {
    let kinds: &'static [_] = match contents.has_udebs() {
        true => &[PackageKind::Deb, PackageKind::Udeb],
        false => &[PackageKind::Deb],
    };
    spec.components.iter().flat_map(move |component| {
        spec.architectures.iter().flat_map(move |architecture| {
            kinds.iter().map(|kind| IndexPlace {
                component: component.clone(),
                architecture: architecture.clone(),
                kind: *kind,
            })
        })
    })
}

/// Cuts one index where it changed.
fn plan(
    contents: &Contents,
    place: IndexPlace,
    before: &Lineup,
    moves: &[Move],
    wanted: &mut Vec<Wanted>,
    known: &mut Known,
) -> Plan {
    let before = before.ropes.get(&place).cloned();
    let shows = |one: &&Move| {
        let (component, _, built) = &one.place;
        *component == place.component && (*built == place.architecture || built.is_all())
    };
    let changed: BTreeSet<PackageName> =
        moves.iter().filter(shows).map(|one| one.place.1.clone()).collect();
    let old = before.as_ref().map_or(&[][..], |rope| &rope.pieces);
    let mut pieces = Vec::new();
    for stretch in rope::recut(contents, &place, old, &changed) {
        match stretch {
            Stretch::Kept(range) => pieces.extend_from_slice(old.get(range).unwrap_or_default()),
            Stretch::Cut(packages) => {
                let Some(first) = packages.first().map(|package| package.name.clone()) else {
                    continue;
                };
                let key = rope::chunk_key(&packages);
                pieces.push(Piece { first, key });
                wanted.push(Wanted { key, packages });
            }
        }
    }
    if let Some(rope) = &before {
        known.chunks.extend(rope.chunks.iter().map(|chunk| (chunk.key(), Arc::clone(chunk))));
    }
    let same = old.iter().zip(&pieces).take_while(|(old, new)| old.key == new.key).count();
    Plan { place, pieces, same, before }
}

/// Leaves in `wanted` what nobody has: not the lineup of before, not the catalogue, and not a turn that
/// made way or failed behind its chunks.
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

/// Makes chunks and keeps them; whether it was let go on to the end. What was made is spare until it is
/// recorded.
fn make(
    repository: &Repository,
    desk: &Desk,
    wanted: Vec<Wanted>,
    known: &mut Known,
    may_go_on: &dyn Fn() -> bool,
) -> Result<bool, FlowError> {
    let few = wanted.len() <= chunk::BATCH;
    let mut pack = Pack::default();
    for batch in wanted.chunks(chunk::BATCH) {
        if !may_go_on() {
            keep(repository, desk, pack, known)?;
            return Ok(false);
        }
        let rendered: Vec<Rendered> = chunk::render(repository, batch)?;
        for compressed in chunk::compress(rendered)? {
            if few {
                known.fresh.insert(compressed.key, Arc::clone(&compressed));
            }
            pack.push(compressed);
        }
        if pack.is_full() {
            keep(repository, desk, std::mem::take(&mut pack), known)?;
        }
    }
    keep(repository, desk, pack, known)?;
    Ok(true)
}

fn keep(
    repository: &Repository,
    desk: &Desk,
    pack: Pack,
    known: &mut Known,
) -> Result<(), FlowError> {
    let kept = pack.keep(repository.pool.as_ref())?;
    let mut spare = lock(&desk.spare);
    for chunk in kept {
        known.unrecorded.push(chunk.key);
        spare.insert(chunk.key, chunk.clone());
        known.chunks.insert(chunk.key, Chunk::new(chunk));
    }
    Ok(())
}

/// Puts the indices together and works out what their files are, plain and compressed side by side.
fn weave(pool: &dyn Pool, plans: Vec<Plan>, known: &Known) -> Result<Lineup, FlowError> {
    let mut ropes = BTreeMap::new();
    for plan in plans {
        let lost = |piece: &Piece| FlowError::Internal(format!("chunk {} is lost", piece.key));
        let find = |piece: &Piece| known.chunks.get(&piece.key).cloned().ok_or_else(|| lost(piece));
        let chunks = plan.pieces.iter().map(find).collect::<Result<Vec<_>, _>>()?;
        let unchanged = plan.same == plan.pieces.len();
        if let Some(before) =
            plan.before.as_ref().filter(|before| unchanged && before.chunks.len() == chunks.len())
        {
            ropes.insert(plan.place, Arc::clone(before));
            continue;
        }
        let track = |encoding| match &plan.before {
            Some(before) => before.track(encoding).of_first(plan.same),
            None => Track::new(encoding),
        };
        let (mut plain, mut gz) = (track(Encoding::Plain), track(Encoding::Gz));
        let mut xz = track(Encoding::Xz);
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| go_on(pool, &mut plain, &chunks, known));
            let compressed = go_on(pool, &mut gz, &chunks, known)
                .and_then(|()| go_on_blocks(pool, &mut xz, &chunks, known));
            let stopped = |_| Err(FlowError::Internal("a hashing thread stopped".into()));
            reading.join().unwrap_or_else(stopped).and(compressed)
        })?;
        let rope = Rope { pieces: plan.pieces, chunks, plain, gz, xz };
        ropes.insert(plan.place, Arc::new(rope));
    }
    Ok(Lineup { ropes })
}

fn go_on(
    pool: &dyn Pool,
    track: &mut Track,
    chunks: &[Arc<Chunk>],
    known: &Known,
) -> Result<(), FlowError> {
    track.go_on(chunks.len(), |at, encoding, buffer| {
        let Some(chunk) = chunks.get(at) else { return Ok(()) };
        let fresh = known.fresh.get(&chunk.key()).and_then(|fresh| match encoding {
            Encoding::Plain => Some(&fresh.plain),
            Encoding::Gz => Some(&fresh.gz),
            Encoding::Xz => fresh.xz.as_ref().map(|xz| &xz.bytes),
        });
        match fresh {
            Some(bytes) => {
                buffer.clear();
                buffer.extend_from_slice(bytes);
                Ok(())
            }
            None => chunk.read(pool, encoding, buffer),
        }
    })
}

/// The same for xz, when every block is there.
fn go_on_blocks(
    pool: &dyn Pool,
    track: &mut Track,
    chunks: &[Arc<Chunk>],
    known: &Known,
) -> Result<(), FlowError> {
    if chunks.iter().any(|chunk| chunk.block().is_none()) {
        return Ok(());
    }
    go_on(pool, track, chunks, known)
}

impl Rope {
    fn track(&self, encoding: Encoding) -> &Track {
        match encoding {
            Encoding::Plain => &self.plain,
            Encoding::Gz => &self.gz,
            Encoding::Xz => &self.xz,
        }
    }
}

impl Lineup {
    /// Every file, in the encodings that are whole.
    pub(crate) fn files(&self) -> Vec<IndexFile> {
        let mut files = Vec::new();
        for (place, rope) in &self.ropes {
            let keys: Arc<[Digest]> = rope.chunks.iter().map(|chunk| chunk.key()).collect();
            for encoding in Encoding::ALL {
                let Some((size_bytes, digest)) = rope.track(encoding).finish(&rope.chunks) else {
                    continue;
                };
                let IndexPlace { component, architecture, kind } = place;
                let path = match kind {
                    PackageKind::Deb => packages_path(component, architecture, encoding),
                    PackageKind::Udeb => installer_path(component, architecture, encoding),
                };
                files.push(IndexFile {
                    path,
                    encoding,
                    size_bytes,
                    digest,
                    chunks: Arc::clone(&keys),
                    listed: true,
                });
            }
        }
        files
    }

    /// Whether nothing is kept in mind: of a suite that was just opened, or whose last turn failed.
    pub(crate) fn is_empty(&self) -> bool {
        self.ropes.is_empty()
    }

    /// Whether both are of the same chunks, as far as they are hashed.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let pairs = self.ropes.values().zip(other.ropes.values());
        self.ropes.keys().eq(other.ropes.keys())
            && pairs.into_iter().all(|(a, b)| Arc::ptr_eq(a, b))
    }

    /// The chunks whose xz blocks are not made, each once.
    pub(crate) fn unblocked(&self) -> Vec<Arc<Chunk>> {
        let all = self.ropes.values().flat_map(|rope| &rope.chunks);
        let missing: BTreeMap<Digest, &Arc<Chunk>> =
            all.filter(|chunk| chunk.block().is_none()).map(|chunk| (chunk.key(), chunk)).collect();
        missing.into_values().cloned().collect()
    }

    /// The same lineup with the xz files worked out whose blocks are all there.
    ///
    /// # Errors
    /// [`FlowError`] from the pool.
    pub(crate) fn with_blocks(&self, pool: &dyn Pool) -> Result<Self, FlowError> {
        let nothing = Known::default();
        let mut ropes = BTreeMap::new();
        for (place, rope) in &self.ropes {
            if rope.xz.taken() == rope.chunks.len() {
                ropes.insert(place.clone(), Arc::clone(rope));
                continue;
            }
            let mut xz = rope.xz.clone();
            go_on_blocks(pool, &mut xz, &rope.chunks, &nothing)?;
            let Rope { pieces, chunks, plain, gz, .. } = &**rope;
            let (pieces, chunks) = (pieces.clone(), chunks.clone());
            let rope = Rope { pieces, chunks, plain: plain.clone(), gz: gz.clone(), xz };
            ropes.insert(place.clone(), Arc::new(rope));
        }
        Ok(Self { ropes })
    }
}
