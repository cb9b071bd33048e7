//! Bytes on their way into a disk pool: a file in staging that is hashed while it is written, and
//! that its commit moves out of staging.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use rustix::fs::{Timespec, Timestamps, UTIME_NOW};
use tracing::warn;

use super::handles::io_error;
use super::temporary::{Temporary, open_up};
use super::tree::Tree;
use crate::digest::{Digest, Hasher};
use crate::pool::{Kind, PoolError, Staged, Staging};

/// How much is written between two checks of the free space. Unit: bytes.
const WEIGH_EVERY_BYTES: u64 = 16 << 20;

/// Whether bytes are stored already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Presence {
    /// No, or nobody may rely on it.
    Absent,
    /// As a file, whose name may not be durable yet: another thread may have renamed it just now.
    There,
    /// In a bundle, which is listed once it is durable.
    Durable,
}

/// Checks whether these bytes are stored, and sets their time as if they had come now.
pub(super) fn freshen(tree: &Tree, kind: Kind, digest: &Digest) -> Result<Presence, PoolError> {
    let found = match tree.find(kind, digest) {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(Presence::Absent),
        // What is damaged is replaced by the sound bytes that came.
        Err(PoolError::Damaged { .. }) => {
            warn!(%kind, %digest, "a damaged copy is replaced by sound bytes that came");
            return Ok(Presence::Absent);
        }
        Err(problem) => return Err(problem),
    };
    if tree.volume.names.is_doubtful(kind, digest) {
        return Ok(Presence::Absent);
    }
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: now, last_modification: now };
    rustix::fs::futimens(&found.file, &times)
        .map_err(|e| io_error(format!("touch {digest}"), e))?;
    Ok(if found.bundled { Presence::Durable } else { Presence::There })
}

impl DiskStaged {
    /// Renames the file to its name, durably.
    fn keep(self, kind: Kind) -> Result<(), PoolError> {
        let Self { tree, temporary, file, digest, .. } = self;
        let volume = &tree.volume;
        volume.expect_writable()?;
        let directory = tree.directory_of(kind).directory(volume, &digest)?;
        if freshen(&tree, kind, &digest)? == Presence::Absent {
            open_up(&file, &digest)?;
            file.sync_all().map_err(|e| volume.unsynced("sync of a file", e))?;
            tree.volume.names.doubt(kind, digest);
            temporary.rename(&directory, &digest)?;
            if let Ok(stat) = rustix::fs::fstat(&file) {
                tree.verified.written(kind, &digest, &stat);
            }
        }
        // Also when the file was there already: the thread that renamed it may not have reached
        // this line yet.
        let synced = rustix::fs::fsync(&directory);
        let synced = synced.map_err(|e| volume.unsynced("sync of a directory", e.into()));
        tree.volume.names.settle(kind, &[digest], synced)
    }
}

/// See [`Staging`].
pub(super) struct DiskStaging {
    tree: Arc<Tree>,
    temporary: Temporary,
    pub(super) file: File,
    hasher: Hasher,
    size_bytes: u64,
    unweighed_bytes: u64,
    failed: bool,
}

impl DiskStaging {
    pub(super) fn begin(tree: &Arc<Tree>) -> Result<Self, PoolError> {
        let (temporary, file) = Temporary::create(&tree.volume)?;
        Ok(Self {
            tree: tree.clone(),
            temporary,
            file,
            hasher: Hasher::new(),
            size_bytes: 0,
            unweighed_bytes: 0,
            failed: false,
        })
    }

    fn take(&mut self, bytes: &[u8]) -> Result<usize, PoolError> {
        let volume = &self.tree.volume;
        volume.expect_writable()?;
        if self.unweighed_bytes >= WEIGH_EVERY_BYTES {
            volume.weigh(0)?;
            self.unweighed_bytes = 0;
        }
        let written = loop {
            match self.file.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(volume.failed("write", error)),
                Ok(0) if !bytes.is_empty() => {
                    return Err(volume.failed("write", io::ErrorKind::WriteZero.into()));
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

    /// Nothing is buffered here: every write goes to the file at once.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Staging for DiskStaging {
    fn finish(self: Box<Self>) -> Result<Box<dyn Staged>, PoolError> {
        let Self { tree, temporary, file, hasher, size_bytes, failed, .. } = *self;
        tree.volume.expect_writable()?;
        let stat = file.metadata();
        let stat = stat.map_err(|e| tree.volume.failed("look at a written file", e))?;
        if failed || stat.len() != size_bytes {
            let source = io::Error::other("an earlier write did not succeed");
            return Err(PoolError::Io { action: "finish a staged file".into(), source });
        }
        Ok(Box::new(DiskStaged { tree, temporary, file, digest: hasher.finish(), size_bytes }))
    }
}

/// See [`Staged`].
pub(super) struct DiskStaged {
    tree: Arc<Tree>,
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
