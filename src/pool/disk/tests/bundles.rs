//! Many small blobs in one file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::bundle::{Entry, table_bytes};
use super::super::places::{Places, Upkeep};
use super::*;

pub(super) fn numbered(numbers: impl IntoIterator<Item = u32>) -> Vec<Sealed> {
    // Blobs of different sizes; number 0 is empty.
    let times = |n: u32| if n == 0 { 0 } else { n % 60 + 1 };
    let bytes = |n: u32| n.to_be_bytes().repeat(usize::try_from(times(n)).unwrap());
    numbers.into_iter().map(|n| Sealed::of(bytes(n).into())).collect()
}

pub(super) fn bundles_of(room: &Path) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(room.join("pool/bundles")).into_iter().map(Result::unwrap);
    files.filter(|entry| entry.file_type().is_file()).map(|entry| entry.into_path()).collect()
}

fn blobs_of(room: &Path) -> usize {
    let files = walkdir::WalkDir::new(room.join("pool/blobs")).into_iter().map(Result::unwrap);
    files.filter(|entry| entry.file_type().is_file()).count()
}

/// The bytes of a blob as a reader gets them.
pub(super) fn opened(pool: &DiskPool, digest: &Digest) -> Option<Vec<u8>> {
    let Opened::File { file, offset, size_bytes } = pool.open(Kind::Blob, digest).unwrap()? else {
        panic!("it is on a disk");
    };
    let mut bytes = vec![0; usize::try_from(size_bytes).unwrap()];
    file.read_exact_at(&mut bytes, offset).unwrap();
    Some(bytes)
}

pub(super) fn assert_whole<'s>(pool: &DiskPool, all: impl IntoIterator<Item = &'s Sealed>) {
    for one in all {
        assert_eq!(opened(pool, &one.digest()).as_deref(), Some(one.bytes().as_ref()));
    }
}

#[test]
fn small_ones_that_come_together_share_a_file() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let all = numbered(0..100);
    pool.keep_all(Kind::Blob, &all).unwrap();
    assert_eq!((bundles_of(room.path()).len(), blobs_of(room.path())), (1, 0));
    assert_eq!((mode(&bundles_of(room.path())[0]), staged_count(room.path())), (0o640, 0));
    assert_whole(&pool, &all);
    let one = &all[59];
    let size = one.bytes().len() as u64;
    let read = |offset, length| pool.read(Kind::Blob, &one.digest(), offset, length);
    assert_eq!(read(2, 6).unwrap().unwrap(), one.bytes()[2..8]);
    assert_eq!(read(size, 0).unwrap().unwrap(), b"");
    assert!(
        matches!(read(size - 1, 2), Err(PoolError::OutOfRange { .. })),
        "its neighbour is not its own"
    );
    assert!(pool.read(Kind::Pack, &one.digest(), 0, 1).unwrap().is_none());
    assert_eq!(pool.list(Kind::Blob).unwrap().len(), 100);
    // A blob that comes again, alone or with others, stays where it is.
    pool.keep_all(Kind::Blob, &all).unwrap();
    pool.keep(Kind::Blob, one.bytes()).unwrap();
    assert_eq!((bundles_of(room.path()).len(), blobs_of(room.path())), (1, 0));
    std::mem::forget(pool);
    let pool = open(room.path());
    assert_whole(&pool, &all);
    assert_eq!(pool.list(Kind::Blob).unwrap().len(), 100);
}

#[test]
fn large_ones_few_ones_and_packs_have_files_of_their_own() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    pool.keep_all(Kind::Blob, &numbered(1..16)).unwrap();
    let large: Vec<_> = (0..16).map(|n| Sealed::of(vec![n; 70_000].into())).collect();
    pool.keep_all(Kind::Blob, &large).unwrap();
    pool.keep_all(Kind::Pack, &numbered(100..200)).unwrap();
    assert_eq!((bundles_of(room.path()).len(), blobs_of(room.path())), (0, 31));
    let mixed: Vec<_> = numbered(200..250).into_iter().chain(large.iter().cloned()).collect();
    pool.keep_all(Kind::Blob, &mixed).unwrap();
    assert_eq!((bundles_of(room.path()).len(), blobs_of(room.path())), (1, 31));
    assert_whole(&pool, &mixed);
}

