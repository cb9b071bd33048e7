//! Bytes on their way into a disk pool: a file in staging that is hashed while it is written, and
//! that leaves staging by its commit or is removed.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps, UTIME_NOW};
use rustix::io::Errno;

use super::tree::{FILE_MODE, Tree, io_error};
use crate::digest::{Digest, Hasher};
use crate::pool::{Kind, PoolError, Staged, Staging};

/// How much is written between two looks at the free space. Unit: bytes.
const WEIGH_EVERY_BYTES: u64 = 16 << 20;

/// Numbers the files of this process, so that two pools in one directory do not meet.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The name of a file in staging. Dropping it removes the file unless it has moved away.
pub(super) struct Temporary {
    tree: Arc<Tree>,
    name: String,
    moved: bool,
}

impl Temporary {
    /// Makes a file in staging.
    pub(super) fn create(tree: &Arc<Tree>) -> Result<(Self, File), PoolError> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", std::process::id());
        match rustix::fs::openat(tree.staging(), &name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => Ok((Self { tree: tree.clone(), name, moved: false }, file.into())),
            // A disk without room, or without inodes, is no reason to end the writing; nor is
            // anything else here, because nothing has been written yet.
            Err(Errno::NOSPC | Errno::DQUOT) => Err(tree.failed("new file", Errno::NOSPC.into())),
            Err(error) => Err(io_error("make a file in staging".into(), error)),
        }
    }

    /// Moves the file, whose bytes are durable, to its name in `directory`.
    pub(super) fn rename(mut self, directory: impl AsFd, digest: &Digest) -> Result<(), PoolError> {
        rustix::fs::renameat(self.tree.staging(), &self.name, directory, digest.to_string())
            .map_err(|e| self.tree.failed("rename", e.into()))?;
        self.moved = true;
        Ok(())
    }
}

/// Whether bytes are there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Presence {
    /// No.
    Absent,
    /// As a file, whose name may not be durable yet: another thread may just have given it.
    There,
    /// In a bundle, which is shown once it is durable.
    Durable,
}

/// Looks whether these bytes are there, and makes them as young as if they had come now.
pub(super) fn freshen(
    tree: &Tree,
    kind: Kind,
    digest: &Digest,
    size_bytes: u64,
) -> Result<Presence, PoolError> {
    let Some(found) = tree.find(kind, digest)? else { return Ok(Presence::Absent) };
    if found.size_bytes != size_bytes {
        return Err(PoolError::Damaged { kind, digest: *digest });
    }
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: now, last_modification: now };
    rustix::fs::futimens(&found.file, &times)
        .map_err(|e| io_error(format!("touch {digest}"), e))?;
    Ok(if found.bundled { Presence::Durable } else { Presence::There })
}

/// Makes the mode that of a kept file: what is still on its way in is for its owner alone.
pub(super) fn open_up(file: &File, digest: &Digest) -> Result<(), PoolError> {
    let mode = rustix::fs::fchmod(file, FILE_MODE);
    mode.map_err(|e| io_error(format!("set the mode of {digest}"), e))
}

impl DiskStaged {
    /// Gives the file its name among the durable ones.
    fn keep(self, kind: Kind) -> Result<(), PoolError> {
        let Self { temporary, file, digest, size_bytes } = self;
        let tree = temporary.tree.clone();
        tree.expect_writable()?;
        let made = tree.shelf(kind).directory(&digest);
        let directory = made.map_err(|e| tree.failed("sync of a directory", e.into()))?;
        if freshen(&tree, kind, &digest, size_bytes)? == Presence::Absent {
            open_up(&file, &digest)?;
            file.sync_all().map_err(|e| tree.failed("sync of a file", e))?;
            temporary.rename(&directory, &digest)?;
        }
        // Also when they were there: who renamed them may not have come to this line yet.
        rustix::fs::fsync(&directory).map_err(|e| tree.stop("sync of a directory", e.into()))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.moved {
            // What cannot be removed now is removed when the pool is opened next.
            let _ = rustix::fs::unlinkat(self.tree.staging(), &self.name, AtFlags::empty());
        }
    }
}

/// See [`Staging`].
pub(super) struct DiskStaging {
    temporary: Temporary,
    pub(super) file: File,
    hasher: Hasher,
    size_bytes: u64,
    unweighed_bytes: u64,
    failed: bool,
}

impl DiskStaging {
    pub(super) fn begin(tree: &Arc<Tree>) -> Result<Self, PoolError> {
        let (temporary, file) = Temporary::create(tree)?;
        Ok(Self {
            temporary,
            file,
            hasher: Hasher::new(),
            size_bytes: 0,
            unweighed_bytes: 0,
            failed: false,
        })
    }

    fn take(&mut self, bytes: &[u8]) -> Result<usize, PoolError> {
        let tree = &self.temporary.tree;
        tree.expect_writable()?;
        if self.unweighed_bytes >= WEIGH_EVERY_BYTES {
            tree.weigh(0)?;
            self.unweighed_bytes = 0;
        }
        let written = loop {
            match self.file.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(tree.failed("write", error)),
                Ok(0) if !bytes.is_empty() => {
                    return Err(tree.failed("write", io::ErrorKind::WriteZero.into()));
                }
                Ok(written) => break written,
            }
        };
        self.hasher.update(bytes.get(..written).unwrap_or(bytes));
        let written_bytes = written as u64;
        self.size_bytes = self.size_bytes.saturating_add(written_bytes);
        self.unweighed_bytes = self.unweighed_bytes.saturating_add(written_bytes);
        Ok(written)
    }
}

impl Write for DiskStaging {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes).map_err(|error| {
            self.failed = true;
            match error {
                PoolError::Io { source, .. } => source,
                PoolError::Full { .. } => io::Error::new(io::ErrorKind::StorageFull, error),
                other => io::Error::other(other),
            }
        })
    }

    /// Nothing waits here: every write goes to the file at once.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Staging for DiskStaging {
    fn finish(self: Box<Self>) -> Result<Box<dyn Staged>, PoolError> {
        let Self { temporary, file, hasher, size_bytes, failed, .. } = *self;
        temporary.tree.expect_writable()?;
        let stat = file.metadata();
        let stat = stat.map_err(|e| temporary.tree.failed("look at a written file", e))?;
        if failed || stat.len() != size_bytes {
            let source = io::Error::other("an earlier write did not succeed");
            return Err(PoolError::Io { action: "finish a staged file".into(), source });
        }
        Ok(Box::new(DiskStaged { temporary, file, digest: hasher.finish(), size_bytes }))
    }
}

/// See [`Staged`].
pub(super) struct DiskStaged {
    temporary: Temporary,
    file: File,
    digest: Digest,
    size_bytes: u64,
}

impl Staged for DiskStaged {
    fn digest(&self) -> Digest {
        self.digest
    }

    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn commit(self: Box<Self>, kind: Kind) -> Result<(), PoolError> {
        self.keep(kind)
    }
}
