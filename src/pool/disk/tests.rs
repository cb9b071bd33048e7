//! Behaviour of the disk back end alone: modes, links, and a disk that fails.
#![expect(clippy::disallowed_methods, reason = "looks at the files that the pool keeps")]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

mod bundles;
mod damage;
mod rot;

use super::staging::DiskStaging;
use super::*;
use tempfile::TempDir;

fn open(room: &Path) -> DiskPool {
    DiskPool::open(&room.join("pool"), 0).unwrap()
}

fn path_of(room: &Path, digest: &Digest) -> PathBuf {
    let name = digest.to_string();
    room.join("pool/blobs").join(&name[..2]).join(&name)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn staged_count(room: &Path) -> usize {
    fs::read_dir(room.join("pool/staging")).unwrap().count()
}

/// A staging with another file in its place.
fn staging_on(pool: &DiskPool, file: File) -> DiskStaging {
    let mut staging = DiskStaging::begin(&pool.tree).unwrap();
    staging.file = file;
    staging
}

#[test]
fn opened_for_reading_it_changes_nothing() {
    let room = TempDir::new().unwrap();
    assert!(DiskPool::open_reading(&room.path().join("pool")).is_err());
    assert!(!room.path().join("pool").exists(), "it makes no directory");
    let pool = open(room.path());
    let digest = pool.keep(Kind::Blob, b"bytes").unwrap();
    let under_way = pool.stage(1).unwrap();
    let beside = DiskPool::open_reading(&room.path().join("pool")).unwrap();
    assert_eq!(staged_count(room.path()), 1, "what is under way stays");
    assert_eq!(beside.read(Kind::Blob, &digest, 1, 2).unwrap().unwrap(), b"yt");
    assert!(matches!(beside.stage(1), Err(PoolError::OnlyRead)));
    assert!(matches!(beside.keep(Kind::Pack, b"x"), Err(PoolError::OnlyRead)));
    assert!(matches!(beside.remove(Kind::Blob, &digest), Err(PoolError::OnlyRead)));
    drop(under_way);
    assert!(pool.open(Kind::Blob, &digest).unwrap().is_some());
}

#[test]
fn files_and_directories_have_their_modes() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let mut staging = pool.stage(1).unwrap();
    staging.write_all(b"x").unwrap();
    let staged = room.path().join("pool/staging");
    let staged = fs::read_dir(&staged).unwrap().next().unwrap().unwrap().path();
    assert_eq!(mode(&staged), 0o600);
    let staged = staging.finish().unwrap();
    let digest = staged.digest();
    staged.commit(Kind::Blob).unwrap();
    let path = path_of(room.path(), &digest);
    assert_eq!(mode(&path), 0o640);
    for directory in ["pool", "pool/blobs", "pool/bundles", "pool/packs", "pool/staging"] {
        assert_eq!(mode(&room.path().join(directory)), 0o750, "{directory}");
    }
    assert_eq!(mode(path.parent().unwrap()), 0o750);
    assert_eq!(staged_count(room.path()), 0);
}

#[test]
fn dropped_bytes_leave_no_file() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let staging = pool.stage(0).unwrap();
    let staged = pool.stage(0).unwrap().finish().unwrap();
    assert_eq!(staged_count(room.path()), 2);
    drop(staging);
    drop(staged);
    assert_eq!(staged_count(room.path()), 0);
}

#[test]
fn a_link_at_a_blobs_path_is_not_followed() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let digest = pool.keep(Kind::Blob, b"mine").unwrap();
    let path = path_of(room.path(), &digest);
    let foreign = room.path().join("foreign");
    fs::write(&foreign, b"mine").unwrap();
    fs::remove_file(&path).unwrap();
    symlink(&foreign, &path).unwrap();
    let obstructed = |error| matches!(error, PoolError::Obstructed { .. });
    assert!(pool.open(Kind::Blob, &digest).is_err_and(obstructed));
    assert!(pool.read(Kind::Blob, &digest, 0, 1).is_err_and(obstructed));
    assert!(pool.keep(Kind::Blob, b"mine").is_err_and(obstructed));
    pool.remove(Kind::Blob, &digest).unwrap();
    assert_eq!(fs::read(&foreign).unwrap(), b"mine", "only the link was removed");
    pool.keep(Kind::Blob, b"mine").unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
}

#[test]
fn a_linked_directory_is_not_followed() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let digest = Digest::of(b"elsewhere");
    let path = path_of(room.path(), &digest);
    let foreign = room.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    symlink(&foreign, path.parent().unwrap()).unwrap();
    assert!(pool.keep(Kind::Blob, b"elsewhere").is_err());
    assert!(pool.open(Kind::Blob, &digest).is_err());
    assert_eq!(fs::read_dir(&foreign).unwrap().count(), 0);
}

#[test]
fn a_pipe_at_a_blobs_path_does_not_hang_the_reader() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let digest = pool.keep(Kind::Blob, b"a pipe").unwrap();
    let path = path_of(room.path(), &digest);
    fs::remove_file(&path).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, mode, 0).unwrap();
    assert!(matches!(pool.open(Kind::Blob, &digest), Err(PoolError::Obstructed { .. })));
}

