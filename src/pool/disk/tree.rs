//! The directories of a disk pool, held open, and whether they may still be written to.

use std::ffi::CString;
use std::fs::DirBuilder;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::bundles::Bundles;
use super::shelf::{Found, Shelf};
use super::syncs::{Mark, Syncs};
use crate::digest::Digest;
use crate::pool::{Kind, PoolError};

/// Files are for the owner to write and for the group to read.
pub(super) const FILE_MODE: Mode = Mode::from_raw_mode(0o640);
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o750);

/// A pool's directories. Everything below them is opened through them, never by a whole path.
pub(super) struct Tree {
    blobs: Shelf,
    packs: Shelf,
    pub(super) bundles: Bundles,
    staging: OwnedFd,
    reserve_bytes: u64,
    /// Whether one sync of the file system tells of every write that failed.
    pub(super) together: bool,
    only_read: bool,
    /// Held while many files are made or renamed: the kernel lets one at a time into a directory, and
    /// those who wait there burn a core.
    pub(super) crowd: Mutex<()>,
    syncs: Syncs,
    stopped: OnceLock<String>,
}

impl Tree {
    pub(super) fn open(path: &Path, reserve_bytes: u64) -> Result<Self, PoolError> {
        let at = |name: &str| format!("open {}", path.join(name).display());
        let root = open_root(path).map_err(|source| PoolError::Io { action: at(""), source })?;
        let child = |name| directory(&root, name).map_err(|error| io_error(at(name), error));
        let (blobs, packs, staging) = (child("blobs")?, child("packs")?, child("staging")?);
        let bundles = Shelf::open("bundles", Kind::Blob, child("bundles")?)?;
        // What lies in one counts as durable from here on.
        bundles.sync_names()?;
        empty(&staging).map_err(|error| io_error(format!("empty {}", at("staging")), error))?;
        rustix::fs::fsync(&root).map_err(|error| io_error("sync the pool".into(), error))?;
        let together = tells_of_failed_writes(&staging);
        Ok(Self {
            blobs: Shelf::open("blobs", Kind::Blob, blobs)?,
            packs: Shelf::open("packs", Kind::Pack, packs)?,
            bundles: Bundles::open(bundles)?,
            staging,
            reserve_bytes,
            together,
            only_read: false,
            crowd: Mutex::default(),
            syncs: Syncs::default(),
            stopped: OnceLock::new(),
        })
    }

    /// Opens what is there and changes none of it; nothing can be written through it.
    pub(super) fn open_reading(path: &Path) -> Result<Self, PoolError> {
        let child = |name: &str| {
            rustix::fs::openat(CWD, path.join(name), DIRECTORY, Mode::empty())
                .map_err(|error| io_error(format!("open {}", path.join(name).display()), error))
        };
        let stopped = OnceLock::from(ONLY_READ.to_owned());
        Ok(Self {
            blobs: Shelf::open("blobs", Kind::Blob, child("blobs")?)?,
            packs: Shelf::open("packs", Kind::Pack, child("packs")?)?,
            bundles: Bundles::open(Shelf::open("bundles", Kind::Blob, child("bundles")?)?)?,
            staging: child("staging")?,
            reserve_bytes: 0,
            together: false,
            only_read: true,
            crowd: Mutex::default(),
            syncs: Syncs::default(),
            stopped,
        })
    }

    pub(super) fn shelf(&self, kind: Kind) -> &Shelf {
        match kind {
            Kind::Blob => &self.blobs,
            Kind::Pack => &self.packs,
        }
    }

    /// Opens stored bytes, wherever they lie.
    pub(super) fn find(&self, kind: Kind, digest: &Digest) -> Result<Option<Found>, PoolError> {
        let look = || match kind {
            Kind::Blob => match self.bundles.find(digest) {
                Ok(Some(found)) => Ok(Some(found)),
                // A sound copy may lie alone.
                other => {
                    self.blobs.find(digest).and_then(|found| found.map_or(other, |f| Ok(Some(f))))
                }
            },
            Kind::Pack => self.packs.find(digest),
        };
        let mut found = look()?;
        if self.only_read && kind == Kind::Blob {
            // The server beside which this one reads may have moved it, and again while the tables are read.
            for _ in 0..READINGS {
                if found.is_some() {
                    break;
                }
                self.bundles.reload()?;
                found = look()?;
            }
        }
        Ok(found)
    }

    pub(super) fn staging(&self) -> &OwnedFd {
        &self.staging
    }

    pub(super) fn reserve_bytes(&self) -> u64 {
        self.reserve_bytes
    }

    /// Whether [`Tree::sync_all`] can take the place of a sync for each file.
    pub(super) fn syncs_together(&self) -> bool {
        self.together
    }

    /// Makes all durable that was written to the file system so far. It tells of every write since `mark`
    /// that failed, for the handle is as old as the pool.
    pub(super) fn sync_all(&self, mark: Mark) -> io::Result<()> {
        self.syncs.sync(mark, || rustix::fs::syncfs(&self.staging))
    }

