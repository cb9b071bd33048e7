//! Damaged bundles, and a pool that cannot write.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tempfile::TempDir;

use super::super::bundle::table_bytes;
use super::bundles::{assert_whole, bundles_of, numbered, opened};
use super::*;

/// A pool with two bundles of 60 blobs each, and the path of the first.
fn two_bundles() -> (TempDir, DiskPool, [Vec<Sealed>; 2], PathBuf) {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let both = [numbered(60..120), numbered(200..260)];
    pool.keep_all(Kind::Blob, &both[0]).unwrap();
    let path = bundles_of(room.path()).remove(0);
    pool.keep_all(Kind::Blob, &both[1]).unwrap();
    (room, pool, both, path)
}

#[test]
fn a_damaged_bundle_is_left_alone_and_comes_back_with_its_packages() {
    let edits: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes[0] ^= 1,
        |bytes| bytes[11] ^= 1,
        |bytes| bytes[50] ^= 1,
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| bytes.truncate(5),
    ];
    for edit in edits {
        let (room, pool, [all, others], path) = two_bundles();
        drop(pool);
        let mut bytes = fs::read(&path).unwrap();
        edit(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        let pool = open(room.path());
        assert_whole(&pool, &others);
        assert!(all.iter().all(|one| opened(&pool, &one.digest()).is_none()));
        assert_eq!(fs::read(&path).unwrap(), bytes);
        pool.keep_all(Kind::Blob, &all).unwrap();
        assert_whole(&pool, &all);
    }
}

#[test]
fn a_table_that_rots_while_the_pool_is_open_gives_no_bytes_of_a_neighbour() {
    let (room, pool, [all, others], path) = two_bundles();
    let mut ordered = all.clone();
    ordered.sort_unstable_by_key(Sealed::digest);
    let whole = fs::read(&path).unwrap();
    for number in [0, 5] {
        let mut bytes = whole.clone();
        // The last byte of its offset.
        bytes[table_bytes(number) + 35] ^= 4;
        fs::write(&path, &bytes).unwrap();
        let shifted = pool.open(Kind::Blob, &ordered[number].digest());
        assert!(matches!(shifted, Err(PoolError::Damaged { .. })), "{number}");
        assert_whole(&pool, &ordered[number + 2..]);
    }
    // A truncated bundle affects neither a sweep nor other files; a package that is sent alone is
    // there again.
    fs::write(&path, &whole[..30]).unwrap();
    assert_eq!(pool.list(Kind::Blob).unwrap().len(), others.len());
    pool.remove(Kind::Blob, &ordered[3].digest()).unwrap();
    assert_whole(&pool, &others);
    fs::remove_file(&path).unwrap();
    pool.keep(Kind::Blob, ordered[9].bytes()).unwrap();
    assert_whole(&pool, [&ordered[9]]);
    // Something that is no file does not stop the start.
    drop(pool);
    symlink("/etc/passwd", &path).unwrap();
    let pool = open(room.path());
    assert_whole(&pool, others.iter().chain([&ordered[9]]));
}

#[test]
fn damaged_bytes_do_not_move_under_a_name_that_says_otherwise() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let all = numbered(60..180);
    pool.keep_all(Kind::Blob, &all).unwrap();
    let path = bundles_of(room.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let mut ordered: Vec<_> = all.iter().map(Sealed::digest).collect();
    ordered.sort_unstable();
    ordered[..100].iter().for_each(|digest| pool.remove(Kind::Blob, digest).unwrap());
    assert_eq!(fs::read(&path).unwrap(), bytes, "it is kept as it is");
    assert_eq!(pool.list(Kind::Blob).unwrap().len(), 20);
}

#[test]
fn what_cannot_move_stays_where_it_is() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let all = numbered(60..180);
    pool.keep_all(Kind::Blob, &all).unwrap();
    let (gone, left) = all.split_at(70);
    // Nothing can be staged: the directory that the pool holds open was removed.
    let staging = room.path().join("pool/staging");
    fs::remove_dir(&staging).unwrap();
    gone.iter().for_each(|one| pool.remove(Kind::Blob, &one.digest()).unwrap());
    assert!(gone.iter().all(|one| opened(&pool, &one.digest()).is_none()));
    assert_whole(&pool, left);
    assert_eq!(pool.list(Kind::Blob).unwrap().len(), left.len());
}
