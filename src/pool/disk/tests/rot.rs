//! Stored bytes that rot: they are not given out, and sound bytes that are sent take their place.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::bundles::{assert_whole, bundles_of, numbered};
use super::*;

/// Changes the bytes of a file.
fn edit(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    edit(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn is_damaged(pool: &DiskPool, kind: Kind, digest: &Digest) -> bool {
    let damaged = |error: PoolError| matches!(error, PoolError::Damaged { .. });
    let all = [
        pool.open(kind, digest).is_err_and(damaged),
        pool.read(kind, digest, 0, 1).is_err_and(damaged),
        pool.verify(kind, digest).is_err_and(damaged),
        pool.scrub(kind, digest, &|_| true).is_err_and(damaged),
    ];
    assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
    all[0]
}

#[test]
fn rotten_bytes_are_not_read_and_sound_ones_take_their_place() {
    let edits: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes[9] ^= 1,
        |bytes| bytes.truncate(5),
        |bytes| bytes.push(0),
        |bytes| bytes.clear(),
    ];
    for (rot, reopened) in edits.into_iter().flat_map(|one| [(one, false), (one, true)]) {
        for kind in [Kind::Blob, Kind::Pack] {
            let room = TempDir::new().unwrap();
            let mut pool = open(room.path());
            let digest = pool.keep(kind, b"0123456789").unwrap();
            assert!(!is_damaged(&pool, kind, &digest));
            let folder = if kind == Kind::Blob { "blobs" } else { "packs" };
            let name = digest.to_string();
            edit(&room.path().join("pool").join(folder).join(&name[..2]).join(&name), rot);
            if reopened {
                drop(pool);
                pool = open(room.path());
            }
            assert!(is_damaged(&pool, kind, &digest));
            pool.keep(Kind::Blob, b"others go on").unwrap();
            pool.keep(kind, b"0123456789").unwrap();
            assert!(!is_damaged(&pool, kind, &digest));
            assert_eq!(pool.read(kind, &digest, 2, 3).unwrap().unwrap(), b"234");
            assert_eq!(pool.verify(kind, &digest).unwrap(), Some(10));
        }
    }
}

#[test]
fn of_many_that_are_sent_rotten_ones_are_replaced() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let all = sealed(&[b"one", b"two"]);
    let path = path_of(room.path(), &all[1].digest());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, b"of another size").unwrap();
    assert!(is_damaged(&pool, Kind::Blob, &all[1].digest()));
    pool.keep_all(Kind::Blob, &all).unwrap();
    assert_whole(&pool, &all);
    assert_eq!(fs::read(&path).unwrap(), b"two");
}

#[test]
fn a_rotten_package_of_a_bundle_is_replaced_however_it_is_sent() {
    for together in [true, false] {
        let room = TempDir::new().unwrap();
        let pool = open(room.path());
        let all = numbered(60..120);
        pool.keep_all(Kind::Blob, &all).unwrap();
        assert_whole(&pool, &all);
        let last = all.iter().max_by_key(|one| one.digest()).unwrap();
        edit(&bundles_of(room.path()).remove(0), |bytes| *bytes.last_mut().unwrap() ^= 1);
        assert!(is_damaged(&pool, Kind::Blob, &last.digest()));
        assert_whole(&pool, all.iter().filter(|one| one.digest() != last.digest()));
        match together {
            true => pool.keep_all(Kind::Blob, &all).unwrap(),
            false => drop(pool.keep(Kind::Blob, last.bytes()).unwrap()),
        }
        assert_whole(&pool, &all);
        drop(pool);
        assert_whole(&open(room.path()), &all);
    }
}

#[test]
fn a_file_that_was_touched_or_copied_back_is_sound() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let digest = pool.keep(Kind::Blob, b"0123456789").unwrap();
    let path = path_of(room.path(), &digest);
    let copy = fs::read(&path).unwrap();
    edit(&path, |bytes| bytes[0] = b'x');
    assert!(is_damaged(&pool, Kind::Blob, &digest));
    fs::write(&path, copy).unwrap();
    assert!(!is_damaged(&pool, Kind::Blob, &digest));
    fs::File::open(&path).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert!(!is_damaged(&pool, Kind::Blob, &digest));
}

#[test]
fn rot_that_the_inode_does_not_show_is_found_by_another_look() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let digest = pool.keep(Kind::Blob, b"0123456789").unwrap();
    let path = path_of(room.path(), &digest);
    edit(&path, |bytes| bytes[0] = b'x');
    // As if the file were as it was written.
    let stat = rustix::fs::stat(&path).unwrap();
    type Look = fn(&DiskPool, &Digest) -> Result<Option<u64>, PoolError>;
    let looks: [Look; 2] = [
        |pool, digest| pool.verify(Kind::Blob, digest),
        |pool, digest| pool.scrub(Kind::Blob, digest, &|_| true),
    ];
    for look in looks {
        pool.tree.verified.written(Kind::Blob, &digest, &stat);
        assert!(pool.open(Kind::Blob, &digest).unwrap().is_some());
        assert!(matches!(look(&pool, &digest), Err(PoolError::Damaged { .. })));
        assert!(is_damaged(&pool, Kind::Blob, &digest));
    }
}
