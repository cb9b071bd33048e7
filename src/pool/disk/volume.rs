//! The volume: the file system under a pool. It has the staging directory, the free space, the
//! syncs that make writes durable, and whether writes are allowed.

use crate::cause::Cause;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::io::Errno;

use super::handles::{io_error, is_scarce};
use super::names::Names;
use super::syncs::{Mark, Syncs};
use crate::pool::PoolError;
use crate::reserve::{self, Room};
use crate::writable::Writable;

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
    writable: Writable,
    /// Names that nobody may rely on.
    pub(super) names: Names,
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
            writable: Writable::default(),
            names: Names::default(),
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
            writable: Writable::default(),
            names: Names::default(),
        }
    }

    pub(super) fn is_only_read(&self) -> bool {
        self.only_read
    }

    pub(super) fn staging(&self) -> &OwnedFd {
        &self.staging
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

    /// How much can still be stored: nothing where no file can be made. Unit: bytes.
    pub(super) fn room_bytes(&self) -> Result<u64, PoolError> {
        match self.has_no_inodes() {
            true => Ok(0),
            false => Ok(self.free_bytes()?.saturating_sub(self.reserve_bytes)),
        }
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

    /// Refuses while the disk takes nothing, see [`Writable::expect`].
    pub(super) fn expect_writable(&self) -> Result<(), PoolError> {
        self.expect_removable()?;
        self.writable.expect(&self.staging).map_err(PoolError::Stopped)
    }

    /// See [`Pool::stopped`](crate::pool::Pool::stopped).
    pub(super) fn stopped(&self) -> Option<PoolError> {
        self.writable.stopped().map(PoolError::Stopped)
    }

    /// Removing is allowed after a failed sync, but not in a pool that was opened for reading.
    pub(super) fn expect_removable(&self) -> Result<(), PoolError> {
        if self.only_read { Err(PoolError::OnlyRead) } else { Ok(()) }
    }

    /// What was done with a file that is still in staging failed: nothing else is harmed.
    pub(super) fn failed(&self, action: &str, source: io::Error) -> PoolError {
        match Errno::from_io_error(&source) {
            Some(Errno::NOSPC | Errno::DQUOT) => self.full(),
            Some(errno) => io_error(action.to_owned(), errno),
            None => PoolError::Io { action: action.to_owned(), source },
        }
    }

    /// A sync failed: whoever asked for it relies on nothing that it was for. A full disk, and a process
    /// that may open no more, are no reason to ask whether the disk takes anything.
    pub(super) fn unsynced(&self, action: &str, source: io::Error) -> PoolError {
        let errno = Errno::from_io_error(&source);
        let alone = |errno| matches!(errno, Errno::NOSPC | Errno::DQUOT) || is_scarce(errno);
        if !errno.is_some_and(alone) {
            let why =
                errno.map_or_else(|| action.into(), |errno| Cause::while_doing(action, errno));
            self.writable.sync_failed(&self.staging, why);
        }
        self.failed(action, source)
    }
}

/// File systems whose `syncfs` reports errors, by their magic numbers: ext4, XFS, btrfs. Others may
/// do so too; an overlay does not.
const REPORTING: [i64; 3] = [0xef53, 0x5846_5342, 0x9123_683e];

/// The first Linux whose `syncfs` reports all errors: from 5.8 on those of data, from 5.17 on those of the journal
/// as well.
const REPORTING_SINCE: (u32, u32) = (5, 17);

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