#[test]
fn files_of_other_names_are_not_listed() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let digest = pool.keep(Kind::Blob, b"listed").unwrap();
    let path = path_of(room.path(), &digest);
    fs::write(path.with_file_name("README"), b"?").unwrap();
    let elsewhere = Digest::of(b"in the wrong directory");
    assert_ne!(elsewhere.to_string()[..2], digest.to_string()[..2]);
    fs::write(path.with_file_name(elsewhere.to_string()), b"?").unwrap();
    let listed = pool.list(Kind::Blob).unwrap();
    assert_eq!(listed.iter().map(|one| one.digest).collect::<Vec<_>>(), [digest]);
}

#[test]
fn bringing_the_same_bytes_makes_them_young_again() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let digest = pool.keep(Kind::Blob, b"old").unwrap();
    let file = File::open(path_of(room.path(), &digest)).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(5)).unwrap();
    assert_eq!(pool.list(Kind::Blob).unwrap()[0].written_at, 5);
    pool.keep(Kind::Blob, b"old").unwrap();
    assert!(pool.list(Kind::Blob).unwrap()[0].written_at > 1_700_000_000);
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut staging = staging_on(&pool, full);
    let error = staging.write_all(b"no room").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(matches!(PoolError::of_write(error), PoolError::Full { .. }));
    assert!(Box::new(staging).finish().is_err(), "what failed once cannot be finished");
    assert_eq!(staged_count(room.path()), 0);
    pool.keep(Kind::Blob, b"room again").unwrap();
}

#[test]
fn the_reserve_is_looked_at_again_while_writing() {
    let room = TempDir::new().unwrap();
    let path = room.path().join("pool");
    let free_bytes = open(room.path()).room_bytes().unwrap();
    // Other programs use this disk too, so the reserve is well above anything they may free.
    let pool = DiskPool::open(&path, free_bytes.saturating_mul(2)).unwrap();
    let mut staging = DiskStaging::begin(&pool.tree).unwrap();
    let part = vec![0_u8; 1 << 20];
    let taken = (0..100).take_while(|_| staging.write_all(&part).is_ok()).count();
    assert_eq!(taken, 16);
    let error = PoolError::of_write(staging.write_all(&part).unwrap_err());
    assert!(matches!(error, PoolError::Full { .. }), "{error}");
}

/// Asserts that the pool still takes bytes, and says so.
fn assert_goes_on(pool: &DiskPool, kept: &Digest) {
    assert!(pool.stopped().is_none());
    let more = pool.keep(Kind::Pack, b"more").unwrap();
    assert_eq!(pool.read(Kind::Pack, &more, 0, 4).unwrap().unwrap(), b"more");
    assert!(pool.open(Kind::Blob, kept).unwrap().is_some());
}

#[test]
fn a_failed_write_harms_only_its_file() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let kept = pool.keep(Kind::Blob, b"kept").unwrap();
    let unwritable = File::open("/dev/null").unwrap();
    let mut staging = staging_on(&pool, unwritable);
    assert!(staging.write_all(b"x").is_err());
    assert!(Box::new(staging).finish().is_err(), "what failed once cannot be finished");
    assert_goes_on(&pool, &kept);
}

/// Something with the length of an empty file that cannot be synced.
fn unsyncable() -> File {
    let (_reader, writer) = std::io::pipe().unwrap();
    File::from(std::os::fd::OwnedFd::from(writer))
}

#[test]
fn a_failed_sync_harms_only_its_file() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let kept = pool.keep(Kind::Blob, b"kept").unwrap();
    let other = pool.stage(0).unwrap();
    let staged = Box::new(staging_on(&pool, unsyncable())).finish().unwrap();
    let digest = staged.digest();
    let error = staged.commit(Kind::Blob).unwrap_err();
    assert!(matches!(&error, PoolError::Io { action, .. } if action.contains("sync")), "{error}");
    assert!(pool.open(Kind::Blob, &digest).unwrap().is_none());
    other.finish().unwrap().commit(Kind::Blob).unwrap();
    assert_goes_on(&pool, &kept);
}

#[test]
fn while_the_disk_takes_nothing_the_pool_refuses_and_then_it_goes_on_by_itself() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let kept = pool.keep(Kind::Blob, b"kept").unwrap();
    let other = pool.stage(0).unwrap();
    let staged = Box::new(staging_on(&pool, unsyncable())).finish().unwrap();
    // A directory where the file of an attempt must be.
    let obstacle = room.path().join("pool/staging/.probe.new");
    fs::create_dir(&obstacle).unwrap();
    assert!(staged.commit(Kind::Blob).is_err());
    let stopped = |error| {
        let said: Option<&rustix::io::Errno> = crate::cause::find(&error);
        matches!(error, PoolError::Stopped(_)) && said.is_some()
    };
    assert!(pool.stage(0).is_err_and(stopped) && pool.stopped().is_some_and(stopped));
    assert!(pool.keep(Kind::Pack, b"more").is_err_and(stopped));
    assert!(other.finish().is_err_and(stopped));
    assert_eq!(pool.read(Kind::Blob, &kept, 0, 4).unwrap().unwrap(), b"kept");
    fs::remove_dir(&obstacle).unwrap();
    while pool.stopped().is_some() {
        std::thread::sleep(std::time::Duration::from_millis(50));
        pool.try_again();
    }
    assert_goes_on(&pool, &kept);
}

