//! Index: the files that a generation's Release lists, put together from chunks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::debian::{Architecture, Component, framing};
use crate::digest::{Digest, Hasher};
use crate::domain::layout::packages_path;
use crate::domain::{Contents, Encoding, IndexFile, Package, StoredChunk, SuiteSpec, rope};
use crate::flow::chunk::{self, Wanted};
use crate::flow::desk::Desk;
use crate::flow::{FlowError, Repository, lock};

/// The index files of a generation that is being made.
pub(crate) struct Built {
    /// Every file that its Release lists.
    pub files: Vec<IndexFile>,
    /// Chunks that are durable but not yet recorded.
    pub new_chunks: Vec<StoredChunk>,
}

/// Where an index was cut, and the hash states at the cuts.
#[derive(Default)]
pub(crate) struct Tally {
    keys: Vec<Digest>,
    /// One for each number of chunks taken in, from none to all.
    states: Vec<States>,
}

/// Hash states by index.
pub(crate) type Tallies = BTreeMap<(Component, Architecture), Tally>;

/// The three files of one index as far as they are hashed. The xz tail is not in it.
#[derive(Clone)]
struct States {
    plain: Counted,
    gz: Counted,
    xz: Counted,
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

/// One index: its packages, cut.
struct Cut {
    place: (Component, Architecture),
    keys: Vec<Digest>,
}

/// Builds every index of `contents`; `None` when `may_go_on` said no on the way.
///
/// # Errors
/// [`FlowError`] from the stores, or when a chunk does not prove to be what it should.
pub(crate) fn build(
    repository: &Repository,
    desk: &Desk,
    spec: &SuiteSpec,
    contents: &Contents,
    may_go_on: &dyn Fn() -> bool,
) -> Result<Option<Built>, FlowError> {
    let mut cuts = Vec::new();
    let mut packages_of: HashMap<Digest, Vec<Arc<Package>>> = HashMap::new();
    for component in &spec.components {
        for architecture in &spec.architectures {
            let listing = rope::listing(contents, component, architecture);
            let mut keys = Vec::new();
            for range in rope::cut(&listing) {
                let members = listing.get(range).unwrap_or_default();
                let key = rope::chunk_key(members);
                keys.push(key);
                packages_of.entry(key).or_insert_with(|| members.to_vec());
            }
            cuts.push(Cut { place: (component.clone(), architecture.clone()), keys });
        }
    }
    let keys: Vec<_> = packages_of.keys().copied().collect();
    let mut chunks = known_chunks(repository, desk, &keys)?;
    let recorded: HashSet<_> = chunks.recorded.keys().copied().collect();
    let missing = packages_of.into_iter().filter(|(key, _)| !chunks.has(key));
    let missing: Vec<_> = missing.map(|(key, packages)| Wanted { key, packages }).collect();
    let Some(made) = chunk::make(repository, desk, missing, may_go_on)? else { return Ok(None) };
    chunks.spare.extend(made.into_iter().map(|chunk| (chunk.key, chunk)));
    let mut tallies = lock(&desk.tallies);
    let mut files = Vec::new();
    for cut in &cuts {
        files.extend(index_files(repository, &mut tallies, cut, &chunks)?);
    }
    drop(tallies);
    if !may_go_on() {
        lock(&desk.spare).extend(chunks.spare);
        return Ok(None);
    }
    let used: HashSet<_> = cuts.iter().flat_map(|cut| cut.keys.iter().copied()).collect();
    let new = used.iter().filter(|key| !recorded.contains(*key));
    let new_chunks = new.filter_map(|key| chunks.spare.get(key).cloned()).collect();
    Ok(Some(Built { files, new_chunks }))
}

/// Chunks by key: those that the catalogue has, and those that are only durable.
struct Chunks {
    recorded: HashMap<Digest, StoredChunk>,
    spare: HashMap<Digest, StoredChunk>,
}

impl Chunks {
    fn has(&self, key: &Digest) -> bool {
        self.find(key).is_some()
    }

    fn find(&self, key: &Digest) -> Option<&StoredChunk> {
        self.recorded.get(key).or_else(|| self.spare.get(key))
    }
}

fn known_chunks(
    repository: &Repository,
    desk: &Desk,
    keys: &[Digest],
) -> Result<Chunks, FlowError> {
    let recorded = repository.catalogue.find_chunks(keys)?;
    let recorded = recorded.into_iter().map(|chunk| (chunk.key, chunk)).collect();
    Ok(Chunks { recorded, spare: lock(&desk.spare).clone() })
}

/// The three files of one index. Hashing goes on from the last boundary that the index shares with the
/// one before.
fn index_files(
    repository: &Repository,
    tallies: &mut Tallies,
    cut: &Cut,
    chunks: &Chunks,
) -> Result<Vec<IndexFile>, FlowError> {
    let tally = tallies.entry(cut.place.clone()).or_default();
    let shared = tally.keys.iter().zip(&cut.keys).take_while(|(old, new)| old == new).count();
    tally.keys.truncate(shared);
    tally.states.truncate(shared.saturating_add(1));
    if tally.states.is_empty() {
        tally.states.push(first_states());
    }
    for key in cut.keys.iter().skip(shared) {
        let chunk =
            chunks.find(key).ok_or_else(|| FlowError::Internal(format!("chunk {key} is lost")))?;
        let bytes = chunk::read(repository.pool.as_ref(), chunk)?;
        let mut states = tally.states.last().cloned().unwrap_or_else(first_states);
        states.plain.take(&bytes.plain()?);
        states.gz.take(&bytes.gz);
        states.xz.take(&bytes.xz);
        tally.keys.push(*key);
        tally.states.push(states);
    }
    let all: Vec<_> = cut.keys.iter().filter_map(|key| chunks.find(key)).collect();
    let states = tally.states.last().cloned().unwrap_or_else(first_states);
    Ok(finish(cut, &all, states))
}

fn first_states() -> States {
    let mut states =
        States { plain: Counted::default(), gz: Counted::default(), xz: Counted::default() };
    states.xz.take(&framing::XZ_HEADER);
    states
}

fn finish(cut: &Cut, chunks: &[&StoredChunk], mut states: States) -> Vec<IndexFile> {
    if chunks.is_empty() {
        states.gz.take(&framing::EMPTY_GZIP);
    }
    states.xz.take(&xz_tail(chunks.iter().copied()));
    let keys: Arc<[Digest]> = cut.keys.clone().into();
    let (component, architecture) = &cut.place;
    [(Encoding::Plain, states.plain), (Encoding::Gz, states.gz), (Encoding::Xz, states.xz)]
        .into_iter()
        .map(|(encoding, counted)| IndexFile {
            path: packages_path(component, architecture, encoding),
            encoding,
            size_bytes: counted.size_bytes,
            digest: counted.hasher.finish(),
            chunks: Arc::clone(&keys),
        })
        .collect()
}

/// The index and the footer of the xz stream whose blocks are these chunks.
pub(crate) fn xz_tail<'c>(chunks: impl Iterator<Item = &'c StoredChunk>) -> Vec<u8> {
    framing::xz_tail(chunks.map(|c| (u64::from(c.xz_unpadded_bytes), u64::from(c.plain_bytes))))
}
