//! Sweep: removes bytes that have been unreferenced for longer than the grace, and nothing else.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{PoisonError, RwLockWriteGuard, TryLockError};
use std::time::{Duration, Instant};

use crate::digest::Digest;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::threads::lock;
use crate::pool::Kind;
use crate::time::Moment;

/// What a sweep removed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Swept {
    /// How many `.deb` files.
    pub blobs: u64,
    /// How many packs of chunks.
    pub packs: u64,
    /// How large all of them were together. Unit: bytes.
    pub size_bytes: u64,
}

/// How many names are looked up at once.
const BATCH: usize = 100;
/// How long a round of removals may take. Uploads and publications wait for one look-up, this time,
/// and one removal, which may move the rest of a bundle.
const HELD: Duration = Duration::from_millis(100);
/// How long to wait for a moment without uploads and publications; after that they have to wait.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Removes staged packages that no suite took, and bytes that no record names. Blocks.
///
/// # Errors
/// [`FlowError`] from the stores; what was not yet removed stays.
pub fn sweep(repository: &Repository) -> Result<Swept, FlowError> {
    let before = repository.now().plus(-repository.limits().grace_seconds);
    let forgotten = {
        let _alone = lock_sweeping(repository);
        repository.catalogue.forget_staged(before)?
    };
    // The list was made without the lock, so it may contain bytes that are referenced by now. Each
    // batch is checked again before it is removed.
    let listed = Listing::of(repository, Kind::Blob)?;
    let mut blobs: BTreeSet<_> = listed.written_before(before).collect();
    blobs.extend(forgotten);
    let mut swept = Swept::default();
    for batch in blobs.into_iter().collect::<Vec<_>>().chunks(BATCH) {
        if named_blobs(repository, batch)?.len() < batch.len() {
            let removed = remove(repository, &listed, batch, named_blobs, &mut swept.size_bytes)?;
            swept.blobs = swept.blobs.saturating_add(removed);
        }
    }
    let named = named_packs(repository, &[])?;
    let listed = Listing::of(repository, Kind::Pack)?;
    let mut packs: Vec<_> = listed.written_before(before).collect();
    packs.retain(|digest| !named.contains(digest));
    for batch in packs.chunks(BATCH) {
        let removed = remove(repository, &listed, batch, named_packs, &mut swept.size_bytes)?;
        swept.packs = swept.packs.saturating_add(removed);
    }
    Ok(swept)
}

/// Locks out uploads and publications: neither may record bytes that were just removed.
///
/// While a writer waits for this lock, new readers wait too. So the lock is only tried at first.
pub(super) fn lock_sweeping(repository: &Repository) -> RwLockWriteGuard<'_, ()> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match repository.sweeping.try_write() {
            Ok(alone) => return alone,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK_AGAIN),
        }
    }
    repository.sweeping.write().unwrap_or_else(PoisonError::into_inner)
}

/// What is stored of a kind: since when, and how large.
struct Listing {
    kind: Kind,
    all: HashMap<Digest, (i64, u64)>,
}

impl Listing {
    fn of(repository: &Repository, kind: Kind) -> Result<Self, FlowError> {
        let listed = repository.pool.list(kind)?.into_iter();
        let all = listed.map(|one| (one.digest, (one.written_at, one.size_bytes))).collect();
        Ok(Self { kind, all })
    }

    /// Bytes that were last written before this moment.
    fn written_before(&self, before: Moment) -> impl Iterator<Item = Digest> {
        let old = self.all.iter().filter(move |(_, (written_at, _))| *written_at < before.0);
        old.map(|(digest, _)| *digest)
    }

    fn size_bytes(&self, digest: &Digest) -> u64 {
        self.all.get(digest).map_or(0, |(_, size_bytes)| *size_bytes)
    }
}

/// Gives which of these digests are referenced.
type Named = fn(&Repository, &[Digest]) -> Result<HashSet<Digest>, FlowError>;