/// The inode of a stored blob.
fn inode(room: &Path, digest: &Digest) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&fs::metadata(path_of(room, digest)).unwrap())
}

#[test]
fn a_name_whose_sync_failed_is_written_anew_and_not_relied_on() {
    for together in [true, false] {
        let room = TempDir::new().unwrap();
        let mut pool = open(room.path());
        let tree = Arc::get_mut(&mut pool.tree).unwrap();
        Arc::get_mut(&mut tree.volume).unwrap().together = together;
        let all = sealed(&[b"one", b"two"]);
        pool.keep_all(Kind::Blob, &all).unwrap();
        let before = all.iter().map(|one| inode(room.path(), &one.digest())).collect::<Vec<_>>();
        let digests = all.iter().map(Sealed::digest).collect::<Vec<_>>();
        let lost =
            Err(pool.tree.volume.unsynced("sync of directories", rustix::io::Errno::IO.into()));
        assert!(pool.tree.volume.names.settle(Kind::Blob, &digests, lost).is_err());
        // One comes alone, and both come together.
        pool.keep(Kind::Blob, b"one").unwrap();
        let alone = inode(room.path(), &digests[0]);
        assert_ne!(alone, before[0]);
        pool.keep_all(Kind::Blob, &all).unwrap();
        assert_eq!(inode(room.path(), &digests[0]), alone, "it was known to be there");
        assert_ne!(inode(room.path(), &digests[1]), before[1]);
        assert_eq!(staged_count(room.path()), 0);
    }
}

#[test]
fn a_failed_rename_harms_only_its_file() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let kept = pool.keep(Kind::Blob, b"kept").unwrap();
    let staged = pool.stage(0).unwrap().finish().unwrap();
    let staging = fs::read_dir(room.path().join("pool/staging")).unwrap();
    staging.for_each(|entry| fs::remove_file(entry.unwrap().path()).unwrap());
    let error = staged.commit(Kind::Blob).unwrap_err();
    assert!(matches!(&error, PoolError::Io { action, .. } if action == "rename"), "{error}");
    assert_goes_on(&pool, &kept);
}

#[test]
fn opening_makes_missing_directories_and_empties_staging() {
    let room = TempDir::new().unwrap();
    let path = room.path().join("a/b/pool");
    drop(DiskPool::open(&path, 0).unwrap());
    fs::write(path.join("staging/left"), b"over").unwrap();
    symlink("/etc/passwd", path.join("staging/link")).unwrap();
    drop(DiskPool::open(&path, 0).unwrap());
    assert_eq!(fs::read_dir(path.join("staging")).unwrap().count(), 0);
    assert!(DiskPool::open(&room.path().join("a/b/pool/staging/../../file"), 0).is_ok());
    fs::write(room.path().join("file"), b"").unwrap();
    assert!(matches!(DiskPool::open(&room.path().join("file"), 0), Err(PoolError::Io { .. })));
}

fn sealed(all: &[&[u8]]) -> Vec<Sealed> {
    all.iter().map(|bytes| Sealed::of(bytes.to_vec().into())).collect()
}

#[test]
fn many_are_kept_with_one_sync_or_with_one_each() {
    for together in [true, false] {
        let room = TempDir::new().unwrap();
        let mut pool = open(room.path());
        let tree = Arc::get_mut(&mut pool.tree).unwrap();
        Arc::get_mut(&mut tree.volume).unwrap().together = together;
        let all = sealed(&[b"one", b"two", b"three"]);
        pool.keep_all(Kind::Blob, &all).unwrap();
        for one in &all {
            let path = path_of(room.path(), &one.digest());
            assert_eq!(fs::read(&path).unwrap(), one.bytes().as_ref());
            assert_eq!(mode(&path), 0o640);
        }
        assert_eq!(staged_count(room.path()), 0);
    }
}

#[test]
fn of_many_none_gets_its_name_when_a_directory_fails() {
    let room = TempDir::new().unwrap();
    let pool = open(room.path());
    let all = sealed(&[b"one", b"two", b"three"]);
    // A file is where the directory of the last blob must be.
    let path = path_of(room.path(), &all[2].digest());
    fs::write(path.parent().unwrap(), b"in the way").unwrap();
    assert!(pool.keep_all(Kind::Blob, &all).is_err());
    assert_eq!(staged_count(room.path()), 0);
    fs::remove_file(path.parent().unwrap()).unwrap();
    assert!(pool.list(Kind::Blob).unwrap().is_empty());
    pool.keep_all(Kind::Blob, &all).unwrap();
    assert_eq!(pool.list(Kind::Blob).unwrap().len(), 3);
}
