//! What every back end of the pool promises, written once and run on each.

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use repod::digest::Digest;
use repod::pool::{DiskPool, Kind, MemoryPool, Opened, Pool, PoolError, Sealed};
use tempfile::TempDir;

/// Opens the pool that lies in a directory.
type Make = dyn Fn(&Path) -> Box<dyn Pool>;

/// Makes one test of each case for one back end.
macro_rules! pool_contract {
    ($back_end:ident, $make:expr, $($case:ident),+ $(,)?) => {
        mod $back_end {
            $(#[test]
            fn $case() {
                let room = tempfile::TempDir::new().unwrap();
                super::$case(room.path(), &$make);
            })+
        }
    };
}

macro_rules! pool_contracts {
    ($($back_end:ident: $make:expr;)+) => {
        $(pool_contract!(
            $back_end, $make,
            nothing_is_visible_before_the_commit,
            a_commit_keeps_exactly_what_was_written,
            the_same_bytes_twice_are_a_success,
            dropping_takes_the_bytes_away,
            kinds_are_apart,
            reading_a_part_gives_that_part,
            reading_past_the_end_is_out_of_range,
            what_cannot_fit_is_refused_before_it_is_written,
            what_grows_too_large_is_refused_while_it_is_written,
            what_is_removed_is_gone,
            the_list_is_what_is_kept,
            many_threads_keep_the_same_and_different_bytes,
            nothing_at_all_can_be_kept,
            many_are_kept_together,
            many_that_cannot_fit_are_refused_together,
        );)+
    };
}

const CAPACITY_BYTES: u64 = 1 << 26;

pool_contracts! {
    disk: |room: &std::path::Path| -> Box<dyn repod::pool::Pool> {
        Box::new(repod::pool::DiskPool::open(room, 0).unwrap())
    };
    memory: |_: &std::path::Path| -> Box<dyn repod::pool::Pool> {
        Box::new(repod::pool::MemoryPool::new(super::CAPACITY_BYTES, || 1_000))
    };
}

fn all_of(pool: &dyn Pool, kind: Kind, digest: &Digest) -> Option<Vec<u8>> {
    match pool.open(kind, digest).unwrap()? {
        Opened::File { file, offset, size_bytes } => {
            let whole_bytes = file.metadata().unwrap().len();
            // What begins a file fills it.
            assert!(offset > 0 || whole_bytes == size_bytes);
            let mut bytes = vec![0; usize::try_from(size_bytes).unwrap()];
            file.read_exact_at(&mut bytes, offset).unwrap();
            Some(bytes)
        }
        Opened::Memory(bytes) => Some(bytes.to_vec()),
    }
}

fn nothing_is_visible_before_the_commit(room: &Path, make: &Make) {
    let pool = make(room);
    let digest = Digest::of(b"some bytes");
    let mut staging = pool.stage(10).unwrap();
    staging.write_all(b"some ").unwrap();
    staging.write_all(b"bytes").unwrap();
    assert!(pool.open(Kind::Blob, &digest).unwrap().is_none());
    let staged = staging.finish().unwrap();
    assert_eq!((staged.digest(), staged.size_bytes()), (digest, 10));
    assert!(pool.open(Kind::Blob, &digest).unwrap().is_none());
    assert!(pool.list(Kind::Blob).unwrap().is_empty());
    staged.commit(Kind::Blob).unwrap();
    assert_eq!(all_of(&*pool, Kind::Blob, &digest).unwrap(), b"some bytes");
}

