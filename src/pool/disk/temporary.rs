//! A file in staging: it is renamed to its place, or removed.

use std::fs::File;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::handles::{FILE_MODE, io_error};
use super::volume::Volume;
use crate::digest::Digest;
use crate::pool::PoolError;

/// Numbers the files of this process, so that two pools in one directory do not meet.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The name of a file in staging. Dropping it removes the file unless it has moved away.
pub(super) struct Temporary {
    volume: Arc<Volume>,
    name: String,
    moved: bool,
}

impl Temporary {
    /// Creates a file in staging.
    pub(super) fn create(volume: &Arc<Volume>) -> Result<(Self, File), PoolError> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", std::process::id());
        match rustix::fs::openat(volume.staging(), &name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => Ok((Self { volume: volume.clone(), name, moved: false }, file.into())),
            // A disk without room, or without inodes, is no reason to stop writing. Neither is
            // another error here, because nothing has been written yet.
            Err(Errno::NOSPC | Errno::DQUOT) => Err(volume.failed("new file", Errno::NOSPC.into())),
            Err(error) => Err(io_error("make a file in staging".into(), error)),
        }
    }

    /// Moves the file, whose bytes are durable, to its name in `directory`.
    pub(super) fn rename(mut self, directory: impl AsFd, digest: &Digest) -> Result<(), PoolError> {
        rustix::fs::renameat(self.volume.staging(), &self.name, directory, digest.to_string())
            .map_err(|e| self.volume.failed("rename", e.into()))?;
        self.moved = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.moved {
            // A file that cannot be removed now is removed at the next opening of the pool.
            let _ = rustix::fs::unlinkat(self.volume.staging(), &self.name, AtFlags::empty());
        }
    }
}

/// Sets the mode of a stored file: in staging only its owner may read it.
pub(super) fn open_up(file: &File, digest: &Digest) -> Result<(), PoolError> {
    let mode = rustix::fs::fchmod(file, FILE_MODE);
    mode.map_err(|e| io_error(format!("set the mode of {digest}"), e))
}
