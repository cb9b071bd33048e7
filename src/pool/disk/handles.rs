//! Handles: how directories and files are opened, and with which modes they are created.

use std::ffi::CString;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::cause::Cause;
use crate::pool::PoolError;

/// Files are for the owner to write and for the group to read.
pub(super) const FILE_MODE: Mode = Mode::from_raw_mode(0o640);
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o750);

/// How directories are opened.
pub(super) const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

pub(super) fn io_error(action: String, error: Errno) -> PoolError {
    match is_scarce(error) {
        true => PoolError::Scarce(Cause::with(&action, error)),
        false => PoolError::Io { action, source: error.into() },
    }
}

/// Whether a call failed because of what the process holds, and not because of the disk.
pub(super) fn is_scarce(error: Errno) -> bool {
    matches!(error, Errno::MFILE | Errno::NFILE | Errno::NOMEM)
}

/// Stored bytes: a whole file, or a part of one.
pub(super) struct Found {
    pub(super) file: File,
    /// The offset of the first byte. Unit: bytes.
    pub(super) offset: u64,
    /// How many bytes.
    pub(super) size_bytes: u64,
    /// Whether other blobs are in the same file.
    pub(super) bundled: bool,
    /// The state of the file.
    pub(super) state: FileState,
}

/// The state of a file. Writing to it, replacing it and touching it change this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FileState {
    inode: u64,
    size_bytes: i64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileState {
    /// Which file.
    pub(super) fn inode(&self) -> u64 {
        self.inode
    }

    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino,
            size_bytes: stat.st_size,
            modified: (stat.st_mtime, stat.st_mtime_nsec.cast_signed()),
            changed: (stat.st_ctime, stat.st_ctime_nsec.cast_signed()),
        }
    }
}

/// Opens a directory below another, and creates it when there is none; a symbolic link is refused.
pub(super) fn directory(above: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    let new = match rustix::fs::mkdirat(above, name, DIRECTORY_MODE) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(error),
    };
    let opened = rustix::fs::openat(above, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
    if new {
        // The umask restricts the mode given to mkdir.
        rustix::fs::fchmod(&opened, DIRECTORY_MODE)?;
    }
    Ok(opened)
}

/// Opens the pool's own directory and creates it, durably, when there is none. The operator chose
/// this path, so here a symbolic link is followed.
pub(super) fn open_root(path: &Path) -> io::Result<OwnedFd> {
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
pub(super) fn empty(directory: &OwnedFd) -> Result<(), Errno> {
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
