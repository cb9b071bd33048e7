//! Pack: what lay in it is made anew from stanzas. Where that gives the pack's own digest, all is
//! as it was. Otherwise its chunks are forgotten, and those that are listed now are made anew.

use std::collections::{HashMap, HashSet};

use crate::debian::framing;
use crate::digest::Digest;
use crate::domain::{PackageSet, StoredChunk, SuiteSpec};
use crate::flow::error::FlowError;
use crate::flow::publish::chunks::{self, BATCH, BATCH_BYTES};
use crate::flow::publish::indices;
use crate::flow::repository::Repository;
use crate::flow::state::damage::Fate;
use crate::pool::Kind;

/// How many generations of a suite are looked at for what a pack held.
const GENERATIONS: u64 = 50;

/// Makes a pack anew.
///
/// # Errors
/// [`FlowError`] from the stores.
pub(super) fn repair(repository: &Repository, pack: &Digest) -> Result<Fate, FlowError> {
    let held = repository.catalogue.list_chunks_in(pack)?;
    if held.is_empty() {
        return Ok(Fate::Replaced("nothing that is recorded lay in it".into()));
    }
    let bytes = repository.pool.salvage(Kind::Pack, pack)?.unwrap_or_default();
    let mut anew = Anew::of(pack, &held, bytes);
    anew.lay_what_was_listed(repository)?;
    if let Some(bytes) = anew.proven() {
        // It is not swept between the two: the catalogue names it.
        let _unswept = repository.sweeping.read();
        repository.pool.keep(Kind::Pack, &bytes)?;
        return Ok(Fate::Repaired);
    }
    let keys: Vec<_> = held.iter().map(|chunk| chunk.key).collect();
    repository.forget_chunks(&keys)?;
    Ok(Fate::of_forgotten())
}

/// A pack on its way.
struct Anew<'p> {
    pack: &'p Digest,
    held: HashMap<Digest, &'p StoredChunk>,
    /// The chunks that were not made yet.
    missing: HashSet<Digest>,
    bytes: Vec<u8>,
}

impl<'p> Anew<'p> {
    fn of(pack: &'p Digest, held: &'p [StoredChunk], bytes: Vec<u8>) -> Self {
        let by_key: HashMap<_, _> = held.iter().map(|chunk| (chunk.key, chunk)).collect();
        let missing = by_key.keys().copied().collect();
        Self { pack, held: by_key, missing, bytes }
    }

    /// Makes the chunks that the suites list, and then those that they listed, the last generation
    /// first.
    fn lay_what_was_listed(&mut self, repository: &Repository) -> Result<(), FlowError> {
        let states: Vec<_> = repository.desks().values().map(|desk| desk.state()).collect();
        for state in &states {
            self.lay_all(repository, &state.spec, &state.contents)?;
        }
        for state in &states {
            let last = state.last_generation;
            for generation in (last.saturating_sub(GENERATIONS).max(1)..last).rev() {
                if self.missing.is_empty() {
                    return Ok(());
                }
                let suite = &state.spec.name;
                if let Some(contents) = repository.catalogue.contents_at(suite, generation)? {
                    self.lay_all(repository, &state.spec, &contents)?;
                }
            }
        }
        Ok(())
    }

    fn lay_all(
        &mut self,
        repository: &Repository,
        spec: &SuiteSpec,
        contents: &PackageSet,
    ) -> Result<(), FlowError> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let mut wanted = indices::every_chunk(spec, contents);
        wanted.retain(|one| self.missing.remove(&one.key));
        for batch in wanted.chunks(BATCH) {
            let _loan = repository.memory.encode(BATCH_BYTES);
            for one in batch {
                // A stanza among them may be damaged, too. Then others are made all the same.
                match chunks::render(repository, std::slice::from_ref(one)) {
                    Ok(made) => {
                        for made in made {
                            self.lay(&made.key, &made.plain)?;
                        }
                    }
                    Err(problem) if problem.damage().is_some() => repository.note_damage(&problem),
                    Err(problem) => return Err(problem),
                }
            }
        }
        Ok(())
    }

    /// Lays what is made of a chunk where it lay.
    fn lay(&mut self, key: &Digest, plain: &[u8]) -> Result<(), FlowError> {
        let Some(chunk) = self.held.get(key).copied() else { return Ok(()) };
        let Places { plain: whole, member, run, xz } = Places::of(chunk, self.pack);
        if let Some(place) = whole {
            self.put(place, plain);
        }
        if let Some(place) = member {
            self.put(place, &framing::gzip_member(plain));
        }
        if let Some(place) = run {
            self.put(place, &framing::gzip_run(plain).bytes);
        }
        if let Some(place) = xz {
            let made = framing::xz_block(plain, framing::XZ_DEFAULT_PRESET);
            self.put(place, &made.map_err(FlowError::internal("compress a chunk"))?.bytes);
        }
        Ok(())
    }

    /// Puts a part where it lay, if it is as long as it was.
    fn put(&mut self, (offset, length): Place, part: &[u8]) {
        let Some(place) = range(offset, length).filter(|place| place.len() == part.len()) else {
            return;
        };
        if self.bytes.len() < place.end {
            self.bytes.resize(place.end, 0);
        }
        if let Some(there) = self.bytes.get_mut(place) {
            there.copy_from_slice(part);
        }
    }

    /// All of it, if it has the pack's own digest. What lies behind the last chunk that is recorded
    /// may have been in it, or not.
    fn proven(mut self) -> Option<Vec<u8>> {
        if Digest::of(&self.bytes) == *self.pack {
            return Some(self.bytes);
        }
        let places = self.held.values().flat_map(|chunk| Places::of(chunk, self.pack).all());
        let ends = places.filter_map(|(offset, length)| Some(range(offset, length)?.end));
        self.bytes.truncate(ends.max().unwrap_or_default());
        (Digest::of(&self.bytes) == *self.pack).then_some(self.bytes)
    }
}

/// Offset and length of a part.
type Place = (u64, u32);

/// Where the parts of a chunk lie that a pack has.
struct Places {
    plain: Option<Place>,
    member: Option<Place>,
    run: Option<Place>,
    xz: Option<Place>,
}

impl Places {
    fn of(chunk: &StoredChunk, pack: &Digest) -> Self {
        let is_own = chunk.pack == *pack;
        let plain = chunk.plain_offset.filter(|_| is_own);
        let member = chunk.member.as_ref().filter(|_| is_own);
        let run = chunk.run.as_ref().filter(|run| run.pack == *pack);
        let xz = chunk.xz.as_ref().filter(|block| block.pack == *pack);
        Self {
            plain: plain.map(|offset| (offset, chunk.plain_bytes)),
            member: member.map(|member| (member.offset, member.bytes)),
            run: run.map(|run| (run.offset, run.bytes)),
            xz: xz.map(|block| (block.offset, block.bytes)),
        }
    }

    fn all(self) -> impl Iterator<Item = Place> {
        [self.plain, self.member, self.run, self.xz].into_iter().flatten()
    }
}

/// A pack is some megabytes large, whatever a damaged row says. Unit: bytes.
const MOST_BYTES: usize = 256 << 20;

fn range(offset: u64, length: u32) -> Option<std::ops::Range<usize>> {
    let (start, length) = (usize::try_from(offset).ok()?, usize::try_from(length).ok()?);
    let end = start.checked_add(length).filter(|end| *end <= MOST_BYTES)?;
    Some(start..end)
}