    /// To be taken before the first write that [`Tree::sync_all`] is to make durable.
    pub(super) fn mark(&self) -> Mark {
        self.syncs.mark()
    }

    /// What an ordinary owner may still write to the file system. Unit: bytes.
    pub(super) fn free_bytes(&self) -> Result<u64, PoolError> {
        let space = rustix::fs::fstatvfs(&self.staging)
            .map_err(|error| io_error("measure free space".into(), error))?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    /// Refuses when `more_bytes` would reach into the reserve.
    pub(super) fn weigh(&self, more_bytes: u64) -> Result<(), PoolError> {
        let free_bytes = self.free_bytes()?;
        if free_bytes < self.reserve_bytes.saturating_add(more_bytes) {
            return Err(PoolError::Full { free_bytes, reserve_bytes: self.reserve_bytes });
        }
        Ok(())
    }

    /// Refuses once [`Tree::stop`] was called.
    pub(super) fn expect_writable(&self) -> Result<(), PoolError> {
        self.stopped.get().map_or(Ok(()), |action| Err(PoolError::Stopped(action.clone())))
    }

    /// Removing goes on after a failed sync, but not where only reading was asked for.
    pub(super) fn expect_removable(&self) -> Result<(), PoolError> {
        if self.only_read { self.expect_writable() } else { Ok(()) }
    }

    /// A write, sync or rename of a file that is still in staging failed. A full disk harms nothing
    /// but that file; anything else ends the writing.
    pub(super) fn failed(&self, action: &str, source: io::Error) -> PoolError {
        let full = |error| matches!(error, Errno::NOSPC | Errno::DQUOT);
        if Errno::from_io_error(&source).is_some_and(full) {
            let free_bytes = self.free_bytes().unwrap_or_default();
            return PoolError::Full { free_bytes, reserve_bytes: self.reserve_bytes };
        }
        self.stop(action, source)
    }

    /// Ends the writing, whatever the error. For what was renamed already, where even a full disk
    /// leaves it unknown what a crash would bring back, and a second sync would not tell.
    pub(super) fn stop(&self, action: &str, source: io::Error) -> PoolError {
        // The first failure is the one worth reporting.
        let _ = self.stopped.set(action.to_owned());
        PoolError::Io { action: action.to_owned(), source }
    }
}

/// How often the tables of a pool that another process changes are read before a package is missing.
const READINGS: usize = 3;
/// Why nothing is written where only reading was asked for.
const ONLY_READ: &str = "opening: it was opened for reading only";

/// How directories are opened.
pub(super) const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

pub(super) fn io_error(action: String, error: Errno) -> PoolError {
    PoolError::Io { action, source: error.into() }
}

/// File systems whose `syncfs` tells of errors, by their magic numbers: ext4, XFS, btrfs. Others may
/// too, and an overlay does not.
const TELLING: [i64; 3] = [0xef53, 0x5846_5342, 0x9123_683e];

/// Before Linux 5.8 `syncfs` kept quiet about them everywhere.
const TELLING_SINCE: (u32, u32) = (5, 8);

fn tells_of_failed_writes(staging: &OwnedFd) -> bool {
    let system = rustix::fs::fstatfs(staging);
    let telling = system.is_ok_and(|system| TELLING.contains(&system.f_type));
    telling && kernel().is_some_and(|version| version >= TELLING_SINCE)
}

#[expect(clippy::disallowed_methods, reason = "asks the kernel for its version")]
fn kernel() -> Option<(u32, u32)> {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let mut parts = text.split(['.', '-', '\n']).map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// Opens a directory below another, and makes it when there is none; a symbolic link is refused.
pub(super) fn directory(above: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    let new = match rustix::fs::mkdirat(above, name, DIRECTORY_MODE) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(error),
    };
    let opened = rustix::fs::openat(above, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
    if new {
        // The mode given to mkdir is cut by the umask.
        rustix::fs::fchmod(&opened, DIRECTORY_MODE)?;
    }
    Ok(opened)
}

/// Opens the pool's own directory and makes it, durably, when there is none. It is the operator's
/// to name, so here a symbolic link is followed.
fn open_root(path: &Path) -> io::Result<OwnedFd> {
    let open = |path: &Path| rustix::fs::openat(CWD, path, DIRECTORY, Mode::empty());
    match open(path) {
        Err(Errno::NOENT) => {}
        opened => return Ok(opened?),
    }
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE.bits()).create(path)?;
    let above = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    rustix::fs::fsync(open(above.unwrap_or(Path::new(".")))?)?;
    Ok(open(path)?)
}

/// Removes every file in a directory.
fn empty(directory: &OwnedFd) -> Result<(), Errno> {
    let mut names: Vec<CString> = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if entry.file_type() != FileType::Directory {
            names.push(entry.file_name().to_owned());
        }
    }
    for name in names {
        rustix::fs::unlinkat(directory, name, AtFlags::empty())?;
    }
    Ok(())
}
