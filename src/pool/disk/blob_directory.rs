//! All files of one kind, spread over directories named by the first two digits of a digest.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::handles::{DIRECTORY, FileState, Found, directory, io_error};
use super::volume::Volume;
use crate::digest::Digest;
use crate::pool::{Kind, Listed, PoolError};

/// The files of one kind.
pub(super) struct BlobDirectory {
    name: &'static str,
    /// The kind in reports of damage.
    kind: Kind,
    top: OwnedFd,
    /// Directories whose own entry in `top` is known to be durable.
    durable: Mutex<BTreeSet<String>>,
}

impl BlobDirectory {
    pub(super) fn open(name: &'static str, kind: Kind, top: OwnedFd) -> Result<Self, PoolError> {
        let failed = |error| io_error(format!("list {name}"), error);
        let mut durable = BTreeSet::new();
        for entry in Dir::read_from(&top).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if let Ok(name) = entry.file_name().to_str() {
                durable.insert(name.to_owned());
            }
        }
        rustix::fs::fsync(&top).map_err(|error| io_error(format!("sync {name}"), error))?;
        Ok(Self { name, kind, top, durable: Mutex::new(durable) })
    }

    /// Opens the directory for a digest and creates it, durably, when there is none. The lock is
    /// held through the sync, so that no second writer relies on a directory that a crash may still
    /// remove. One whose sync failed is removed first: a second sync of the same would say nothing.
    pub(super) fn directory(&self, volume: &Volume, digest: &Digest) -> Result<OwnedFd, PoolError> {
        let name = fan(digest);
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if !durable.contains(&name) {
            match rustix::fs::unlinkat(&self.top, &name, AtFlags::REMOVEDIR) {
                // One that is not empty was not made here.
                Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
                Err(error) => return Err(volume.failed("remove a directory", error.into())),
            }
        }
        let opened = directory(&self.top, &name)
            .map_err(|error| volume.failed("open a directory", error.into()))?;
        if !durable.contains(&name) {
            rustix::fs::fsync(&self.top)
                .map_err(|error| volume.unsynced("sync of a directory", error.into()))?;
            durable.insert(name);
        }
        Ok(opened)
    }

    /// Opens a file for reading and returns its size. Anything but a plain file is an error; links
    /// are not followed, and pipes do not block.
    pub(super) fn find(&self, digest: &Digest) -> Result<Option<Found>, PoolError> {
        let failed = |error| io_error(format!("open {digest} in {}", self.name), error);
        let obstructed = || PoolError::Obstructed { kind: self.kind, digest: *digest };
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = self.existing(&fan(digest)).and_then(|directory| {
            rustix::fs::openat(directory, digest.to_string(), flags, Mode::empty())
        });
        let opened = match opened {
            Ok(opened) => opened,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NXIO) => return Err(obstructed()),
            Err(error) => return Err(failed(error)),
        };
        let stat = rustix::fs::fstat(&opened).map_err(failed)?;
        match (FileType::from_raw_mode(stat.st_mode), u64::try_from(stat.st_size)) {
            (FileType::RegularFile, Ok(size_bytes)) => {
                let state = FileState::of(&stat);
                Ok(Some(Found {
                    file: opened.into(),
                    offset: 0,
                    size_bytes,
                    bundled: false,
                    state,
                }))
            }
            _ => Err(obstructed()),
        }
    }

    pub(super) fn list(&self) -> Result<Vec<Listed>, PoolError> {
        let failed = |error| io_error(format!("list {}", self.name), error);
        let mut listed = Vec::new();
        for first in 0..=u8::MAX {
            let fan = format!("{first:02x}");
            let directory = match self.existing(&fan) {
                Ok(directory) => directory,
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(failed(error)),
            };
            for entry in Dir::read_from(&directory).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let name = entry.file_name().to_str().unwrap_or_default();
                // Files of other names were not put there by this program.
                let Some(digest) = name.parse().ok().filter(|_| name.starts_with(&fan)) else {
                    continue;
                };
                listed.extend(describe(&directory, digest).map_err(failed)?);
            }
        }
        Ok(listed)
    }

    /// Makes every name there durable: an earlier process may have renamed a file and ended before
    /// its sync.
    pub(super) fn sync_names(&self) -> Result<(), PoolError> {
        for first in 0..=u8::MAX {
            let synced = match self.existing(&format!("{first:02x}")) {
                Ok(directory) => rustix::fs::fsync(directory),
                Err(Errno::NOENT) => continue,
                Err(error) => Err(error),
            };
            synced.map_err(|error| io_error(format!("sync {}", self.name), error))?;
        }
        Ok(())
    }

    pub(super) fn remove(&self, digest: &Digest) -> Result<(), PoolError> {
        let removed = self.existing(&fan(digest)).and_then(|directory| {
            rustix::fs::unlinkat(&directory, digest.to_string(), AtFlags::empty())
        });
        match removed {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(io_error(format!("remove {digest} from {}", self.name), error)),
        }
    }

    fn existing(&self, fan: &str) -> Result<OwnedFd, Errno> {
        rustix::fs::openat(&self.top, fan, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
    }
}

/// The first two digits of a digest.
fn fan(digest: &Digest) -> String {
    let [first, ..] = digest.as_bytes();
    format!("{first:02x}")
}

/// A file's size and age; `None` when it was removed meanwhile.
fn describe(directory: &OwnedFd, digest: Digest) -> Result<Option<Listed>, Errno> {
    let stat = match rustix::fs::statat(directory, digest.to_string(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error),
    };
    let size_bytes = u64::try_from(stat.st_size).unwrap_or_default();
    Ok(Some(Listed { digest, size_bytes, written_at: stat.st_mtime }))
}