/// Removes those of a batch that are unreferenced at that moment.
fn remove(
    repository: &Repository,
    listed: &Listing,
    batch: &[Digest],
    named: Named,
    freed_bytes: &mut u64,
) -> Result<u64, FlowError> {
    let (mut rest, mut removed) = (batch, 0_u64);
    loop {
        let (some, behind) = remove_some(repository, listed, rest, named, freed_bytes)?;
        removed = removed.saturating_add(some);
        rest = behind;
        if rest.is_empty() {
            return Ok(removed);
        }
        // Uploads and publications that wait go first.
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// The same, for as many as one round has time for; gives the rest.
fn remove_some<'b>(
    repository: &Repository,
    listed: &Listing,
    batch: &'b [Digest],
    named: Named,
    freed_bytes: &mut u64,
) -> Result<(u64, &'b [Digest]), FlowError> {
    let _alone = lock_sweeping(repository);
    let named = named(repository, batch)?;
    let begun = Instant::now();
    let in_time = || begun.elapsed() < HELD;
    remove_while(in_time, batch, &named, |digest| {
        repository.pool.remove(listed.kind, digest)?;
        *freed_bytes = freed_bytes.saturating_add(listed.size_bytes(digest));
        Ok(())
    })
}

/// Removes unreferenced digests, at least one, while `in_time`; gives their number and the rest.
fn remove_while<'b>(
    in_time: impl Fn() -> bool,
    batch: &'b [Digest],
    named: &HashSet<Digest>,
    mut remove: impl FnMut(&Digest) -> Result<(), FlowError>,
) -> Result<(u64, &'b [Digest]), FlowError> {
    let (mut rest, mut removed) = (batch, 0_u64);
    while let Some((digest, behind)) = rest.split_first() {
        if !named.contains(digest) {
            if removed > 0 && !in_time() {
                break;
            }
            remove(digest)?;
            removed = removed.saturating_add(1);
        }
        rest = behind;
    }
    Ok((removed, rest))
}

fn named_blobs(repository: &Repository, batch: &[Digest]) -> Result<HashSet<Digest>, FlowError> {
    let known = repository.catalogue.find_packages(batch)?;
    Ok(known.into_iter().map(|record| record.package.digest).collect())
}

/// The packs of recorded chunks, and of chunks that a desk notes as not recorded yet. A chunk that
/// is made for a generation is one of the two before the writer releases `sweeping`.
fn named_packs(repository: &Repository, _: &[Digest]) -> Result<HashSet<Digest>, FlowError> {
    let mut named: HashSet<_> = repository.catalogue.list_packs()?.into_iter().collect();
    for desk in repository.desks().values() {
        named.extend(lock(&desk.spare).values().map(|chunk| chunk.pack));
        named.extend(desk.follow_up(|pending| pending.packs()));
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_that_ran_out_of_time_goes_on_where_it_was() {
        let all: Vec<_> = (0..6_u8).map(|number| Digest::of(&[number])).collect();
        let named = HashSet::from([all[1], all[5]]);
        let mut gone = Vec::new();
        let mut round = |batch, in_time: bool| {
            let remove = |digest: &Digest| {
                gone.push(*digest);
                Ok(())
            };
            let (removed, rest) = remove_while(|| in_time, batch, &named, remove).unwrap();
            (removed, rest.len(), gone.len())
        };
        assert_eq!(round(&all, true), (4, 0, 4));
        assert_eq!(round(&all, false), (1, 4, 5), "one at least, and what is named is passed over");
        assert_eq!(round(&all[2..], false), (1, 3, 6));
        assert_eq!(round(&all[4..], false), (1, 0, 7));
        assert_eq!(round(&all[5..], false), (0, 0, 7));
        assert_eq!(gone[4..], [all[0], all[2], all[4]]);
        let failing = |_: &Digest| Err(FlowError::Missing("it".into()));
        assert!(remove_while(|| true, &all, &named, failing).is_err());
    }
}