fn a_commit_keeps_exactly_what_was_written(room: &Path, make: &Make) {
    let pool = make(room);
    let bytes: Vec<u8> =
        (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut staging = pool.stage(bytes.len() as u64).unwrap();
    for part in bytes.chunks(65_537) {
        staging.write_all(part).unwrap();
    }
    let staged = staging.finish().unwrap();
    let digest = staged.digest();
    assert_eq!(digest, Digest::of(&bytes));
    staged.commit(Kind::Blob).unwrap();
    assert_eq!(all_of(&*pool, Kind::Blob, &digest).unwrap(), bytes);
}

fn the_same_bytes_twice_are_a_success(room: &Path, make: &Make) {
    let pool = make(room);
    let first = pool.keep(Kind::Blob, b"twice").unwrap();
    let second = pool.keep(Kind::Blob, b"twice").unwrap();
    assert_eq!(first, second);
    assert_eq!(pool.list(Kind::Blob).unwrap().len(), 1);
    assert_eq!(all_of(&*pool, Kind::Blob, &first).unwrap(), b"twice");
}

fn dropping_takes_the_bytes_away(room: &Path, make: &Make) {
    let pool = make(room);
    let before = pool.list(Kind::Blob).unwrap();
    let mut staging = pool.stage(4).unwrap();
    staging.write_all(b"half").unwrap();
    drop(staging);
    let mut staging = pool.stage(5).unwrap();
    staging.write_all(b"whole").unwrap();
    drop(staging.finish().unwrap());
    assert_eq!(pool.list(Kind::Blob).unwrap(), before);
    assert!(pool.open(Kind::Blob, &Digest::of(b"whole")).unwrap().is_none());
}

fn kinds_are_apart(room: &Path, make: &Make) {
    let pool = make(room);
    let digest = pool.keep(Kind::Pack, b"a pack").unwrap();
    assert!(pool.open(Kind::Blob, &digest).unwrap().is_none());
    assert!(pool.list(Kind::Blob).unwrap().is_empty());
    pool.remove(Kind::Blob, &digest).unwrap();
    assert_eq!(all_of(&*pool, Kind::Pack, &digest).unwrap(), b"a pack");
}

fn reading_a_part_gives_that_part(room: &Path, make: &Make) {
    let pool = make(room);
    let digest = pool.keep(Kind::Pack, b"0123456789").unwrap();
    let read = |offset, length| pool.read(Kind::Pack, &digest, offset, length).unwrap().unwrap();
    assert_eq!(read(0, 10), b"0123456789");
    assert_eq!(read(3, 4), b"3456");
    assert_eq!(read(10, 0), b"");
    assert!(pool.read(Kind::Pack, &Digest::of(b"absent"), 0, 1).unwrap().is_none());
}

fn reading_past_the_end_is_out_of_range(room: &Path, make: &Make) {
    let pool = make(room);
    let digest = pool.keep(Kind::Pack, b"0123456789").unwrap();
    for (offset, length) in [(0, 11), (10, 1), (11, 0), (u64::MAX, 1), (1, u64::MAX), (5, 1 << 40)]
    {
        let error = pool.read(Kind::Pack, &digest, offset, length).unwrap_err();
        assert!(
            matches!(error, PoolError::OutOfRange { kind: Kind::Pack, digest: d } if d == digest),
            "{offset} {length}: {error}"
        );
    }
}

fn what_cannot_fit_is_refused_before_it_is_written(room: &Path, make: &Make) {
    let pool = make(room);
    let room_bytes = pool.room_bytes().unwrap();
    assert!(room_bytes > 0);
    for expected in [u64::MAX, room_bytes.saturating_mul(2)] {
        assert!(matches!(pool.stage(expected), Err(PoolError::Full { .. })), "{expected}");
    }
    pool.keep(Kind::Blob, b"what fits is taken").unwrap();
}

fn what_grows_too_large_is_refused_while_it_is_written(_: &Path, make: &Make) {
    // Only the memory pool has a size of its own; the disk's is tested where it can be set.
    let room = TempDir::new().unwrap();
    let pool = make(room.path());
    if pool.room_bytes().unwrap() != CAPACITY_BYTES {
        return;
    }
    let mut staging = pool.stage(1).unwrap();
    let part = vec![7_u8; 1 << 20];
    let error = (0..100).find_map(|_| staging.write_all(&part).err()).unwrap();
    assert!(matches!(PoolError::of_write(error), PoolError::Full { .. }));
    drop(staging);
    assert_eq!(pool.room_bytes().unwrap(), CAPACITY_BYTES);
    let too_large = vec![0_u8; (CAPACITY_BYTES + 1) as usize];
    assert!(matches!(pool.keep(Kind::Blob, &too_large), Err(PoolError::Full { .. })));
}

fn what_is_removed_is_gone(room: &Path, make: &Make) {
    let pool = make(room);
    let digest = pool.keep(Kind::Blob, b"soon gone").unwrap();
    pool.remove(Kind::Blob, &digest).unwrap();
    assert!(pool.open(Kind::Blob, &digest).unwrap().is_none());
    assert!(pool.read(Kind::Blob, &digest, 0, 1).unwrap().is_none());
    pool.remove(Kind::Blob, &digest).unwrap();
    pool.remove(Kind::Pack, &Digest::of(b"never there")).unwrap();
    assert_eq!(pool.keep(Kind::Blob, b"soon gone").unwrap(), digest);
    assert_eq!(all_of(&*pool, Kind::Blob, &digest).unwrap(), b"soon gone");
}

fn the_list_is_what_is_kept(room: &Path, make: &Make) {
    let pool = make(room);
    let mut expected: Vec<(Digest, u64)> = (0..300_usize)
        .map(|n| (pool.keep(Kind::Blob, &vec![b'x'; n]).unwrap(), n as u64))
        .collect();
    pool.keep(Kind::Pack, b"elsewhere").unwrap();
    let listed = pool.list(Kind::Blob).unwrap();
    assert!(listed.iter().all(|one| one.written_at > 0));
    let mut found: Vec<_> = listed.iter().map(|one| (one.digest, one.size_bytes)).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

fn many_threads_keep_the_same_and_different_bytes(room: &Path, make: &Make) {
    let pool = make(room);
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let pool = &*pool;
            scope.spawn(move || {
                for round in 0..10_u8 {
                    pool.keep(Kind::Blob, &[round]).unwrap();
                    pool.keep(Kind::Blob, &[round, thread]).unwrap();
                }
            });
        }
    });
    assert_eq!(pool.list(Kind::Blob).unwrap().len(), 10 + 80);
}