#[test]
fn more_than_a_bundle_holds_fill_several() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let all: Vec<_> =
        (0..300_u32).map(|n| Sealed::of(n.to_be_bytes().repeat(16_000).into())).collect();
    pool.keep_all(Kind::Blob, &all).unwrap();
    let bundles = bundles_of(room.path());
    assert_eq!(bundles.len(), 3);
    assert!(bundles.iter().all(|path| fs::metadata(path).unwrap().len() < 9 << 20));
    assert_whole(&pool, &all);
}

#[test]
fn what_is_removed_goes_at_once_and_its_bytes_when_less_than_half_is_needed() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let all = numbered(60..180);
    pool.keep_all(Kind::Blob, &all).unwrap();
    let (gone, left) = all.split_at(40);
    let whole_bytes = fs::metadata(&bundles_of(room.path())[0]).unwrap().len();
    for one in gone {
        pool.remove(Kind::Blob, &one.digest()).unwrap();
        pool.remove(Kind::Blob, &one.digest()).unwrap();
        assert!(opened(&pool, &one.digest()).is_none());
    }
    assert_whole(&pool, left);
    assert_eq!(pool.list(Kind::Blob).unwrap().len(), 80);
    assert_eq!(fs::metadata(&bundles_of(room.path())[0]).unwrap().len(), whole_bytes);
    // After a restart it is there once more, and the next sweep removes it again.
    drop(pool);
    let pool = open(room.path());
    assert_whole(&pool, &all);
    let (more, left) = left.split_at(40);
    let out = File::open(&bundles_of(room.path())[0]).unwrap();
    gone.iter().chain(more).for_each(|one| pool.remove(Kind::Blob, &one.digest()).unwrap());
    let bundles = bundles_of(room.path());
    assert_eq!(bundles.len(), 1);
    assert!(fs::metadata(&bundles[0]).unwrap().len() < whole_bytes * 2 / 3);
    assert_eq!(out.metadata().unwrap().len(), whole_bytes, "an open reader reads on");
    assert_whole(&pool, left);
    assert_eq!(staged_count(room.path()), 0);
    drop(pool);
    let pool = open(room.path());
    assert_whole(&pool, left);
    all.iter().for_each(|one| pool.remove(Kind::Blob, &one.digest()).unwrap());
    assert!(bundles_of(room.path()).is_empty() && pool.list(Kind::Blob).unwrap().is_empty());
    pool.keep_all(Kind::Blob, &all).unwrap();
    assert_whole(&pool, &all);
}

#[test]
fn a_bundle_whose_name_may_be_lost_is_written_anew() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let all = numbered(0..40);
    pool.keep_all(Kind::Blob, &all).unwrap();
    let inode = || {
        let [path] = &bundles_of(room.path())[..] else { panic!("one bundle") };
        std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap())
    };
    let (before, volume) = (inode(), &pool.tree.volume);
    pool.keep_all(Kind::Blob, &all).unwrap();
    assert_eq!(inode(), before, "it is there");
    let digests: Vec<_> = all.iter().map(Sealed::digest).collect();
    let lost = Err(volume.unsynced("sync of a directory", rustix::io::Errno::IO.into()));
    assert!(volume.names.settle(Kind::Blob, &digests, lost).is_err());
    assert!(pool.is_doubtful(Kind::Blob, &digests[7]));
    pool.keep_all(Kind::Blob, &all).unwrap();
    assert_ne!(inode(), before);
    assert!(!pool.is_doubtful(Kind::Blob, &digests[7]));
    assert_whole(&pool, &all);
}

#[test]
fn a_reader_beside_the_server_follows_what_moved() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let all = numbered(60..180);
    pool.keep_all(Kind::Blob, &all).unwrap();
    let beside = DiskPool::open_reading(&room.path().join("pool")).unwrap();
    let (gone, left) = all.split_at(70);
    gone.iter().for_each(|one| pool.remove(Kind::Blob, &one.digest()).unwrap());
    let new = numbered(200..230);
    pool.keep_all(Kind::Blob, &new).unwrap();
    assert_whole(&beside, left.iter().chain(&new));
    assert!(matches!(beside.remove(Kind::Blob, &left[0].digest()), Err(PoolError::OnlyRead)));
}

