//! The volume: the file system under a pool. It has the staging directory, the free space, the
//! syncs that make writes durable, and whether writes are allowed.

use crate::cause::Cause;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use rustix::io::Errno;

use super::handles::{io_error, is_scarce};
use super::syncs::{Mark, Syncs};
use crate::pool::PoolError;
use crate::reserve::{self, Room};

/// What all writes to a pool have in common.
pub(super) struct Volume {
    staging: OwnedFd,
    /// The pool, for people.
    place: PathBuf,
    reserve_bytes: u64,
    /// Whether one sync of the file system reports every failed write.
    pub(super) together: bool,
    only_read: bool,
    /// Held while many files are made or renamed: the kernel allows one thread at a time in a
    /// directory, and waiting threads spin.
    pub(super) crowd: Mutex<()>,
    syncs: Syncs,
    stopped: OnceLock<Cause>,
}

impl Volume {
    /// The volume of a pool that is written to.
    pub(super) fn writable(staging: OwnedFd, place: &Path, reserve_bytes: u64) -> Self {
        Self {
            together: tells_of_failed_writes(&staging),
            staging,
            place: place.to_path_buf(),
            reserve_bytes,
            only_read: false,
            crowd: Mutex::default(),
            syncs: Syncs::default(),
            stopped: OnceLock::new(),
        }
    }

    /// A volume that refuses every write.
    pub(super) fn only_read(staging: OwnedFd) -> Self {
        Self {
            together: false,
            staging,
            place: PathBuf::new(),
            reserve_bytes: 0,
            only_read: true,
            crowd: Mutex::default(),
            syncs: Syncs::default(),
            stopped: OnceLock::from(Cause::from(ONLY_READ)),
        }
    }

    pub(super) fn is_only_read(&self) -> bool {
        self.only_read
    }

    pub(super) fn staging(&self) -> &OwnedFd {
        &self.staging
    }

    pub(super) fn reserve_bytes(&self) -> u64 {
        self.reserve_bytes
    }

    /// Whether [`Volume::sync_all`] can replace a sync for each file.
    pub(super) fn syncs_together(&self) -> bool {
        self.together
    }

    /// Makes everything durable that was written to the file system so far. It reports every write
    /// since `mark` that failed, because its handle was opened with the pool.
    pub(super) fn sync_all(&self, mark: Mark) -> io::Result<()> {
        self.syncs.sync(mark, || rustix::fs::syncfs(&self.staging))
    }

    /// Must be taken before the first write that [`Volume::sync_all`] is to make durable.
    pub(super) fn mark(&self) -> Mark {
        self.syncs.mark()
    }

    /// How much an unprivileged user may still write to the file system. Unit: bytes.
    pub(super) fn free_bytes(&self) -> Result<u64, PoolError> {
        let space = rustix::fs::fstatvfs(&self.staging)
            .map_err(|error| io_error("measure free space".into(), error))?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    /// Refuses when `more_bytes` would reach into the reserve, or no file can be made.
    pub(super) fn weigh(&self, more_bytes: u64) -> Result<(), PoolError> {
        let free_bytes = self.free_bytes()?;
        if self.has_no_inodes() || free_bytes < self.reserve_bytes.saturating_add(more_bytes) {
            return Err(self.full());
        }
        Ok(())
    }

    fn has_no_inodes(&self) -> bool {
        Room::of_open(&self.staging).is_some_and(Room::has_no_inodes)
    }

    /// What the file system has no room for.
    fn full(&self) -> PoolError {
        if self.has_no_inodes() {
            return PoolError::NoInodes(reserve::lack(&self.place));
        }
        PoolError::Full {
            place: self.place.display().to_string(),
            free_bytes: self.free_bytes().unwrap_or_default(),
            reserve_bytes: self.reserve_bytes,
        }
    }

    /// Refuses once [`Volume::stop`] was called.
    pub(super) fn expect_writable(&self) -> Result<(), PoolError> {
        self.stopped.get().map_or(Ok(()), |cause| Err(PoolError::Stopped(cause.clone())))
    }

    /// Removing is allowed after a failed sync, but not in a pool that was opened for reading.
    pub(super) fn expect_removable(&self) -> Result<(), PoolError> {
        if self.only_read { self.expect_writable() } else { Ok(()) }
    }

    /// What was done with a file that is still in staging failed: nothing else is harmed.
    pub(super) fn failed(&self, action: &str, source: io::Error) -> PoolError {
        match Errno::from_io_error(&source) {
            Some(Errno::NOSPC | Errno::DQUOT) => self.full(),
            Some(errno) => io_error(action.to_owned(), errno),
            None => PoolError::Io { action: action.to_owned(), source },
        }
    }

    /// A sync of a file that is still in staging, or of a new directory, failed. A full disk harms only
    /// that file, and so does a process that may open no more; any other error stops all writing.
    pub(super) fn unsynced(&self, action: &str, source: io::Error) -> PoolError {
        let alone = |errno| matches!(errno, Errno::NOSPC | Errno::DQUOT) || is_scarce(errno);
        match Errno::from_io_error(&source).is_some_and(alone) {
            true => self.failed(action, source),
            false => self.stop(action, source),
        }
    }

    /// Stops all writing, whatever the error. It is for files that were renamed already: even after
    /// a full disk it is unknown what a crash would leave, and a second sync would not report it.
    pub(super) fn stop(&self, action: &str, source: io::Error) -> PoolError {
        // The first failure is the one worth reporting.
        let _ = self.stopped.set(match Errno::from_io_error(&source) {
            Some(errno) => Cause::with(action, errno),
            None => action.into(),
        });
        PoolError::Io { action: action.to_owned(), source }
    }
}

/// Why nothing is written to a pool that was opened for reading.
const ONLY_READ: &str = "opening: it was opened for reading only";

/// File systems whose `syncfs` reports errors, by their magic numbers: ext4, XFS, btrfs. Others may
/// do so too; an overlay does not.
const REPORTING: [i64; 3] = [0xef53, 0x5846_5342, 0x9123_683e];

/// The first Linux whose `syncfs` reports errors.
const REPORTING_SINCE: (u32, u32) = (5, 8);

fn tells_of_failed_writes(staging: &OwnedFd) -> bool {
    let system = rustix::fs::fstatfs(staging);
    let telling = system.is_ok_and(|system| REPORTING.contains(&system.f_type));
    telling && kernel().is_some_and(|version| version >= REPORTING_SINCE)
}

#[expect(clippy::disallowed_methods, reason = "asks the kernel for its version")]
fn kernel() -> Option<(u32, u32)> {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let mut parts = text.split(['.', '-', '\n']).map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}