fn nothing_at_all_can_be_kept(room: &Path, make: &Make) {
    let pool = make(room);
    let digest = pool.keep(Kind::Blob, b"").unwrap();
    assert_eq!(all_of(&*pool, Kind::Blob, &digest).unwrap(), b"");
}

fn sealed(all: &[&[u8]]) -> Vec<Sealed> {
    all.iter().map(|bytes| Sealed::of(bytes.to_vec().into())).collect()
}

fn many_are_kept_together(room: &Path, make: &Make) {
    let pool = make(room);
    let there = pool.keep(Kind::Blob, b"there before").unwrap();
    let bytes: Vec<Vec<u8>> = (0..600_u32).map(|n| n.to_be_bytes().repeat(50)).collect();
    let mut all: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
    all.extend([&b"there before"[..], b"", b"twice", b"twice"]);
    let all = sealed(&all);
    pool.keep_all(Kind::Blob, &all).unwrap();
    for one in &all {
        assert_eq!(all_of(&*pool, Kind::Blob, &one.digest()).unwrap(), one.bytes().as_ref());
    }
    assert_eq!(pool.list(Kind::Blob).unwrap().len(), 600 + 3);
    assert!(all_of(&*pool, Kind::Pack, &there).is_none());
    pool.keep_all(Kind::Blob, &all).unwrap();
    pool.keep_all(Kind::Blob, &[]).unwrap();
    pool.keep_all(Kind::Pack, &sealed(&[b"there before"])).unwrap();
    assert_eq!(all_of(&*pool, Kind::Pack, &there).unwrap(), b"there before");
    assert_eq!(pool.list(Kind::Blob).unwrap().len(), 600 + 3);
}

fn many_that_cannot_fit_are_refused_together(_: &Path, make: &Make) {
    // Only the memory pool has a size of its own; the disk's reserve is tested where it can be set.
    let room = TempDir::new().unwrap();
    let pool = make(room.path());
    if pool.room_bytes().unwrap() != CAPACITY_BYTES {
        return;
    }
    let half = |fill| vec![fill; (CAPACITY_BYTES / 2 + 1) as usize];
    let all = sealed(&[&half(1), &half(2)]);
    assert!(matches!(pool.keep_all(Kind::Blob, &all), Err(PoolError::Full { .. })));
    assert!(pool.list(Kind::Blob).unwrap().is_empty());
}

#[test]
fn a_disk_pool_that_was_dropped_holds_all_it_committed() {
    let room = TempDir::new().unwrap();
    let pool = DiskPool::open(room.path(), 0).unwrap();
    let digest = pool.keep(Kind::Blob, b"for good").unwrap();
    let many = sealed(&[b"all", b"of these", b"for good"]);
    pool.keep_all(Kind::Blob, &many).unwrap();
    let unfinished = pool.stage(0).unwrap();
    // As after a kill: nothing is dropped in order.
    std::mem::forget(unfinished);
    std::mem::forget(pool);
    let pool = DiskPool::open(room.path(), 0).unwrap();
    assert_eq!(all_of(&pool, Kind::Blob, &digest).unwrap(), b"for good");
    assert!(
        many.iter()
            .all(|one| all_of(&pool, Kind::Blob, &one.digest()).unwrap() == one.bytes().as_ref())
    );
    let left = std::fs::read_dir(room.path().join("staging")).unwrap().count();
    assert_eq!(left, 0, "opening empties staging");
}

#[test]
fn a_disk_pool_refuses_what_would_eat_into_its_reserve() {
    let room = TempDir::new().unwrap();
    let pool = DiskPool::open(room.path(), u64::MAX).unwrap();
    assert!(matches!(
        pool.keep(Kind::Blob, b"x"),
        Err(PoolError::Full { reserve_bytes: u64::MAX, free_bytes, .. }) if free_bytes > 0
    ));
    let many = sealed(&[b"x", b"y"]);
    assert!(matches!(pool.keep_all(Kind::Blob, &many), Err(PoolError::Full { .. })));
    assert!(pool.list(Kind::Blob).unwrap().is_empty());
    // A rollback needs no more than a pack, and has to go out all the same.
    pool.keep(Kind::Pack, b"x").unwrap();
    assert_eq!(pool.room_bytes().unwrap(), 0);
}

#[test]
fn a_clone_of_a_memory_pool_shares_its_bytes() {
    let pool = MemoryPool::new(100, || 7);
    let digest = pool.clone().keep(Kind::Blob, b"shared").unwrap();
    assert_eq!(all_of(&pool, Kind::Blob, &digest).unwrap(), b"shared");
    assert_eq!(pool.room_bytes().unwrap(), 94);
}