#[test]
fn a_crash_between_the_new_bundle_and_the_end_of_the_old_one_loses_nothing() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let all = numbered(60..180);
    pool.keep_all(Kind::Blob, &all).unwrap();
    let old = bundles_of(room.path()).remove(0);
    let saved = room.path().join("saved");
    fs::copy(&old, &saved).unwrap();
    let (gone, left) = all.split_at(70);
    gone.iter().for_each(|one| pool.remove(Kind::Blob, &one.digest()).unwrap());
    drop(pool);
    fs::rename(&saved, &old).unwrap();
    let pool = open(room.path());
    assert_eq!(bundles_of(room.path()).len(), 2);
    let listed: Vec<_> = pool.list(Kind::Blob).unwrap().iter().map(|one| one.digest).collect();
    assert_eq!((listed.len(), listed.iter().collect::<BTreeSet<_>>().len()), (120, 120));
    gone.iter().for_each(|one| pool.remove(Kind::Blob, &one.digest()).unwrap());
    assert_whole(&pool, left);
    assert!(gone.iter().all(|one| opened(&pool, &one.digest()).is_none()));
    left.iter().for_each(|one| pool.remove(Kind::Blob, &one.digest()).unwrap());
    assert!(bundles_of(room.path()).is_empty());
}

#[test]
fn digests_that_begin_alike_are_told_apart() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let mut all = numbered(60..120);
    let twin = |last: u8| {
        let mut digest = *all[0].digest().as_bytes();
        digest[31] ^= last;
        Sealed { digest: Digest::from_slice(&digest).unwrap(), bytes: vec![last; 9].into() }
    };
    let twins = [twin(1), twin(2)];
    let absent = twin(3).digest;
    all.push(twins[0].clone());
    pool.keep_all(Kind::Blob, &all).unwrap();
    let mut more = numbered(200..230);
    more.push(twins[1].clone());
    pool.keep_all(Kind::Blob, &more).unwrap();
    // No bytes have such digests, so the twins are looked up as they are.
    let found = |digest: &Digest| {
        let found = pool.tree.bundles.find(digest, &|_| Ok(())).unwrap()?;
        let mut bytes = vec![0; found.size_bytes as usize];
        found.file.read_exact_at(&mut bytes, found.offset).unwrap();
        Some(bytes)
    };
    let whole = |one: &Sealed| found(&one.digest).as_deref() == Some(&one.bytes);
    assert!(all.iter().chain(&more).all(whole));
    assert!(found(&absent).is_none());
    pool.remove(Kind::Blob, &absent).unwrap();
    pool.remove(Kind::Blob, &twins[0].digest).unwrap();
    assert!(found(&twins[0].digest).is_none());
    assert!([&all[0], &twins[1]].into_iter().all(whole));
}

#[test]
fn bringing_one_of_a_bundle_again_makes_it_young() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let all = numbered(60..120);
    pool.keep_all(Kind::Blob, &all).unwrap();
    let file = File::open(&bundles_of(room.path())[0]).unwrap();
    let age =
        |pool: &DiskPool| pool.list(Kind::Blob).unwrap().iter().map(|one| one.written_at).min();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(5)).unwrap();
    assert_eq!(age(&pool), Some(5));
    pool.keep_all(Kind::Blob, &all[..3]).unwrap();
    assert!(age(&pool) > Some(1_700_000_000));
    file.set_modified(UNIX_EPOCH + Duration::from_secs(5)).unwrap();
    pool.keep(Kind::Blob, all[7].bytes()).unwrap();
    assert!(age(&pool) > Some(1_700_000_000));
}

#[test]
fn the_same_ones_from_many_threads_are_kept() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let all = numbered(60..160);
    std::thread::scope(|scope| {
        for from in [0, 0, 10, 20] {
            let (pool, all) = (&pool, &all);
            scope.spawn(move || pool.keep_all(Kind::Blob, &all[from..]).unwrap());
        }
    });
    assert_whole(&pool, &all);
    assert_eq!(pool.list(Kind::Blob).unwrap().len(), 100);
    all.iter().for_each(|one| pool.remove(Kind::Blob, &one.digest()).unwrap());
    assert!(pool.list(Kind::Blob).unwrap().is_empty() && bundles_of(room.path()).is_empty());
}

#[test]
fn places_tell_what_is_left_of_a_bundle() {
    let entries: Vec<_> = (0..4_u64)
        .map(|n| Entry {
            digest: Digest::of(&n.to_be_bytes()),
            offset: 100 + n * 10,
            size_bytes: 10,
        })
        .collect();
    let mut places = Places::default();
    places.add(Digest::of(b"a"), &entries);
    places.add(Digest::of(b"a"), &entries);
    assert_eq!(places.living(0).len(), 4, "the same bundle again is no other");
    let mut forget = |n: usize| {
        let (place, _) = places.of(&entries[n].digest)[0];
        places.forget(place, 10)
    };
    assert_eq!(
        [forget(0), forget(1), forget(2), forget(3)],
        [Upkeep::Leave, Upkeep::Leave, Upkeep::Renew, Upkeep::Drop]
    );
    assert_eq!(table_bytes(2), 92, "docs/FORMATS.md says so");
    // A rest that could not move is left alone until half of it is gone, too.
    let mut places = Places::of_tables([(Digest::of(b"a"), entries.clone())].into_iter());
    let mut forget = |n: usize, put_off: bool| {
        let (place, _) = places.of(&entries[n].digest)[0];
        let upkeep = places.forget(place, 10);
        if put_off {
            places.put_off(place.bundle);
        }
        upkeep
    };
    assert_eq!(
        [forget(0, true), forget(1, false), forget(2, false)],
        [Upkeep::Leave, Upkeep::Leave, Upkeep::Renew]
    );
}

#[derive(Clone, Debug)]
enum Step {
    KeepAll(u32, u32),
    Keep(u32),
    Remove(u32),
    Sweep(u32),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..150_u32, 1..60_u32).prop_map(|(from, count)| Step::KeepAll(from, count)),
        1 => (0..200_u32).prop_map(Step::Keep),
        2 => (0..200_u32).prop_map(Step::Remove),
        2 => (2..5_u32).prop_map(Step::Sweep),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// After any history: a blob that was stored and not removed is there, and a removed one is
    /// not, until a restart brings it back to be removed once more.
    #[test]
    fn any_history_keeps_what_is_needed(steps in prop::collection::vec(step(), 1..25)) {
        let room = TempDir::new().unwrap();
        let mut pool = open(room.path());
        let mut needed: BTreeMap<Digest, Sealed> = BTreeMap::new();
        let mut restarted = false;
        for step in steps {
            match step {
                Step::KeepAll(from, count) => {
                    let all = numbered(from..from + count);
                    pool.keep_all(Kind::Blob, &all).unwrap();
                    needed.extend(all.into_iter().map(|one| (one.digest(), one)));
                }
                Step::Keep(number) => {
                    let one = numbered([number]).remove(0);
                    pool.keep(Kind::Blob, one.bytes()).unwrap();
                    needed.insert(one.digest(), one);
                }
                Step::Remove(number) => {
                    let digest = numbered([number])[0].digest();
                    pool.remove(Kind::Blob, &digest).unwrap();
                    needed.remove(&digest);
                    prop_assert!(opened(&pool, &digest).is_none());
                }
                Step::Sweep(every) => {
                    let mut at = 0;
                    needed.retain(|_, _| { at += 1; at % every == 0 });
                    for listed in pool.list(Kind::Blob).unwrap() {
                        if !needed.contains_key(&listed.digest) {
                            pool.remove(Kind::Blob, &listed.digest).unwrap();
                        }
                    }
                    restarted = false;
                }
                Step::Restart => {
                    drop(pool);
                    pool = open(room.path());
                    restarted = true;
                }
            }
            assert_whole(&pool, needed.values());
            let listed: BTreeSet<_> = pool.list(Kind::Blob).unwrap().iter().map(|one| one.digest).collect();
            prop_assert!(needed.keys().all(|digest| listed.contains(digest)));
            prop_assert!(restarted || listed.len() == needed.len());
        }
        needed.keys().for_each(|digest| pool.remove(Kind::Blob, digest).unwrap());
        for listed in pool.list(Kind::Blob).unwrap() {
            pool.remove(Kind::Blob, &listed.digest).unwrap();
        }
        prop_assert!(bundles_of(room.path()).is_empty());
        prop_assert_eq!((blobs_of(room.path()), staged_count(room.path())), (0, 0));
    }
}
